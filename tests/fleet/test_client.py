"""The way to Valkey: whatever is wrong with it costs a bounded time, once."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from gateway.errors import FleetFailed, InvalidSettings
from gateway.fleet import Fleet
from gateway.fleet.scripts import Script
from tests.fakes import Clock
from tests.fleet.servers import Server, Told, joined, serving
from tests.processes import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 0.2
ECHO = Script("#!lua\nreturn ARGV[1]")
WRITE = Script("#!lua\nreturn redis.call('SET', KEYS[1], ARGV[1])")
URGENT = Script("#!lua flags=allow-oom\nreturn redis.call('DEL', KEYS[1])")


async def write(fleet: Fleet) -> None:
    await fleet.call("SET", fleet.key("anything"), b"1", "PX", 60_000)


async def fails_in_time(fleet: Fleet) -> None:
    """One call fails within its 200 ms, the next at once."""
    began = time.monotonic()
    with pytest.raises(FleetFailed):
        await write(fleet)
    assert time.monotonic() - began <= 2 * TIMEOUT
    began = time.monotonic()
    with pytest.raises(FleetFailed, match="left alone"):
        await write(fleet)
    assert time.monotonic() - began <= TIMEOUT / 2


async def recovers(fleet: Fleet) -> None:
    """After its rest it is asked again, and works."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        try:
            return await write(fleet)
        except FleetFailed:
            await asyncio.sleep(0.05)
    raise AssertionError


def fill(server: Server) -> None:
    with server.admin() as admin:
        admin.set("filler", bytes(2**21))
        admin.config_set("maxmemory-policy", "noeviction")
        admin.config_set("maxmemory", "1mb")


def demote(server: Server) -> None:
    with server.admin() as admin:
        admin.replicaof(HOST, free_port())


def heal(server: Server) -> None:
    server.command("CONFIG", "SET", "maxmemory", "0")
    server.command("REPLICAOF", "NO", "ONE")


def restart(server: Server) -> None:
    server.start()


FAULTS = [
    pytest.param(Server.kill, restart, id="dead"),
    pytest.param(Server.freeze, Server.thaw, id="hung"),
    pytest.param(fill, heal, id="full"),
    pytest.param(demote, heal, id="read-only"),
]


@pytest.mark.parametrize(("harm", "cure"), FAULTS)
async def test_a_broken_server_costs_two_tenths_of_a_second_once_and_comes_back(
    own_server: Server,
    told: Told,
    harm: Callable[[Server], None],
    cure: Callable[[Server], None],
) -> None:
    async with joined(own_server.url, told=told, timeout=TIMEOUT) as fleet:
        await recovers(fleet)  # a busy machine may need a second try
        told.failures.clear()
        harm(own_server)
        await fails_in_time(fleet)
        assert len(told.failures) == 1
        assert fleet.degraded == told.failures[0]
        recoveries = told.recoveries
        cure(own_server)
        await recovers(fleet)
        assert fleet.degraded is None
        assert told.recoveries == recoveries + 1


@pytest.mark.parametrize(("harm", "cure"), FAULTS)
async def test_a_hundred_calls_at_once_fail_together_as_one(
    own_server: Server,
    told: Told,
    harm: Callable[[Server], None],
    cure: Callable[[Server], None],
) -> None:
    async with joined(own_server.url, told=told, timeout=TIMEOUT) as fleet:
        harm(own_server)
        began = time.monotonic()
        results = await asyncio.gather(*(write(fleet) for _ in range(100)), return_exceptions=True)
        assert time.monotonic() - began <= 4 * TIMEOUT
        assert {type(result) for result in results} == {FleetFailed}
        cure(own_server)


