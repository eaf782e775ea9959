"""The search for traces finds them, wherever they are: else the table would prove nothing."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.errors import Reason
from gateway.portraits import record
from gateway.sandbox import Sandbox
from gateway.telemetry import Telemetry
from tests.faults.stage import (
    ADMIN_TOKEN,
    CALM,
    CONTACT,
    ERRANDS,
    NUMBER,
    SECRETS,
    SIGNED,
    Stage,
    assert_clean,
    behind,
    staged,
)

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio


def staging(echo: str = "", log: str = "", count: str = "") -> Stage:
    """A stage whose gateway repeats what it should not."""

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"location", echo.encode())] if scope["method"] == "GET" else []
        body = b"" if scope["method"] == "GET" else echo.encode()
        await send({"type": "http.response.start", "status": 400, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    transport = httpx.ASGITransport(answer)
    client = httpx.AsyncClient(transport=transport, base_url="http://faces")
    telemetry = Telemetry(pseudonym=str)
    if count:
        telemetry.degraded["store"] = count
    return Stage(client, telemetry, CALM, io.StringIO(log))


@pytest.mark.parametrize("secret", SECRETS)
async def test_what_is_told_written_or_counted_is_found(secret: str) -> None:
    for stage in (staging(echo=secret), staging(log=secret), staging(count=secret)):
        await stage.ask_around()
        with pytest.raises(AssertionError):
            stage.assert_no_trace()
    silent = staging()
    await silent.ask_around()
    silent.assert_no_trace()


@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_in_a_file_or_in_its_name_is_found(secret: str, tmp_path: Path) -> None:
    file = tmp_path / "run" / "journal"
    file.parent.mkdir()
    assert_clean(tmp_path)
    file.write_bytes(b"\0" * 100 + secret.encode())
    with pytest.raises(AssertionError):
        assert_clean(tmp_path)
    file.write_bytes(record.MAGIC + b"\0" * 100 + secret.encode())
    if secret in SIGNED:
        assert_clean(tmp_path)
        return
    with pytest.raises(AssertionError):
        assert_clean(tmp_path)
    file.unlink()
    (tmp_path / "run" / secret.replace("/", "-")).touch()
    if "/" not in secret:
        with pytest.raises(AssertionError):
            assert_clean(tmp_path)


def test_every_errand_says_something_that_must_not_come_back() -> None:
    for _, target, more in ERRANDS[:-3]:
        assert any(secret in f"{target} {more}" for secret in (NUMBER, ADMIN_TOKEN))


async def test_a_line_names_a_contact_by_a_hash_that_nobody_can_work_out(tmp_path: Path) -> None:
    """It is keyed: with another store it is another one, so trying all numbers tells nothing."""
    names = []
    async with Sandbox() as sandbox:
        sandbox.set_contact(CONTACT, api="server_error_500")
        for place in ("one", "other"):
            settings = behind(sandbox.base_url) | {"GATEWAY_STORE": (tmp_path / place).as_uri()}
            async with staged(settings) as stage:
                assert (await stage.see()).reason is Reason.UPSTREAM
                await stage.runs_end()
                names += re.findall(r"run\.failed .*contact=([0-9a-f]{12})\b", stage.written)
    assert len(set(names)) == 2
    plain = {hashlib.sha256(each.encode()).hexdigest()[:12] for each in (NUMBER, CONTACT)}
    assert plain.isdisjoint(names)
