"""A portrait store that fails in every way costs nobody the photo."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest

from gateway.sandbox import Sandbox
from tests.fakes import replying, serving
from tests.faults.stage import asked, behind, staged, stored
from tests.faults.upstreams import refusing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.fakes import Talk

pytestmark = pytest.mark.anyio

BUCKET_KEY: Final = "marked-bucket-secret"


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


DENIED: Final = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
FULL: Final = b"<Error><Code>InsufficientStorage</Code><Message>No space left</Message></Error>"

BUCKETS: dict[str, Talk] = {
    "slow": silence,
    "hangs up": hang_up,
    "forbidden": replying(status="403 Forbidden", body=DENIED),
    "full": replying(status="507 Insufficient Storage", body=FULL),
    "broken": replying(status="500 Internal Server Error"),
    "missing": replying(status="404 Not Found", body=b"<Error><Code>NoSuchBucket</Code></Error>"),
    "garbage": replying(body=b"\x00garbage\xff" * 100),
    "empty": replying(),
}


@asynccontextmanager
async def down() -> AsyncIterator[str]:
    async with refusing() as place:
        yield place.url


def answering(talk: Talk) -> Callable[[], AbstractAsyncContextManager[str]]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        async with serving(talk) as server:
            yield server.base_url

    return opened


PLACES = {"down": down} | {name: answering(talk) for name, talk in BUCKETS.items()}


@pytest.mark.parametrize("manner", PLACES)
async def test_a_bucket_that_fails_costs_nobody_the_photo(
    manner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PLACES[manner]() as endpoint, Sandbox() as sandbox:
        account = {
            "AWS_ENDPOINT": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "eu-test-1",
            "AWS_ACCESS_KEY_ID": "marked-bucket-id", "AWS_SECRET_ACCESS_KEY": BUCKET_KEY,
        }  # fmt: skip
        for name, value in account.items():
            monkeypatch.setenv(name, value)
        settings = behind(sandbox.base_url) | {"GATEWAY_STORE": "s3://photos/faces"}
        async with staged(settings) as stage:
            for size in (48, 64):
                view = await stage.see(size=size)
                assert (view.reason, view.life) == (None, "fresh")
            stage.assert_unsaid(BUCKET_KEY, endpoint)
        assert asked(sandbox) == (1, 1)


@asynccontextmanager
async def on_disk(folder: Path) -> AsyncIterator[tuple[Sandbox, dict[str, str]]]:
    async with Sandbox() as sandbox:
        yield sandbox, behind(sandbox.base_url) | {"GATEWAY_STORE": folder.as_uri()}


async def test_a_directory_that_goes_away_costs_nobody_the_photo(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    async with on_disk(folder) as (sandbox, settings), staged(settings) as stage:
        shutil.rmtree(folder)
        folder.write_bytes(b"no directory")
        assert (await stage.see()).reason is None
        assert (await stage.see(size=64)).reason is None
        assert asked(sandbox) == (1, 1)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "without its head": lambda data: data[4:],
    "one bit wrong": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "overwritten": lambda data: b"\xa5" * len(data),
    "grown": lambda data: data + b"\0" * 10,
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_portrait_that_was_damaged_is_found_anew(damage: str, tmp_path: Path) -> None:
    async with on_disk(tmp_path) as (sandbox, settings):
        async with staged(settings) as stage:
            await stage.see()
            [portrait] = await stored(tmp_path)
        damaged = DAMAGE[damage](portrait.read_bytes())
        portrait.write_bytes(damaged)
        async with staged(settings) as stage:
            view = await stage.see()
            assert (view.reason, view.waits) == (None, True)
            await replaced(portrait, damaged)
        async with staged(settings) as stage:
            assert (await stage.see()).reason is None
        assert asked(sandbox) == (2, 2)


async def replaced(file: Path, old: bytes) -> None:
    """Wait until something else than `old` stands there."""
    async with asyncio.timeout(20):
        while _read(file) == old:  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("damage", ["emptied", "cut", "grown"])
async def test_a_key_that_was_damaged_costs_nobody_the_photo(damage: str, tmp_path: Path) -> None:
    async with on_disk(tmp_path) as (sandbox, settings):
        async with staged(settings) as stage:
            await stage.see()
        key = _key(tmp_path)
        key.write_bytes(DAMAGE[damage](key.read_bytes()))
        async with staged(settings) as stage:
            assert (await stage.see()).reason is None
            assert (await stage.see(size=64)).reason is None
        assert asked(sandbox) == (2, 2)


async def test_a_portrait_in_the_place_of_anothers_is_shown_to_nobody(tmp_path: Path) -> None:
    other = "15557650987@c.us"
    async with on_disk(tmp_path) as (sandbox, settings):
        async with staged(settings) as stage:
            await stage.see()
            [mine] = await stored(tmp_path)
            await stage.see(other)
            [theirs] = await stored(tmp_path, 2) - {mine}
        theirs.write_bytes(mine.read_bytes())
        async with staged(settings) as stage:
            face = (await stage.see()).response.content
            assert (await stage.see(other)).response.content != face
        assert asked(sandbox) == (3, 3)


def _read(file: Path) -> bytes:
    return file.read_bytes()


def _key(folder: Path) -> Path:
    [key] = folder.rglob("key")
    return key
