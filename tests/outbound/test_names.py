"""Look-ups of names: one for a name at a time, few in all, none that holds anybody up."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from gateway.errors import TimedOut, UpstreamFailed
from gateway.outbound.names import FAILURE_LIFE, LIFE, MAX_KNOWN, Names, system_lookup
from tests.fakes import Clock, FakeLookup

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "pps.whatsapp.net"
ADDRESSES = ("157.240.0.60", "2a03:2880::1")


@contextmanager
def silent(*hosts: str) -> Iterator[FakeLookup]:
    """A resolver that says nothing about `hosts` until its gate opens."""
    lookup = FakeLookup({HOST: ADDRESSES, "other.example": ["8.8.8.8"]})
    lookup.silent.update(hosts)
    try:
        yield lookup
    finally:
        lookup.gate.set()


async def until_asked(lookup: FakeLookup, times: int) -> None:
    async with asyncio.timeout(20):
        while len(lookup.asked) < times:  # noqa: ASYNC110 - a thread has no event of the loop
            await asyncio.sleep(0.001)


async def test_all_addresses_come_in_the_resolvers_order() -> None:
    names = Names(FakeLookup({HOST: ADDRESSES}))
    assert await names.addresses(HOST) == tuple(map(ip_address, ADDRESSES))


async def test_an_answer_is_believed_for_a_while_and_no_longer() -> None:
    clock, lookup = Clock(), FakeLookup({HOST: ADDRESSES})
    names = Names(lookup, clock=clock)
    for seconds, asked in ((0, 1), (LIFE - 1, 1), (1, 2)):
        clock.advance(seconds)
        await names.addresses(HOST)
        assert len(lookup.asked) == asked


async def test_a_failure_is_believed_for_a_moment() -> None:
    clock, lookup = Clock(), FakeLookup()
    names = Names(lookup, clock=clock)
    for seconds, asked in ((0, 1), (FAILURE_LIFE - 1, 1), (1, 2)):
        clock.advance(seconds)
        with pytest.raises(UpstreamFailed, match="could not be resolved"):
            await names.addresses(HOST)
        assert len(lookup.asked) == asked


@pytest.mark.parametrize("error", [socket.gaierror(-2, "x"), OSError(), UnicodeError("x")])
async def test_whatever_the_resolver_says_no_with_is_a_failure(error: Exception) -> None:
    def lookup(_host: str) -> list[str]:
        raise error

    with pytest.raises(UpstreamFailed) as caught:
        await Names(lookup).addresses(HOST)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("found", [[], ["no address"], ["8.8.8.8", ""], ["8.8.8.8/8"]])
async def test_an_answer_that_is_not_all_addresses_is_a_failure(found: list[str]) -> None:
    with pytest.raises(UpstreamFailed):
        await Names(FakeLookup({HOST: found})).addresses(HOST)


async def test_who_asks_for_the_same_name_shares_the_look_up() -> None:
    with silent(HOST) as lookup:
        names = Names(lookup)
        callers = [asyncio.create_task(names.addresses(HOST)) for _ in range(20)]
        await until_asked(lookup, 1)
        callers[0].cancel()
        lookup.gate.set()
        found = await asyncio.gather(*callers[1:])
    assert set(found) == {tuple(map(ip_address, ADDRESSES))}
    assert lookup.asked == [HOST]
    assert callers[0].cancelled()


async def test_a_silent_resolver_is_waited_for_no_longer_than_allowed() -> None:
    with silent(HOST) as lookup:
        names = Names(lookup, timeout=0.1)
        async with asyncio.timeout(0.2 * 10):
            with pytest.raises(TimedOut, match="not resolved in time"):
                await names.addresses(HOST)
            with pytest.raises(TimedOut):  # at once: the look-up still hangs
                await names.addresses(HOST)
        assert lookup.asked == [HOST]


async def test_an_answer_that_comes_late_is_kept_for_the_next() -> None:
    with silent(HOST) as lookup:
        names = Names(lookup, timeout=0.05)
        with pytest.raises(TimedOut):
            await names.addresses(HOST)
        lookup.gate.set()
        async with asyncio.timeout(20):
            while True:
                try:
                    await names.addresses(HOST)
                except TimedOut:
                    await asyncio.sleep(0.001)
                else:
                    break
    assert lookup.asked == [HOST]


async def test_when_too_many_look_ups_hang_the_next_is_refused_at_once() -> None:
    hanging = [f"{number}.example" for number in range(4)]
    with silent(*hanging) as lookup:
        names = Names(lookup, threads=4, timeout=60)
        await names.addresses(HOST)
        callers = [asyncio.create_task(names.addresses(host)) for host in hanging]
        await until_asked(lookup, 5)
        with pytest.raises(TimedOut, match="too many"):
            await names.addresses("other.example")
        assert await names.addresses(HOST)  # what is known needs no look-up
        lookup.gate.set()
        await asyncio.gather(*callers, return_exceptions=True)
        assert await names.addresses("other.example")


async def test_no_more_names_are_remembered_than_allowed() -> None:
    hosts = [f"{number}.example" for number in range(MAX_KNOWN + 1)]
    lookup = FakeLookup({host: ["8.8.8.8"] for host in hosts})
    names = Names(lookup, clock=Clock())
    for host in hosts:
        await names.addresses(host)
    await names.addresses(hosts[-1])
    assert len(lookup.asked) == MAX_KNOWN + 1
    await names.addresses(hosts[0])
    assert len(lookup.asked) == MAX_KNOWN + 2


async def test_a_stuck_look_up_keeps_no_process_from_ending() -> None:
    with silent(HOST) as lookup:
        names = Names(lookup, timeout=0.01)
        with pytest.raises(TimedOut):
            await names.addresses(HOST)
        (thread,) = (t for t in threading.enumerate() if t.name == "name look-up")
        assert thread.daemon
        lookup.gate.set()
        await asyncio.to_thread(thread.join, 20)
    assert not thread.is_alive()


def test_a_look_up_that_ends_after_its_loop_is_no_error() -> None:
    with silent(HOST) as lookup:

        async def ask() -> None:
            with pytest.raises(TimedOut):
                await Names(lookup, timeout=0.01).addresses(HOST)

        asyncio.run(ask())
        (thread,) = (t for t in threading.enumerate() if t.name == "name look-up")
        lookup.gate.set()
        thread.join(20)
    assert not thread.is_alive()


def test_the_systems_resolver_gives_addresses() -> None:
    assert {"127.0.0.1"} <= set(system_lookup()("127.0.0.1"))


@pytest.mark.parametrize("own", [None, "timeout:7"])
def test_the_systems_resolver_is_impatient_unless_told_otherwise(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RES_OPTIONS", raising=False)
    if own is not None:
        monkeypatch.setenv("RES_OPTIONS", own)
    system_lookup()
    assert os.environ["RES_OPTIONS"] == (own or "timeout:1 attempts:1")
