"""Signed and opaque URLs against the processes: rotation without a lost view, and who is warned."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from gateway.model import ContactId
from gateway.signing import sign
from gateway.signing.tokens import Tokens
from tests import processes
from tests.e2e.test_processes import run
from tests.processes import free_port, settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes import Control, Running

MAYA: Final = "15551234567@c.us"
NUMBER: Final = "15551234567"
OLD: Final = "an-old-signing-key-0001"
NEW: Final = "a-new-signing-key-00001"
URL: Final = f"/avatar/{MAYA}.png?size=40"
WARNED: Final = "gateway.unguarded"


def token(key: str) -> str:
    return Tokens([key]).seal(ContactId.parse(MAYA))


def test_only_signed_and_opaque_urls_show_a_face_and_nobody_else_costs_a_call(
    upstream: Running, control: Control, tmp_path: Path
) -> None:
    settings = settings_for(
        upstream.url, "memory:", GATEWAY_SIGNING_KEYS=f"{NEW},{OLD}", GATEWAY_LOG_LEVEL="debug",
        GATEWAY_DEADLINE="30s",
    )  # fmt: skip
    with processes.gateway(tmp_path, settings, workers=1) as served:
        before = control.counts()["picture"]
        for refused in (
            URL,
            f"{URL}&sig=x",
            sign(URL, "another-signing-key-01"),
            f"/avatar/~{MAYA}",
        ):
            answer = httpx.get(served.url + refused)
            assert (answer.status_code, answer.headers["avatar-reason"]) == (403, "forbidden")
        assert control.counts()["picture"] == before
        for shown in (
            sign(URL, NEW),
            sign(URL, OLD, expires=time.time() + 60),
            f"/avatar/{token(NEW)}.png?size=40",
            f"/avatar/{token(OLD)}.png?size=40",
        ):
            answer = httpx.get(served.url + shown)
            assert answer.headers["avatar-source"] == "photo"
            assert NUMBER not in str(answer.headers)
        log = served.log.read_text()
    assert WARNED not in log
    assert NUMBER not in log
    assert token(NEW) not in log
    assert not any(key in log for key in (OLD, NEW))


def test_keys_are_rotated_by_hup_without_a_lost_view(upstream: Running, tmp_path: Path) -> None:
    settings = settings_for(upstream.url, "memory:", GATEWAY_DEADLINE="30s")
    file = tmp_path / ".env"
    file.write_text(f"GATEWAY_SIGNING_KEYS={OLD}\n")
    with processes.gateway(tmp_path, settings, workers=1) as served:

        def status(key: str) -> int:
            return httpx.get(served.url + sign(URL, key)).status_code

        def hup_until(key: str, expected: int, *, always: str) -> None:
            served.process.send_signal(signal.SIGHUP)
            for _ in range(600):  # until the new worker has taken over
                assert status(always) == 200
                if status(key) == expected:
                    return
            raise AssertionError(served.log.read_text())

        assert (status(OLD), status(NEW)) == (200, 403)
        file.write_text(f"GATEWAY_SIGNING_KEYS={NEW},{OLD}\n")
        hup_until(NEW, 200, always=OLD)
        file.write_text(f"GATEWAY_SIGNING_KEYS={NEW}\n")
        hup_until(OLD, 403, always=NEW)
        assert served.stop() == 0


@pytest.mark.parametrize(
    "options", [[], ["--opaque"], ["--expires", "30d"], ["--opaque", "--expires", "1h"]]
)
def test_the_command_line_makes_urls_that_are_answered(
    upstream: Running, tmp_path: Path, options: list[str]
) -> None:
    settings = settings_for(
        upstream.url, "memory:", GATEWAY_SIGNING_KEYS=NEW, GATEWAY_DEADLINE="30s"
    )
    with processes.gateway(tmp_path, settings, workers=1) as served:
        based = settings | {"GATEWAY_PUBLIC_URL": served.url}
        done = run(tmp_path, "url", MAYA, "--size", "40", *options, settings=based)
        assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
        answer = httpx.get(done.stdout.strip())
    assert answer.headers["avatar-source"] == "photo"
    assert (NUMBER in done.stdout) is ("--opaque" not in options)


@pytest.mark.parametrize(
    ("host", "keys", "warnings"),
    [("0.0.0.0", "", 1), ("0.0.0.0", NEW, 0), ("127.0.0.1", "", 0), ("localhost", "", 0)],  # noqa: S104 - what is warned of
)
def test_serving_others_without_keys_is_one_warning(
    upstream: Running, tmp_path: Path, host: str, keys: str, warnings: int
) -> None:
    port = free_port()
    settings = settings_for(
        upstream.url, "memory:", GATEWAY_SIGNING_KEYS=keys, GATEWAY_LOG_FORMAT="json"
    )
    arguments = ["serve", "--host", host, "--port", str(port), "--workers", "2"]
    with processes.running(arguments, tmp_path, port=port, settings=settings) as served:
        assert served.stop() == 0
    lines = [line for line in served.log.read_text().splitlines() if WARNED in line]
    assert len(lines) == warnings
    assert all('"level": "warning"' in line and "GATEWAY_SIGNING_KEYS" in line for line in lines)


def test_losing_the_keys_by_hup_is_warned_of_too(upstream: Running, tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / ".env"
    file.write_text(f"GATEWAY_SIGNING_KEYS={NEW}\n")
    settings = settings_for(upstream.url, "memory:")
    arguments = ["serve", "--host", "0.0.0.0", "--port", str(port)]  # noqa: S104 - what is warned of
    with processes.running(arguments, tmp_path, port=port, settings=settings) as served:
        assert WARNED not in served.log.read_text()
        file.write_text("")
        served.process.send_signal(signal.SIGHUP)
        for _ in range(600):  # until the new worker has taken over
            if httpx.get(served.url + URL).status_code == 200:
                break
            time.sleep(0.05)
        assert served.stop() == 0
    assert served.log.read_text().count(WARNED) == 1


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        ({}, 0, "note     URLs are not signed"),
        ({"GATEWAY_PUBLIC_URL": "http://localhost:8000"}, 0, "note     URLs are not signed"),
        ({"GATEWAY_PUBLIC_URL": "https://faces.example.com"}, 1, "on faces.example.com without"),
        ({"PORT": "8000"}, 1, "on 0.0.0.0 without GATEWAY_SIGNING_KEYS"),
        (
            {"PORT": "8000", "GATEWAY_PUBLIC_URL": "http://localhost:8000"},
            1,
            "on 0.0.0.0 without GATEWAY_SIGNING_KEYS",
        ),
        ({"PORT": "8000", "GATEWAY_SIGNING_KEYS": NEW}, 0, "the WhatsApp session works"),
        ({"GATEWAY_SIGNING_KEYS": f"{NEW},short"}, 1, "fewer than 16 characters"),
    ],
)
def test_the_doctor_finds_a_gateway_that_anybody_may_ask(
    upstream: Running, tmp_path: Path, given: dict[str, str], status: int, told: str
) -> None:
    settings = settings_for(upstream.url, tmp_path / "store", **given)
    done = run(tmp_path, "doctor", settings=settings)
    assert told in done.stdout
    assert done.returncode == status, done.stdout
    assert NEW not in done.stdout