async def test_a_server_that_never_was_holds_up_no_start(told: Told) -> None:
    began = time.monotonic()
    async with joined(f"redis://{HOST}:{free_port()}", told=told, timeout=TIMEOUT) as fleet:
        assert time.monotonic() - began <= TIMEOUT
        await fails_in_time(fleet)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00" * 64,
        b"$-7\r\n",
        b"*1\r\n",
        b"+OK",
        b":x\r\n",
    ],
)
async def test_a_server_that_talks_nonsense_is_a_failure(answer: bytes, told: Told) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(talk, HOST, 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with joined(f"redis://{HOST}:{port}", told=told, timeout=TIMEOUT) as fleet:
            await fails_in_time(fleet)
    assert len(told.failures) == 1


async def test_a_server_that_failed_is_left_alone_twice_as_long_each_time(told: Told) -> None:
    clock = Clock()
    async with joined(f"redis://{HOST}:{free_port()}", told=told, clock=clock) as fleet:
        for number, rest in enumerate([1, 2, 4, 8, 16, 30, 30, 30], 1):
            with pytest.raises(FleetFailed, match="Valkey failed"):
                await write(fleet)
            assert len(told.failures) == number
            clock.advance(rest - 0.01)
            with pytest.raises(FleetFailed, match="left alone"):
                await write(fleet)
            assert len(told.failures) == number
            clock.advance(0.02)


async def test_after_a_success_the_first_rest_is_short_again(
    own_server: Server, told: Told
) -> None:
    clock = Clock()
    async with joined(own_server.url, told=told, clock=clock) as fleet:
        for _ in range(3):
            fill(own_server)
            with pytest.raises(FleetFailed, match="Valkey failed"):
                await write(fleet)
            heal(own_server)
            clock.advance(1.01)
            await write(fleet)
    assert told.recoveries == 3


async def test_of_many_callers_after_a_rest_one_is_the_probe(told: Told) -> None:
    gate, connections = asyncio.Event(), 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(1)
        await gate.wait()
        writer.close()

    clock = Clock()
    async with await asyncio.start_server(talk, HOST, 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with joined(f"redis://{HOST}:{port}", told=told, clock=clock) as fleet:
            gate.set()
            with pytest.raises(FleetFailed):
                await write(fleet)
            gate.clear()
            clock.advance(2)
            connections = 0
            callers = [asyncio.create_task(write(fleet)) for _ in range(20)]
            done, (probe,) = await asyncio.wait(callers, timeout=TIMEOUT)
            assert {str(task.exception()) for task in done} == {
                "Valkey is left alone after a failure"
            }
            gate.set()
            with pytest.raises(FleetFailed, match="Valkey failed"):
                await probe
    assert connections == 1


async def test_a_probe_that_was_cancelled_leaves_the_next_one_free(told: Told) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    clock = Clock()
    async with await asyncio.start_server(talk, HOST, 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        url = f"redis://{HOST}:{port}"
        async with joined(url, told=told, clock=clock, timeout=TIMEOUT) as fleet:
            with pytest.raises(FleetFailed):
                await write(fleet)
            clock.advance(2)
            probe = asyncio.create_task(write(fleet))
            await asyncio.sleep(0)
            probe.cancel()
            await asyncio.wait((probe,))
            with pytest.raises(FleetFailed, match="Valkey failed"):
                await write(fleet)
    assert len(told.failures) == 2


async def test_a_full_server_still_takes_what_is_urgent(own_server: Server, told: Told) -> None:
    async with joined(own_server.url, told=told) as fleet:
        await write(fleet)
        fill(own_server)
        with pytest.raises(FleetFailed):
            await write(fleet)
        assert await fleet.run(URGENT, [fleet.key("anything")], urgent=True) == 1
        with pytest.raises(FleetFailed, match="left alone"):
            await fleet.run(URGENT, [fleet.key("anything")])


async def test_what_is_urgent_does_not_wait_for_a_silent_server(
    own_server: Server, told: Told
) -> None:
    async with joined(own_server.url, told=told, timeout=TIMEOUT) as fleet:
        own_server.freeze()
        with pytest.raises(FleetFailed):
            await write(fleet)
        with pytest.raises(FleetFailed, match="left alone"):
            await fleet.run(URGENT, [fleet.key("anything")], urgent=True)


async def test_a_key_of_another_type_is_emptied_and_used(fleet: Fleet, server: Server) -> None:
    name = fleet.key("thing")
    for plant in ("list", "set"):
        with server.admin() as admin:
            admin.delete(name)
            (admin.rpush if plant == "list" else admin.sadd)(name, "planted")
        assert await fleet.call("GET", name) is None
        with server.admin() as admin:
            admin.delete(name)
            (admin.rpush if plant == "list" else admin.sadd)(name, "planted")
        assert await fleet.call("INCR", name) == 1
    assert fleet.degraded is None


async def test_scripts_survive_a_server_that_forgot_them(fleet: Fleet, server: Server) -> None:
    for _ in range(2):
        with server.admin() as admin:
            admin.script_flush()
        assert await fleet.run(ECHO, [], b"heard") == b"heard"
        assert await fleet.run(WRITE, [fleet.key("written")], b"1") == b"OK"
    assert fleet.degraded is None


async def test_a_server_may_be_emptied_at_any_time(fleet: Fleet, server: Server) -> None:
    for _ in range(3):
        await write(fleet)
        with server.admin() as admin:
            admin.flushall()
    assert fleet.degraded is None


async def test_a_thousand_callers_share_a_few_connections(fleet: Fleet, server: Server) -> None:
    answers = await asyncio.gather(*(fleet.run(ECHO, [], str(n)) for n in range(1000)))
    assert answers == [str(n).encode() for n in range(1000)]
    with server.admin() as admin:
        assert len(admin.client_list()) <= 17


async def test_callers_who_leave_take_no_connection_with_them(fleet: Fleet) -> None:
    for _ in range(10):
        callers = [asyncio.create_task(fleet.run(ECHO, [], str(n))) for n in range(50)]
        await asyncio.sleep(0)
        for caller in callers[::2]:
            caller.cancel()
        results = await asyncio.gather(*callers, return_exceptions=True)
        assert results[1::2] == [str(n).encode() for n in range(1, 50, 2)]
    assert fleet.degraded is None


async def test_our_own_crowd_is_no_fault_of_the_server(own_server: Server, told: Told) -> None:
    async with joined(own_server.url, told=told, timeout=1) as fleet:
        await write(fleet)
        own_server.freeze()
        crowd = [asyncio.create_task(write(fleet)) for _ in range(40)]
        results = await asyncio.gather(*crowd, return_exceptions=True)
        assert {type(result) for result in results} == {FleetFailed}
    assert len(told.failures) == 16  # those that had a connection


async def test_a_doorbell_rings_when_something_is_behind_it(fleet: Fleet, server: Server) -> None:
    name = fleet.key("stream")
    waiting = asyncio.create_task(fleet.listen(name, "0-0", 30))
    await asyncio.sleep(0.05)
    with server.admin() as admin:
        admin.xadd(name, {"a": "b"})
    async with asyncio.timeout(10):
        await waiting
    await fleet.listen(name, "0-0", 30)  # what is there already rings at once


async def test_a_doorbell_that_nobody_rings_ends(fleet: Fleet) -> None:
    await fleet.listen(fleet.key("stream"), "0-0", 0.05)
    assert fleet.degraded is None


SECRET = "s3cr3t-p4ssword"


@pytest.mark.parametrize("given", [SECRET, "another-s3cr3t", ""])
async def test_a_password_is_used_and_never_shown(
    program: str, given: str, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    port = free_port()
    with serving(program, "--requirepass", SECRET, port=port):
        async with joined(f"redis://:{given}@{HOST}:{port}/0", told=told) as fleet:
            shown = [repr(fleet), str(fleet), fleet.key("a")]
            try:
                await write(fleet)
            except FleetFailed as failure:
                shown += [repr(failure), str(failure)]
            shown += [*told.failures, str(fleet.degraded), caplog.text]
    assert bool(told.failures) == (given != SECRET)
    assert not [text for text in shown if SECRET in text or (given and given in text)]


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "redis://host:port", "redis://host:99999999", "redis://[::1", "", "x"],
)
def test_an_address_that_is_none_stops_the_start_without_being_shown(url: str) -> None:
    with pytest.raises(InvalidSettings, match="GATEWAY_VALKEY_URL takes an address") as refused:
        Fleet(url, namespace="", tell=print)
    assert not url or url == "x" or url not in str(refused.value)


async def test_an_address_cannot_loosen_the_bounds(own_server: Server, told: Told) -> None:
    url = f"{own_server.url}?socket_timeout=60&socket_connect_timeout=60&protocol=3&db=2"
    async with joined(url, told=told, timeout=TIMEOUT) as fleet:
        await recovers(fleet)
        with own_server.admin() as admin:
            assert admin.info("keyspace").keys() == {"db2"}
        own_server.freeze()
        await fails_in_time(fleet)


async def test_namespaces_share_nothing_and_keys_of_one_live_together(server: Server) -> None:
    async with (
        joined(server.url, namespace="wawp|one") as one,
        joined(server.url, namespace="wawp|two") as two,
    ):
        await write(one)
        assert await two.call("GET", two.key("anything")) is None
        prefix = one.key("")
        assert prefix.startswith("avatar-gateway:1:{")
        assert prefix.endswith("}:")
        assert "wawp" not in prefix
        assert one.key("a", "b") == prefix + "a:b"


async def test_a_closed_fleet_opens_nothing_any_more(server: Server) -> None:
    async with joined(server.url) as fleet:
        await write(fleet)
    with pytest.raises(FleetFailed, match="closed"):
        await write(fleet)


async def test_fifty_rounds_leave_no_connection(server: Server) -> None:
    for _ in range(50):
        async with joined(server.url) as fleet:
            await write(fleet)
    with server.admin() as admin:
        assert len(admin.client_list()) <= 2
