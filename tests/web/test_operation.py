"""What the edge tells operators: numbers, lines about requests, where the time went."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Reason
from gateway.signing import Keyring, sign
from gateway.signing.tokens import Tokens
from gateway.telemetry import Telemetry, configure_logging
from gateway.telemetry import metrics as m
from gateway.web import Bearer, Gate, MetricsEndpoint
from gateway.web.access import OPEN
from tests.fakes import MAYA, Clock, FakeAvatars, logging_restored
from tests.scrapes import Scrape
from tests.web.test_application import Edge, fallback, photo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import Avatar

NUMBER = "15551234567"
KEY = "test-signing-key-0001"
TEXT = (b"# numbers\n", "text/plain; version=0.0.4; charset=utf-8")


async def numbers(accept: str) -> tuple[bytes, str]:
    return TEXT if not accept else (accept.encode(), "text/echo")


def metered(token: str | None = None) -> Edge:
    return Edge(FakeAvatars(photo()), metrics=MetricsEndpoint(numbers, Bearer(token)))


# ---- /metrics ----


async def test_metrics_are_for_everybody_unless_there_is_a_token() -> None:
    answer = await metered().ask("/metrics")
    assert (answer.status, answer.body) == (200, TEXT[0])
    assert answer.headers == {
        "content-type": TEXT[1],
        "content-length": "10",
        "cache-control": "no-store",
        "server": "avatar-gateway",
        "x-content-type-options": "nosniff",
    }


async def test_metrics_come_in_the_format_that_is_wanted() -> None:
    answer = await metered().ask("/metrics", accept="application/openmetrics-text")
    assert answer.body == b"application/openmetrics-text"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic right"}, 401),
        ({"authorization": "right"}, 401),
        ({"authorization": "Bearer right"}, 200),
        ({"authorization": "bearer right"}, 200),
    ],
)
async def test_with_a_token_metrics_are_for_who_has_it(sent: dict[str, str], status: int) -> None:
    answer = await metered("right").ask("/metrics", body=b"", **sent)
    assert answer.status == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert b"numbers" not in answer.body


async def test_head_of_metrics_has_no_body_and_no_other_method_is_taken() -> None:
    answer = await metered().ask("/metrics", "HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "10")
    assert (await metered().ask("/metrics", "POST")).status == 405


async def test_an_application_without_numbers_has_no_such_route() -> None:
    assert (await Edge(FakeAvatars(photo())).ask("/metrics")).status == 404


async def test_answers_and_looks_are_counted() -> None:
    at = Edge(FakeAvatars(photo()))
    await at.ask(f"/avatar/{NUMBER}.webp")
    await at.ask(f"/avatar/{NUMBER}.png", if_none_match="*")
    await at.ask("/avatar/nonsense.png")
    text, _ = at.telemetry.exposed({}, accept="")
    seen = Scrape(text.decode())
    answers = {
        (status, reason): seen.value(
            m.ANSWERS.name, status=status, reason=reason, source="fallback" if reason else "photo"
        )
        for status, reason in (("200", ""), ("304", ""), ("400", "invalid"))
    }
    assert set(answers.values()) == {1.0}
    assert seen.value(m.LOOKS.name, result="hit") == 2
    assert seen.value(f"{m.ANSWER_SECONDS.name}_count") == 3


# ---- Server-Timing ----


async def test_who_has_the_admin_token_learns_where_the_time_went() -> None:
    at = Edge(FakeAvatars(photo()), token="right")
    answer = await at.ask(f"/avatar/{NUMBER}.png", authorization="Bearer right")
    assert re.fullmatch(r"cache;dur=\d+\.\d", answer.headers["server-timing"])


@pytest.mark.parametrize("sent", [{}, {"authorization": "Bearer wrong"}])
async def test_nobody_else_learns_that(sent: dict[str, str]) -> None:
    at = Edge(FakeAvatars(photo()), token="right")
    answer = await at.ask(f"/avatar/{NUMBER}.png", body=b"", **sent)
    assert (answer.status, "server-timing" in answer.headers) == (200, False)


# ---- the access log ----


@pytest.fixture(autouse=True)
def _unlogged() -> Iterator[None]:
    with logging_restored():
        yield


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for line in found:
        assert line.pop("event") == "request"
        assert line.pop("level") == "info"
        assert line.pop("timestamp")
        milliseconds = line.pop("ms")
        assert isinstance(milliseconds, float)
        assert milliseconds >= 0
    return found


def logged(avatar: Avatar | Exception | None = None, *, gate: Gate = OPEN) -> Edge:
    """An application that logs requests, on standard error as it is now."""
    configure_logging(level="critical", as_json=True)
    telemetry = Telemetry(pseudonym=lambda contact: {MAYA: "5eed0f3a11ce"}[contact])
    avatars = FakeAvatars(photo() if avatar is None else avatar)
    return Edge(avatars, telemetry=telemetry, gate=gate, access_log=True)


async def test_each_request_is_one_line_whatever_the_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = logged()
    await at.ask(f"/avatar/{NUMBER}@c.us.png?name=Maya&size=48")
    await at.ask(f"/avatar/{NUMBER}.png", "HEAD")
    await logged(fallback(Reason.NONE)).ask(f"/avatar/{NUMBER}.png")
    photograph = {"contact": "5eed0f3a11ce", "method": "GET", "route": "avatar", "status": 200}
    assert told(capsys) == [
        photograph | {"source": "photo", "bytes": 9},
        photograph | {"method": "HEAD", "source": "photo", "bytes": 0},
        photograph | {"source": "fallback", "reason": "none", "bytes": 12},
    ]


@pytest.mark.parametrize(
    ("method", "target", "line"),
    [
        ("GET", "/avatar/15559999999x.png", {"route": "avatar", "status": 400}),
        ("GET", "/healthz", {"route": "healthz", "status": 200}),
        ("GET", "/", {"route": "root", "status": 404}),
        ("GET", f"/{NUMBER}/../x?{NUMBER}", {"route": "other", "status": 404}),
        ("GET", "/robots.txt", {"route": "other", "status": 200}),
        ("POST", "/avatars", {"route": "avatars", "status": 404, "method": "POST"}),
    ],
)
async def test_a_line_names_a_route_and_never_a_path(
    capsys: pytest.CaptureFixture[str], method: str, target: str, line: dict[str, object]
) -> None:
    await logged().ask(target, method)
    (found,) = told(capsys)
    assert line.items() <= ({"method": "GET"} | found).items()
    assert "contact" not in found
    assert NUMBER not in str(found)


async def test_a_contact_behind_a_token_is_told_as_the_same_hash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tokens = Tokens([KEY])
    at = logged(gate=Gate(Keyring([KEY]), tokens.unseal, clock=Clock()))
    await at.ask(f"/avatar/{tokens.seal(MAYA)}.png")
    await at.ask(sign(f"/avatar/{NUMBER}.png", key=KEY))
    await at.ask(f"/avatar/{NUMBER}.png")
    assert [line.get("contact") for line in told(capsys)] == ["5eed0f3a11ce"] * 2 + [None]


async def test_a_fault_is_a_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    await logged(ValueError()).ask(f"/avatar/{NUMBER}.png")
    (found,) = told(capsys)
    assert (found["status"], found["reason"]) == (500, "internal")


async def test_without_the_setting_there_are_no_such_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(level="error", as_json=True)
    await Edge(FakeAvatars(photo())).ask(f"/avatar/{NUMBER}.png")
    assert capsys.readouterr().err == ""
