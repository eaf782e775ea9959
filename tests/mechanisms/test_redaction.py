"""What slipped past the first net never reaches a log line."""

from __future__ import annotations

import logging
import sys

import pytest

from gateway.telemetry import configure_logging
from gateway.telemetry.redaction import Redacting, pseudonym, redacted
from tests.fakes import logging_restored

TOKEN = "s3cret-t0ken"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'HTTP Request: GET https://api.wawp.net/v2/session/info?access_token=t "200 OK"',
            'HTTP Request: GET https://api.wawp.net/v2/session/info?*** "200 OK"',
        ),
        (
            "for url 'https://pps.whatsapp.net/v/a_n.jpg?ccb=11-4&oh=01_A&oe=66BC702E'",
            "for url 'https://pps.whatsapp.net/v/a_n.jpg?***'",
        ),
        ("HTTP://HOST/p?q=1", "HTTP://HOST/p?***"),
        ("redis://default:hunter2@10.0.0.1:6379/0", "redis://***@10.0.0.1:6379/0"),
        ("https://user@host/", "https://***@host/"),
        (
            "?instance_id=A1&contactId=1555&refresh=true",
            "?instance_id=***&contactId=***&refresh=true",
        ),
        ("oh=01_Q5A&oe=66BC702E", "oh=***&oe=66BC702E"),
        ("sig=MRLpERM95khLZZmTgbYP_g", "sig=***"),
        ("Authorization: Bearer hunter2, next", "Authorization: Bearer ***, next"),
        ("{'authorization': 'hunter2'}", "{'authorization': '***'}"),
        ("GET /avatar/15551234567@c.us.png?size=48 200", "GET /avatar/***?size=48 200"),
        ("no photo of 15551234567@c.us", "no photo of ***@c.us"),
        ("15551234567:12@s.whatsapp.net", "***@s.whatsapp.net"),
        ("491701234567-1581234048@g.us", "***@g.us"),
        ("123456789012345@lid, 120363043968066561@newsletter", "***@lid, ***@newsletter"),
        ("called +15551234567", "called ***"),
        ("(15551234567)", "(***)"),
        ("There is no 15551234567.", "There is no ***."),
        ("…15551234567...", "…***..."),
    ],
)
def test_secrets_and_contacts_are_struck_out(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Listening at: http://127.0.0.1:8000 (4711)",
        "2026-11-25T03:53:41.123456Z gateway.started version=0.1.0",
        "contact=5eed0f3a11ce reason=timeout detail=the API answered 502",
        "contact=555123456789a",
        "size 1048576 of 67108864",
        "since 1790000000.123456, after 0.15551234567 s",
        "File gateway/app.py, line 120, in lifespan",
    ],
)
def test_what_says_nothing_secret_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("digits", "shown"),
    [
        ("5eed0f3a11ce" + "00" * 26, "5eed0f3a11ce"),
        ("123456789012ab" + "00" * 25, "23456789012a"),
        ("12" * 32, "?"),
    ],
)
def test_what_stands_for_a_contact_is_not_taken_for_one(digits: str, shown: str) -> None:
    assert pseudonym(bytes.fromhex(digits)) == shown
    assert redacted(f"contact={shown} size=48") == f"contact={shown} size=48"


def test_known_secrets_go_wherever_they_stand() -> None:
    assert redacted(f"Traceback …{TOKEN}…", [TOKEN]) == "Traceback …***…"


def test_an_empty_secret_is_none() -> None:
    record = logging.makeLogRecord({"msg": "as it is"})
    assert Redacting(logging.Formatter(), [""]).format(record) == "as it is"


def test_a_traceback_is_struck_out_too() -> None:
    def fail() -> None:
        raise ValueError(f"GET https://api.wawp.net/v2?access_token={TOKEN}")

    try:
        fail()
    except ValueError:
        record = logging.makeLogRecord({"msg": "it failed", "exc_info": sys.exc_info()})
    line = Redacting(logging.Formatter()).format(record)
    assert "ValueError: GET https://api.wawp.net/v2?***" in line


def test_lines_of_the_house_and_of_the_server_pass_through_the_net(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logging_restored():
        configure_logging(level="info", as_json=True, secrets=[TOKEN])
        logging.getLogger("gunicorn.error").error("cannot read %s", TOKEN)
        logging.getLogger("gateway.any").error("15551234567@c.us and %s", TOKEN)
    told = capsys.readouterr().err
    assert '"detail": "cannot read ***"' in told
    assert "***@c.us and ***" in told
    assert TOKEN not in told
