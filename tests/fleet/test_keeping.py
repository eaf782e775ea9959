"""Hot masters and back-offs: what one machine learns, all know, for as long as it holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.budget import MAX_BACKOFF, Backoff
from gateway.errors import FleetFailed, Reason
from gateway.fleet import MAX_RECORD, ValkeyBackoffs, ValkeyErasures, ValkeyMasters
from tests.fakes import DAY, T0, Clock
from tests.fleet.servers import Server, Told, joined

if TYPE_CHECKING:
    from gateway.fleet import Fleet

KEY = "a" * 64


@pytest.mark.parametrize("size", [1, 240_000, MAX_RECORD])
async def test_a_record_comes_back_byte_for_byte_until_it_is_deleted(
    fleet: Fleet, size: int
) -> None:
    masters, record = ValkeyMasters(fleet), os.urandom(size)
    assert await masters.get(KEY) is None
    assert await masters.put(KEY, record, 60)
    assert await masters.get(KEY) == record
    await masters.delete(KEY)
    assert await masters.get(KEY) is None
    await masters.delete(KEY)


@pytest.mark.parametrize("ttl", [60.0, 0.5, 0.0001])
async def test_a_record_ends(fleet: Fleet, server: Server, ttl: float) -> None:
    assert await ValkeyMasters(fleet).put(KEY, b"record", ttl)
    with server.admin() as admin:
        assert admin.pttl(fleet.key("master", KEY)) <= max(ttl * 1000, 1)


async def test_a_record_without_a_life_or_too_large_is_not_kept(fleet: Fleet) -> None:
    masters = ValkeyMasters(fleet)
    assert not await masters.put(KEY, b"record", 0)
    assert not await masters.put(KEY, b"record", -1)
    assert not await masters.put(KEY, bytes(MAX_RECORD + 1), 60)
    assert await masters.get(KEY) is None


async def test_something_larger_than_a_record_is_not_read(fleet: Fleet, server: Server) -> None:
    with server.admin() as admin:
        admin.set(fleet.key("master", KEY), bytes(2 * MAX_RECORD))
    assert await ValkeyMasters(fleet).get(KEY) is None


async def test_an_erased_contact_cannot_be_put_back_by_a_late_run(fleet: Fleet) -> None:
    masters = ValkeyMasters(fleet)
    await masters.put(KEY, b"record", 60)
    async with ValkeyErasures(fleet, keep=0.3, clock=Clock()) as erasures:
        await erasures.publish(KEY)
        assert await masters.get(KEY) is None
        assert not await masters.put(KEY, b"late", 60)
        assert await masters.put("b" * 64, b"another", 60)
        while not await masters.put(KEY, b"new", 60):  # when the tombstone has ended
            pass
    assert await masters.get(KEY) == b"new"


@pytest.mark.parametrize("command", ["RPUSH", "SADD"])
async def test_a_record_of_another_type_is_none(fleet: Fleet, server: Server, command: str) -> None:
    masters = ValkeyMasters(fleet)
    server.command(command, fleet.key("master", KEY), "x")
    assert await masters.get(KEY) is None
    assert await masters.put(KEY, b"record", 60)
    assert await masters.get(KEY) == b"record"


async def test_a_dead_server_has_no_records_and_takes_none(own_server: Server, told: Told) -> None:
    async with joined(own_server.url, told=told, clock=Clock()) as fleet:
        masters = ValkeyMasters(fleet)
        own_server.kill()
        assert await masters.get(KEY) is None
        assert not await masters.put(KEY, b"record", 60)
        await masters.delete(KEY)
    assert len(told.failures) == 1


FAILED = Backoff(T0 + 40.5, Reason.TIMEOUT, 2)


async def test_a_back_off_is_everybodys_until_it_is_cleared(server: Server) -> None:
    async with joined(server.url) as here, joined(server.url) as there:
        clock = Clock()
        first, second = (ValkeyBackoffs(each, clock=clock) for each in (here, there))
        assert await second.read(KEY) is None
        await first.write(KEY, FAILED)
        assert await second.read(KEY) == FAILED
        clock.advance(3600)
        assert await second.read(KEY) == FAILED  # over, but still the last
        await second.clear(KEY)
        assert await first.read(KEY) is None
        await first.clear(KEY)


async def test_a_back_off_ends_a_day_after_it_is_over(fleet: Fleet, server: Server) -> None:
    backoffs = ValkeyBackoffs(fleet, clock=Clock())
    await backoffs.write(KEY, FAILED)
    await backoffs.write("b" * 64, Backoff(T0 - 5, Reason.NONE, 1))
    await backoffs.write("c" * 64, Backoff(T0 + 1e12, Reason.NONE, 1))
    with server.admin() as admin:
        assert all(DAY - 60 < admin.ttl(key) <= DAY + 661 for key in admin.scan_iter())


async def test_a_clock_set_back_by_a_day_freezes_no_contact(fleet: Fleet) -> None:
    clock = Clock()
    backoffs = ValkeyBackoffs(fleet, clock=clock)
    await backoffs.write(KEY, Backoff(T0 + MAX_BACKOFF, Reason.UPSTREAM, 9))
    assert await backoffs.read(KEY) is not None
    clock.advance(-DAY)
    assert await backoffs.read(KEY) is None


@pytest.mark.parametrize(
    "planted",
    ["", "x", "1 2", "1 2 no-reason", "x 2 timeout", "1 x timeout", "inf 1 timeout", "nan 1 x",
     "1 2 timeout 4", b"\xff\xfe 1 timeout"],
)  # fmt: skip
async def test_what_nobody_of_us_wrote_is_no_back_off(
    fleet: Fleet, server: Server, planted: str | bytes
) -> None:
    with server.admin() as admin:
        admin.set(fleet.key("backoff", KEY), planted)
    assert await ValkeyBackoffs(fleet, clock=Clock()).read(KEY) is None


async def test_a_dead_server_is_a_failure_for_back_offs(own_server: Server, told: Told) -> None:
    async with joined(own_server.url, told=told, clock=Clock()) as fleet:
        backoffs = ValkeyBackoffs(fleet, clock=Clock())
        own_server.kill()
        with pytest.raises(FleetFailed):
            await backoffs.read(KEY)
        with pytest.raises(FleetFailed):
            await backoffs.write(KEY, FAILED)
        with pytest.raises(FleetFailed):
            await backoffs.clear(KEY)
