"""A Valkey that fails in every way costs nobody the photo, known or not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

from gateway.sandbox import Sandbox
from tests.faults.known import is_known, remember, stored_in
from tests.faults.stage import MovableClock, asked, behind, portraits, staged
from tests.fleet.servers import Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

GARBAGE: Final = b"\x00garbage\xff" * 100


@pytest.fixture
def server(program: str) -> Iterator[Server]:
    """A server to break."""
    with serving(program) as server:
        yield server


def become_a_replica(server: Server) -> None:
    server.command("REPLICAOF", "127.0.0.1", "1")


def become_full(server: Server) -> None:
    server.command("CONFIG", "SET", "maxmemory", "1")


def want_a_password(server: Server) -> None:
    server.command("CONFIG", "SET", "requirepass", "another")


def forget(server: Server) -> None:
    server.command("FLUSHALL")


def hold_garbage(server: Server) -> None:
    with server.admin() as admin:
        for key in admin.scan_iter():
            admin.set(key, GARBAGE)


def hold_other_types(server: Server) -> None:
    with server.admin() as admin:
        for key in admin.scan_iter():
            admin.delete(key)
            admin.sadd(key, b"member")


MANNERS: Final[dict[str, Callable[[Server], None]]] = {
    "down": Server.kill,
    "hung": Server.freeze,
    "read-only": become_a_replica,
    "full": become_full,
    "behind a password": want_a_password,
    "empty all at once": forget,
    "holding garbage": hold_garbage,
    "holding other types": hold_other_types,
}

STILL_READABLE: Final = {"read-only", "full"}
"""What was kept there before is found."""

CONTACTS: Final = [f"1555765{number:04}@c.us" for number in range(1, 4)]

FORGETFUL: Final = {"empty all at once", "holding garbage", "holding other types"}
"""Nobody knows who was erased meanwhile: so what is being asked is asked once more."""


def joined(upstream: str, server: Server, folder: Path) -> dict[str, str]:
    return behind(upstream, GATEWAY_VALKEY_URL=server.url) | stored_in(folder)


@pytest.mark.parametrize("manner", MANNERS)
async def test_a_valkey_that_is_broken_from_the_start_costs_no_photo(
    manner: str, server: Server, tmp_path: Path
) -> None:
    """What an earlier life has left there is what is broken; the store has lost it."""
    async with Sandbox() as sandbox:
        settings = joined(sandbox.base_url, server, tmp_path)
        async with staged(settings) as stage:
            assert (await stage.see()).reason is None
            await stage.runs_end()
        [portrait] = portraits(tmp_path)
        portrait.unlink()
        MANNERS[manner](server)
        async with staged(settings) as stage:
            view = await stage.see()
            assert (view.reason, view.life) == (None, "fresh")
            assert (await stage.see(size=64)).reason is None
        again = 1 if manner in STILL_READABLE else 2
        assert asked(sandbox) == (again, again)


@pytest.mark.parametrize("manner", MANNERS)
async def test_a_valkey_that_breaks_costs_no_photo_that_is_known_and_holds_up_no_renewal(
    manner: str, server: Server, tmp_path: Path
) -> None:
    clock = MovableClock()
    async with Sandbox() as sandbox:
        settings = joined(sandbox.base_url, server, tmp_path)
        await remember(settings)
        async with staged(settings, clock=clock) as stage:
            sandbox.close_gate("picture")
            assert is_known(await stage.see())
            await sandbox.waiting("picture", 1)
            MANNERS[manner](server)
            assert is_known(await stage.see())
            assert is_known(await stage.see(size=64))
            sandbox.open_gate("picture")
            await stage.runs_end()
            if manner in FORGETFUL:
                # Noticed between showing the new photo and keeping it: a view has to ask once more.
                await stage.see()
                await stage.runs_end()
            for size in (48, 64, 96):
                view = await stage.see(size=size)
                assert (view.reason, view.life, is_known(view)) == (None, "fresh", False)
        assert (1, 1) <= asked(sandbox) <= ((2, 2) if manner in FORGETFUL else (1, 1))


async def test_a_valkey_that_hangs_during_a_run_and_comes_back_costs_nothing(
    server: Server, tmp_path: Path
) -> None:
    async with (
        Sandbox() as sandbox,
        staged(joined(sandbox.base_url, server, tmp_path)) as stage,
    ):
        for cut_off, contact in enumerate(CONTACTS, start=1):
            sandbox.close_gate("picture")
            viewer = asyncio.create_task(stage.see(contact))
            await sandbox.waiting("picture", 1)
            server.freeze()
            await until(lambda: stage.wrote("valkey.failed") >= cut_off)  # noqa: B023 - at once
            server.thaw()
            await until(lambda: "valkey" not in stage.degraded)
            sandbox.open_gate("picture")
            assert (await viewer).reason is None
        assert asked(sandbox) == (len(CONTACTS), len(CONTACTS))


async def test_a_valkey_that_forgets_everything_during_a_run_costs_no_photo(
    server: Server, tmp_path: Path
) -> None:
    async with (
        Sandbox() as sandbox,
        staged(joined(sandbox.base_url, server, tmp_path)) as stage,
    ):
        for contact in CONTACTS:
            sandbox.close_gate("picture")
            viewer = asyncio.create_task(stage.see(contact))
            await sandbox.waiting("picture", 1)
            forget(server)
            await until(lambda: server.keys("*:journal"))  # begun anew
            sandbox.open_gate("picture")
            assert (await viewer).reason is None
        assert asked(sandbox) == (2 * len(CONTACTS), 2 * len(CONTACTS))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what happens in Valkey sets no event
            await asyncio.sleep(0.01)
