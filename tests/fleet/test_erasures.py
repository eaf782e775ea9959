"""Erasures reach every machine, or it knows that it missed some."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.fleet import ValkeyErasures, ValkeyMasters
from tests.fakes import DAY, T0, Clock
from tests.fleet.servers import Server, Told, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.fleet import Fleet

KEEP = 30.0
A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def erasures(fleet: Fleet, clock: Clock | None = None) -> ValkeyErasures:
    known = clock or Clock()
    return ValkeyErasures(fleet, keep=KEEP, clock=known, ticks=known)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what happens on another machine sets no event
            await asyncio.sleep(0.005)


class Ear:
    """Collects what one worker hears."""

    def __init__(self, heard: ValkeyErasures) -> None:
        self._heard = heard
        self.keys: list[str] = []
        self.lost = 0

    def listen(self) -> Ear:
        self.keys += self._heard.since()
        self.lost += self._heard.lost()
        return self


async def test_everybody_else_hears_of_it_in_order(server: Server) -> None:
    async with (
        joined(server.url) as here,
        joined(server.url) as there,
        erasures(here) as mine,
        erasures(there) as theirs,
    ):
        ear = Ear(theirs)
        for key in (A, B, A, C):
            await mine.publish(key)
        await until(lambda: len(ear.listen().keys) >= 4)
        assert ear.keys == [A, B, A, C]
        assert ear.lost == 0
        assert theirs.since() == ()
        assert mine.since() == ()


async def test_who_comes_later_hears_nothing_old_and_misses_nothing(server: Server) -> None:
    async with joined(server.url) as here, erasures(here) as mine:
        await mine.publish(A)
        async with joined(server.url) as there, erasures(there) as theirs:
            ear = Ear(theirs)
            await mine.publish(B)
            await until(lambda: ear.listen().keys)
            assert (ear.keys, ear.lost) == ([B], 0)


async def test_the_master_leaves_with_it(fleet: Fleet, server: Server) -> None:
    masters = ValkeyMasters(fleet)
    await masters.put(A, b"record of a", 60)
    await masters.put(B, b"record of b", 60)
    async with erasures(fleet) as mine:
        await mine.publish(A)
    assert await masters.get(A) is None
    assert await masters.get(B) == b"record of b"
    with server.admin() as admin:
        assert not [key for key in admin.scan_iter("*master*") if b"a" * 64 in key]


async def test_a_run_that_began_before_puts_nothing_back(server: Server) -> None:
    clock = Clock()
    async with (
        joined(server.url) as here,
        joined(server.url) as there,
        erasures(here, clock) as mine,
        erasures(there, clock) as theirs,
    ):
        assert not mine.erased_after(A, T0 - 5)
        await mine.publish(A)
        assert mine.erased_after(A, T0 - 5)
        assert mine.erased_after(A, T0)
        assert not mine.erased_after(B, T0 - 5)
        clock.advance(1)
        assert not mine.erased_after(A, T0 + 0.5)
        await until(theirs.since)
        assert theirs.erased_after(A, T0 - 5)


async def test_a_tombstone_outlives_any_run_and_no_more(fleet: Fleet) -> None:
    clock = Clock()
    async with erasures(fleet, clock) as mine:
        await mine.publish(A)
        clock.advance(KEEP - 0.1)
        await mine.publish(B)
        assert mine.erased_after(A, T0 - 1)
        clock.advance(0.2)
        await mine.publish(B)
        assert not mine.erased_after(A, T0 - 1)
        assert mine.erased_after(B, T0 - 1)


@pytest.mark.parametrize("jump", [-DAY, DAY])
async def test_a_clock_that_jumps_neither_frees_a_late_run_nor_freezes_a_contact(
    fleet: Fleet, jump: float
) -> None:
    wall, ticks = Clock(), Clock()
    async with ValkeyErasures(fleet, keep=KEEP, clock=wall, ticks=ticks) as mine:
        began = wall.now - 1
        await mine.publish(A)
        wall.advance(jump)
        assert mine.erased_after(A, began)
        wall.advance(1)
        assert not mine.erased_after(A, wall.now - 0.5)
        assert not mine.erased_after(B, began)


async def test_a_worker_that_was_cut_off_reads_on(own_server: Server, told: Told) -> None:
    async with (
        joined(own_server.url) as here,
        joined(own_server.url, told=told) as there,
        erasures(here) as mine,
        erasures(there) as theirs,
    ):
        ear = Ear(theirs)
        await mine.publish(A)
        await until(lambda: ear.listen().keys)
        with own_server.admin() as admin:
            for client in admin.client_list():
                if client["cmd"].startswith("xread"):
                    admin.client_kill_filter(_id=client["id"])
        await mine.publish(B)
        await mine.publish(C)
        await until(lambda: len(ear.listen().keys) >= 3)
        assert (ear.keys, ear.lost) == ([A, B, C], 0)


async def test_who_is_cut_off_before_anybody_was_erased_has_missed_nobody(
    own_server: Server, told: Told
) -> None:
    """A photo on its way meanwhile is no photo of somebody who was erased."""
    clock = Clock()
    async with (
        joined(own_server.url, told=told, timeout=0.2) as fleet,
        erasures(fleet, clock) as mine,
    ):
        began = clock.now
        clock.advance(1)
        own_server.freeze()
        await until(lambda: told.failures)
        own_server.thaw()
        await until(lambda: told.recoveries)
        await mine.publish(B)
        assert not mine.lost()
        assert not mine.erased_after(A, began)
        assert mine.erased_after(B, began)


async def test_after_a_flush_everybody_drops_everything_and_hears_again(server: Server) -> None:
    async with (
        joined(server.url) as here,
        joined(server.url) as there,
        erasures(here) as mine,
        erasures(there) as theirs,
    ):
        ear = Ear(theirs)
        await mine.publish(A)
        await until(lambda: ear.listen().keys)
        with server.admin() as admin:
            admin.flushall()
        await until(lambda: ear.listen().lost)
        await until(mine.lost)
        await mine.publish(B)
        await until(lambda: B in ear.listen().keys)
        assert ear.lost == 1


PLANTS = [
    ("journal", "SET", "text"), ("journal", "RPUSH", "text"), ("journal", "HSET", "last", "x"),
    ("journal", "HSET", "last", "-7"), ("journal", "HSET", "last", "9e99"),
    ("journal", "HSET", "last", "nan"), ("journal", "HSET", "last", "1.5"),
    ("journal", "HSET", "epoch", "another"), ("journal", "HDEL", "epoch"), ("journal", "DEL"),
    ("entries", "DEL"), ("entries", "SET", "text"),
    ("entries", "XADD", "99999999999999-0", "a", "b"),
    ("entries", "XADD", "2-0", "a", "b"), ("entries", "XADD", "2-0", "a", b"\xff", "b", b"\xff"),
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
async def test_whatever_lies_under_our_keys_erasures_are_heard_or_known_as_lost(
    server: Server, told: Told, plant: tuple[str, ...]
) -> None:
    part, command, *arguments = plant
    async with (
        joined(server.url) as here,
        joined(server.url, told=told) as there,
        erasures(here) as mine,
        erasures(there) as theirs,
    ):
        ear = Ear(theirs)
        await mine.publish(A)
        await until(lambda: ear.listen().keys)
        name = here.key("erasures", part)
        if command in {"SET", "RPUSH"}:
            server.command("DEL", name)
        server.command(command, name, *arguments)
        await mine.publish(B)
        await until(lambda: B in ear.listen().keys or ear.lost)
        # Once everybody has started anew, all is heard.
        await asyncio.sleep(0.6)
        await mine.publish(C)
        await until(lambda: C in ear.listen().keys or ear.lost > 1)
    assert not told.failures


async def test_what_could_not_be_told_is_told_when_the_server_is_back(
    own_server: Server,
) -> None:
    async with (
        joined(own_server.url, timeout=0.5) as here,
        joined(own_server.url, timeout=0.5) as there,
        erasures(here) as mine,
        erasures(there) as theirs,
    ):
        ear = Ear(theirs)
        masters = ValkeyMasters(there)
        own_server.freeze()
        began = asyncio.get_running_loop().time()
        await mine.publish(A)
        assert asyncio.get_running_loop().time() - began <= 1
        assert mine.erased_after(A, T0)
        own_server.thaw()
        await until(lambda: A in ear.listen().keys or ear.lost)
        assert await masters.get(A) is None


async def test_a_server_that_died_and_came_back_empty_means_drop_everything(
    own_server: Server,
) -> None:
    async with (
        joined(own_server.url) as here,
        joined(own_server.url) as there,
        erasures(here) as mine,
        erasures(there) as theirs,
    ):
        ear = Ear(theirs)
        own_server.kill()
        await mine.publish(A)
        await asyncio.sleep(0.2)
        own_server.start()
        await until(lambda: ear.listen().lost)
        await until(lambda: not mine.untold)
        await mine.publish(B)
        await until(lambda: B in ear.listen().keys)


async def test_a_worker_that_started_without_a_server_drops_everything_once(
    own_server: Server,
) -> None:
    own_server.kill()
    async with joined(own_server.url) as fleet, erasures(fleet) as mine:
        ear = Ear(mine)
        assert (ear.listen().lost, ear.keys) == (0, [])
        own_server.start()
        await until(lambda: ear.listen().lost)
        await asyncio.sleep(0.6)
        assert ear.listen().lost == 1


async def test_a_full_server_still_erases(own_server: Server, told: Told) -> None:
    async with joined(own_server.url, told=told) as fleet, erasures(fleet) as mine:
        await ValkeyMasters(fleet).put(A, b"record", 60)
        with own_server.admin() as admin:
            admin.set("filler", bytes(2**21))
            admin.config_set("maxmemory", "1mb")
        await mine.publish(A)
        assert not own_server.keys("*master*")


async def test_more_than_can_be_remembered_means_that_everybody_drops_everything(
    own_server: Server,
) -> None:
    async with (
        joined(own_server.url) as fleet,
        ValkeyErasures(fleet, keep=KEEP, clock=Clock(), untold=3) as mine,
    ):
        own_server.kill()
        for number in range(10):
            await mine.publish(str(number))
        assert mine.untold == 3
        own_server.start()
        async with joined(own_server.url) as there, erasures(there) as theirs:
            ear = Ear(theirs)
            await until(lambda: not mine.untold)
            assert ear.listen().lost or ear.keys
