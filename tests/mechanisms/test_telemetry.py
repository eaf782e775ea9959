"""What the operator is told: names that stay, lines that hold no contact and no secret."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Reason
from gateway.telemetry import Event, Telemetry, configure_logging
from gateway.telemetry.repeats import MINUTE, MOST, Repeats
from tests.fakes import LEON, MAYA, Clock, logging_restored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import ContactId

DETAIL = "the API answered 500"


def pseudonym(contact: ContactId) -> str:
    return {MAYA: "5eed0f3a11ce", LEON: "0b5e55ed1e0f"}[contact]


@dataclass(frozen=True)
class Log:
    """What was written to standard error since it was last read."""

    capsys: pytest.CaptureFixture[str]

    def text(self) -> str:
        captured = self.capsys.readouterr()
        assert captured.out == ""
        return captured.err

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[Log]:
    with logging_restored():
        yield Log(capsys)


def telling(*, level: str = "debug", as_json: bool = True) -> Telemetry:
    """Telemetry whose lines `Log` reads; called by the test itself, when stderr is its own."""
    configure_logging(level=level, as_json=as_json)
    return Telemetry(pseudonym=pseudonym)


def tell_everything(telemetry: Telemetry) -> None:
    telemetry.started("1.2.3")
    telemetry.answered(200, None)
    telemetry.run_failed(MAYA, Reason.UPSTREAM, DETAIL)
    telemetry.store_failed("the portrait store failed (TimeoutError)")
    telemetry.fleet("Valkey failed (TimeoutError)")
    telemetry.sharing("budget", "the file system hangs")
    telemetry.sharing("budget", "the file system hangs")
    telemetry.refused("the API refused the credentials (401)")
    telemetry.newcomer_refused()
    telemetry.swept(0)
    telemetry.swept(12)
    telemetry.sweep_failed("3 portraits remain")
    telemetry.unguarded("0.0.0.0")  # noqa: S104 - a name in a line
    telemetry.setting_ignored("GATEWAY_DAEDLINE", "no such setting")
    telemetry.bug(a_bug())
    telemetry.requested(MAYA, method="GET", status=200, reason=None, bytes=7)
    telemetry.stopped()


def a_bug() -> Exception:
    """Return an error that passed through a frame with a secret in it."""

    def fail(token: str) -> None:
        raise KeyError(len(token))

    try:
        fail("an-access" + "-token")
    except KeyError as error:
        return error
    raise AssertionError


def test_the_names_of_log_lines_are_public_and_stay() -> None:
    assert {event.name: str(event) for event in Event} == {
        "STARTED": "gateway.started",
        "STOPPED": "gateway.stopped",
        "UNGUARDED": "gateway.unguarded",
        "SETTING_IGNORED": "setting.ignored",
        "RUN_FAILED": "run.failed",
        "STORE_FAILED": "store.failed",
        "SHARING_FAILED": "sharing.failed",
        "REFUSED": "upstream.refused",
        "NEWCOMERS_REFUSED": "newcomers.refused",
        "FLEET_FAILED": "valkey.failed",
        "STORE_SWEPT": "store.swept",
        "SWEEP_FAILED": "store.sweep_failed",
        "BUG": "bug",
        "REQUEST": "request",
    }


def test_every_event_is_one_line_of_json(log: Log) -> None:
    tell_everything(telling())
    lines = log.lines()
    assert all(str(line.pop("timestamp")).endswith("Z") for line in lines)
    bug = next(line for line in lines if line["event"] == "bug")
    assert str(bug.pop("exception")).endswith("KeyError: 15")
    assert lines == [
        {"event": "gateway.started", "level": "info", "version": "1.2.3"},
        {
            "event": "run.failed",
            "level": "info",
            "contact": "5eed0f3a11ce",
            "reason": "upstream",
            "detail": DETAIL,
        },
        {
            "event": "store.failed",
            "level": "warning",
            "detail": "the portrait store failed (TimeoutError)",
        },
        {
            "event": "valkey.failed",
            "level": "warning",
            "detail": "Valkey failed (TimeoutError)",
        },
        {
            "event": "sharing.failed",
            "level": "warning",
            "part": "budget",
            "detail": "the file system hangs",
        },
        {
            "event": "upstream.refused",
            "level": "error",
            "detail": "the API refused the credentials (401)",
        },
        {
            "event": "newcomers.refused",
            "level": "warning",
            "why": "strangers ask about more new contacts than they may: set GATEWAY_SIGNING_KEYS, "
            "or GATEWAY_TRUSTED_PROXIES if they all come through a proxy",
        },
        {"event": "store.swept", "level": "info", "removed": 12},
        {"event": "store.sweep_failed", "level": "warning", "detail": "3 portraits remain"},
        {
            "event": "gateway.unguarded",
            "level": "warning",
            "host": "0.0.0.0",  # noqa: S104 - as above
            "why": "anybody who reaches this host may ask for any number: set GATEWAY_SIGNING_KEYS",
        },
        {
            "event": "setting.ignored",
            "level": "warning",
            "names": "GATEWAY_DAEDLINE",
            "why": "no such setting",
        },
        {"event": "bug", "level": "error"},
        {
            "event": "request",
            "level": "info",
            "contact": "5eed0f3a11ce",
            "method": "GET",
            "status": 200,
            "bytes": 7,
        },
        {"event": "gateway.stopped", "level": "info"},
    ]
    assert {line["event"] for line in lines} == set(Event)


def test_lines_for_people_say_the_same(log: Log) -> None:
    tell_everything(telling(as_json=False))
    text = log.text()
    for said in (*Event, "5eed0f3a11ce", "reason=upstream", DETAIL, "KeyError: 15", "Traceback"):
        assert said in text
    assert "\x1b" not in text


@pytest.mark.parametrize("as_json", [True, False])
def test_no_line_holds_a_contact_or_a_secret(log: Log, *, as_json: bool) -> None:
    tell_everything(telling(as_json=as_json))
    text = log.text()
    assert "15551234567" not in text
    # A traceback shows lines of the source and no values.
    assert "an-access-token" not in text


@pytest.mark.parametrize(
    ("level", "told"),
    # Lines about requests are asked for by a setting of their own.
    [("debug", 14), ("info", 14), ("warning", 9 + 1), ("error", 2 + 1)],
)
def test_only_lines_of_the_level_are_written(log: Log, level: str, told: int) -> None:
    tell_everything(telling(level=level))
    assert len(log.lines()) == told


def test_logging_can_be_configured_again_and_nothing_is_told_twice(log: Log) -> None:
    telling(as_json=False)
    telling().started("1")
    assert [line["event"] for line in log.lines()] == ["gateway.started"]


@pytest.mark.parametrize("name", ["httpx", "httpcore", "httpcore.connection", "PIL", "PIL.Image"])
def test_libraries_that_print_urls_are_silent_even_when_debugging(
    log: Log, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    telling()
    for tell in (logging.getLogger(name).debug, logging.getLogger(name).error):
        tell("GET https://api.example/?access_token=secret")
    assert (caplog.text, log.text()) == ("", "")


def test_a_plain_line_of_ours_comes_out_in_the_same_dress(log: Log) -> None:
    telling().stopped()
    logging.getLogger("gateway.room").warning("%s of %s", 1, 2)
    ours, plain = log.lines()
    assert set(plain) == set(ours)
    assert (plain["event"], plain["level"]) == ("1 of 2", "warning")


def test_a_failing_store_is_told_once_until_it_works_again(log: Log) -> None:
    telemetry = telling()
    for detail in ("first", "second", "third"):
        telemetry.store_failed(detail)
    assert [line["detail"] for line in log.lines()] == ["first"]
    assert telemetry.degraded == {"store": "third"}
    telemetry.store_works()
    telemetry.store_works()
    assert telemetry.degraded == {}
    telemetry.store_failed("again")
    assert [line["detail"] for line in log.lines()] == ["again"]
    assert telemetry.store_failures == 4


def test_a_failing_valkey_is_told_once_until_it_works_again(log: Log) -> None:
    telemetry = telling()
    for detail in ("first", "second"):
        telemetry.fleet(detail)
    assert [line["detail"] for line in log.lines()] == ["first"]
    assert telemetry.degraded == {"valkey": "second"}
    telemetry.fleet(None)
    telemetry.fleet(None)
    assert telemetry.degraded == {}
    telemetry.fleet("again")
    assert [line["event"] for line in log.lines()] == ["valkey.failed"]
    assert telemetry.fleet_failures == 3


def test_newcomers_who_are_refused_are_counted_and_told_once(log: Log) -> None:
    telemetry = telling()
    for _ in range(1000):
        telemetry.newcomer_refused()
    assert [line["event"] for line in log.lines()] == ["newcomers.refused"]
    assert telemetry.newcomers_refused == 1000


def test_answers_are_counted_by_status_and_reason_and_not_told(log: Log) -> None:
    telemetry = telling()
    for status, reason in ((200, None), (200, None), (304, None), (200, Reason.NONE)):
        telemetry.answered(status, reason)
    assert dict(telemetry.answers) == {(200, "photo"): 2, (304, "photo"): 1, (200, "none"): 1}
    assert log.text() == ""


def test_bugs_are_counted_and_each_is_told(log: Log) -> None:
    telemetry = telling()
    for error in (ValueError("a"), KeyError("b"), ValueError("a")):
        telemetry.bug(error)
    assert telemetry.bugs == 3
    assert [line["exception"] for line in log.lines()] == [
        "ValueError: a",
        "KeyError: 'b'",
        "ValueError: a",
    ]


def test_a_line_that_says_the_same_is_left_out_for_a_minute_and_counted(log: Log) -> None:
    telemetry = telling(level="info")
    for contact in (MAYA, LEON, MAYA):
        telemetry.run_failed(contact, Reason.UPSTREAM, DETAIL)
    telemetry.run_failed(MAYA, Reason.TIMEOUT, DETAIL)
    for _ in range(3):
        telemetry.refused("401")
        telemetry.bug(a_bug())
    told = [(line["event"], line.get("reason")) for line in log.lines()]
    assert told == [
        ("run.failed", "upstream"),
        ("run.failed", "timeout"),
        ("upstream.refused", None),
        ("bug", None),
    ]
    assert telemetry.bugs == 3


def test_when_debugging_nothing_is_left_out(log: Log) -> None:
    telemetry = telling(level="debug")
    for _ in range(3):
        telemetry.run_failed(MAYA, Reason.UPSTREAM, DETAIL)
    assert [line["level"] for line in log.lines()] == ["info", "debug", "debug"]


def test_a_line_tells_how_many_like_it_were_left_out() -> None:
    clock = Clock()
    repeats = Repeats(ticks=clock)
    assert repeats.left_out("a") == 0
    assert [repeats.left_out("a") for _ in range(3)] == [None] * 3
    assert repeats.left_out("b") == 0
    clock.advance(MINUTE)
    assert repeats.left_out("a") == 3
    assert repeats.left_out("a") is None
    clock.advance(MINUTE)
    assert repeats.left_out("a") == 1
    assert repeats.left_out("b") == 0


def test_what_is_remembered_of_lines_is_bounded() -> None:
    repeats = Repeats(ticks=Clock())
    for each in range(MOST + 1):
        assert repeats.left_out(each) == 0
    assert repeats.left_out(1) is None
    assert repeats.left_out(0) == 0


def test_lines_of_the_server_come_out_in_the_same_dress_under_one_name(log: Log) -> None:
    telling().stopped()
    logging.getLogger("gunicorn.error").info("Booting worker with pid: %s", 7)
    ours, theirs = log.lines()
    assert theirs["event"] == "server"
    assert theirs["detail"] == "Booting worker with pid: 7"
    assert set(theirs) == {*ours, "detail"}


def test_a_line_tells_every_reason_there_is(log: Log) -> None:
    telemetry = telling()
    for reason in Reason:
        telemetry.run_failed(LEON, reason, DETAIL)
    assert [line["reason"] for line in log.lines()] == [reason.value for reason in Reason]
