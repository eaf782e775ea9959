"""One run for a contact: somebody holds it, and nobody for long after his death."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from gateway.fleet import ValkeyLeases
from tests.fakes import Clock
from tests.fleet.servers import Server, Told, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from gateway.fleet import Fleet

KEY = "a" * 64
OTHER = "b" * 64


async def test_a_free_lease_is_held_at_once(fleet: Fleet) -> None:
    async with ValkeyLeases(fleet).lease(KEY, patience=0) as lease:
        assert lease.held
        assert not lease.waited


async def test_a_lease_is_one_contacts(fleet: Fleet) -> None:
    leases = ValkeyLeases(fleet)
    async with leases.lease(KEY, patience=0), leases.lease(OTHER, patience=0) as other:
        assert other.held


async def test_who_waits_gets_it_after_the_holder_and_knows_that_he_waited(server: Server) -> None:
    order = []
    async with joined(server.url) as here, joined(server.url) as there:
        waiting = asyncio.Event()

        async def wait() -> None:
            waiting.set()
            async with ValkeyLeases(there).lease(KEY, patience=30) as lease:
                order.append("second")
                assert lease.held
                assert lease.waited

        async with ValkeyLeases(here).lease(KEY, patience=0):
            second = asyncio.create_task(wait())
            await waiting.wait()
            await asyncio.sleep(0.1)
            order.append("first")
        await second
    assert order == ["first", "second"]


async def test_patience_ends(fleet: Fleet) -> None:
    leases = ValkeyLeases(fleet)
    async with leases.lease(KEY, patience=0):
        began = time.monotonic()
        async with leases.lease(KEY, patience=0.2) as lease:
            assert 0.2 <= time.monotonic() - began <= 0.4
            assert not lease.held
            assert lease.waited
        async with leases.lease(KEY, patience=0) as lease:  # it was not the loser's to release
            assert not lease.held


async def test_only_one_of_many_holds_it_at_a_time(server: Server) -> None:
    inside = most = 0

    async def run(fleet: Fleet) -> None:
        nonlocal inside, most
        async with ValkeyLeases(fleet).lease(KEY, patience=60) as lease:
            assert lease.held
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    async with joined(server.url) as here, joined(server.url) as there:
        await asyncio.gather(*(run(fleet) for fleet in (here, there) for _ in range(10)))
    assert most == 1


async def test_a_run_that_fails_or_is_cancelled_gives_it_back(fleet: Fleet) -> None:
    leases = ValkeyLeases(fleet)
    with pytest.raises(ZeroDivisionError):
        async with leases.lease(KEY, patience=0):
            raise ZeroDivisionError
    held = asyncio.Event()

    async def run() -> None:
        async with leases.lease(KEY, patience=0):
            held.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await held.wait()
    task.cancel()
    await asyncio.wait((task,))
    async with leases.lease(KEY, patience=0) as lease:
        assert lease.held


async def test_a_lease_lives_as_long_as_its_run_and_survives_a_flush(server: Server) -> None:
    async with joined(server.url) as here, joined(server.url) as there:
        async with ValkeyLeases(here).lease(KEY, patience=0) as lease:
            await asyncio.sleep(3)
            with server.admin() as admin:
                admin.flushall()
            await asyncio.sleep(2.5)  # longer than a lease lives, and than one extension
            async with ValkeyLeases(there).lease(KEY, patience=0) as other:
                assert not other.held
            assert lease.held
        assert not server.keys("*lease*")


async def test_a_lease_that_somebody_took_is_lost_and_left_alone(
    fleet: Fleet, server: Server
) -> None:
    name = fleet.key("lease", KEY)
    async with ValkeyLeases(fleet).lease(KEY, patience=0):
        server.command("SET", name, "another", "PX", "4000")
        await asyncio.sleep(1.7)  # longer than until the next extension
        with server.admin() as admin:
            assert admin.get(name) == b"another"
            assert int(str(admin.pttl(name))) < 2500
    with server.admin() as admin:
        assert admin.get(name) == b"another"


def _no_expiry(admin: redis.Redis, name: str) -> None:
    admin.set(name, "for ever")


def _a_day(admin: redis.Redis, name: str) -> None:
    admin.set(name, "a day", ex=86_400)


def _a_list(admin: redis.Redis, name: str) -> None:
    admin.rpush(name, "x")


def _a_short_list(admin: redis.Redis, name: str) -> None:
    admin.rpush(name, "x")
    admin.pexpire(name, 4000)


@pytest.mark.parametrize("plant", [_no_expiry, _a_day, _a_list, _a_short_list])
async def test_what_is_no_lease_holds_nobody_up(
    fleet: Fleet, server: Server, plant: Callable[[redis.Redis, str], None]
) -> None:
    with server.admin() as admin:
        plant(admin, fleet.key("lease", KEY))
    async with ValkeyLeases(fleet).lease(KEY, patience=0) as lease:
        assert lease.held
        assert not lease.waited


@pytest.mark.parametrize("harm", [Server.kill, Server.freeze])
async def test_without_a_server_everybody_goes_on_alone(
    own_server: Server, told: Told, harm: Callable[[Server], None]
) -> None:
    async with joined(own_server.url, told=told, timeout=0.2, clock=Clock()) as fleet:
        harm(own_server)
        for _ in range(3):
            began = time.monotonic()
            async with ValkeyLeases(fleet).lease(KEY, patience=30) as lease:
                assert not lease.held
                assert not lease.waited
            assert time.monotonic() - began <= 0.4


async def test_a_server_that_dies_under_a_run_lets_it_end(own_server: Server, told: Told) -> None:
    async with joined(own_server.url, told=told, clock=Clock()) as fleet:
        async with ValkeyLeases(fleet).lease(KEY, patience=0) as lease:
            assert lease.held
            own_server.kill()
        assert told.failures
