"""Callers who leave whenever they like, and servers of every kind: nothing is lost over it."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from gateway.errors import AvatarUnavailable
from gateway.outbound import AddressGuard, Dialer, Names, Outbound, Transport
from gateway.outbound.address import Endpoint
from gateway.outbound.dialling import open_connection
from tests.fakes import FakeLookup, outbound_to, replying, serving, settle, tls
from tests.outbound.wire import (
    LIMIT,
    flooding,
    resetting,
    saying,
    serving_tls,
    silence,
    soon,
    trusting,
)

if TYPE_CHECKING:
    from tests.fakes import Talk

CONNECTIONS = 8
CALLERS = 1000
CA = trustme.CA()
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


class Moody:
    """Answers at once, late, in pieces or not at all; or, once it is `calm`, all at a time."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - moods, no secrets
        self.calm: asyncio.Barrier | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.calm is not None:
            await self.calm.wait()
            writer.write(FINE)
            return
        match self._dice.randrange(6):
            case 0:
                writer.close()
            case 1:
                await reader.read()
            case 2:
                writer.write(FINE[:-2])
                await asyncio.sleep(0.002)
                writer.write(FINE[-2:])
            case 3:
                writer.write(FINE + b"x")
            case _:
                await asyncio.sleep(self._dice.random() / 200)
                writer.write(FINE)


async def visit(outbound: Outbound, url: str, dice: random.Random) -> str:
    """Ask, and leave in one of three ways unless the answer is quicker."""
    manner, patience = dice.randrange(3), dice.random() / 50
    until = soon(patience) if manner == 0 else soon()
    call = asyncio.create_task(outbound.get(url, until=until, limit=LIMIT))
    if manner == 1:
        await asyncio.sleep(patience)
        call.cancel()
    if manner == 2:
        for _ in range(dice.randrange(40)):
            await asyncio.sleep(0)
        call.cancel()
    try:
        return (await call).body.decode()
    except (AvatarUnavailable, asyncio.CancelledError) as error:
        return type(error).__name__


async def insist(outbound: Outbound, url: str) -> str:
    """Ask in the same crowd until the answer is a good one, however slow the machine."""
    while True:
        with suppress(AvatarUnavailable):
            return (await outbound.get(url, until=soon(0.5), limit=LIMIT)).body.decode()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_after_a_thousand_impatient_callers_the_pool_is_whole(scheme: str) -> None:
    dice = random.Random(1)  # noqa: S311 - patience is no secret
    moody = Moody(2)
    context = trusting(CA)
    running = serving(moody) if scheme == "http" else serving_tls(moody, CA.issue_cert("127.0.0.1"))
    before = asyncio.all_tasks()
    async with running as server:
        url = f"{scheme}://127.0.0.1:{server.port}/"
        guard = AddressGuard([Endpoint.of(httpx.URL(url))])
        transport = Transport(Dialer(Names(FakeLookup()), guard, context))
        async with Outbound(transport, connections=CONNECTIONS) as outbound:
            async with asyncio.timeout(60):
                callers = [visit(outbound, url, dice) for _ in range(CALLERS)]
                seen = await asyncio.gather(insist(outbound, url), *callers)
            assert {"fine", "TimedOut", "CancelledError"} <= set(seen)
            # Every slot is there: the server answers only when all of them ask at once.
            moody.calm = asyncio.Barrier(CONNECTIONS)
            async with asyncio.timeout(30):
                replies = await asyncio.gather(
                    *(outbound.get(url, until=soon(), limit=LIMIT) for _ in range(CONNECTIONS))
                )
            assert {reply.body for reply in replies} == {b"fine"}
            assert transport.resting == CONNECTIONS
        await server.deserted()
    await settle()
    assert asyncio.all_tasks() == before


async def test_who_leaves_in_the_moment_of_success_leaves_no_connection_behind() -> None:
    """Cancelled at each step of the way, from the first to the one after the last."""
    async with serving(replying(body=b"fine")) as server:
        for moment in range(40):
            transport = Transport(
                Dialer(
                    Names(FakeLookup()),
                    AddressGuard([Endpoint.of(httpx.URL(server.base_url))]),
                    tls(),
                ),
                kept=0,
            )
            async with Outbound(transport, connections=1) as outbound:
                call = asyncio.create_task(outbound.get(server.base_url, until=soon(), limit=LIMIT))
                for _ in range(moment):
                    await asyncio.sleep(0)
                call.cancel()
                with suppress(asyncio.CancelledError):
                    await call
                reply = await outbound.get(server.base_url, until=soon(), limit=LIMIT)
                assert reply.body == b"fine"
                await server.deserted()


@pytest.mark.parametrize("moment", [0, 1, 2, 3, 5, 8, 13])
async def test_a_handshake_that_is_left_leaves_no_socket_behind(moment: int) -> None:
    """Also in the one step in which the standard loop would lose its transport."""
    async with serving(silence) as server:
        call = asyncio.create_task(
            open_connection(ip_address("127.0.0.1"), server.port, tls=tls(), name="x.example")
        )
        for _ in range(moment):
            await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        await settle()
        await server.deserted()


KINDS: list[Talk] = [
    replying(body=b"fine"),
    saying(FINE),
    saying(FINE + FINE, hang_up=False),
    saying(b"garbage\r\n\r\n"),
    flooding(b"HTTP/1.1 200 OK\r\n\r\n"),
    resetting(b"HTTP"),
    silence,
]


def descriptors() -> int:
    """How many file descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def acquaint(talk: Talk) -> None:
    """Ask one server in clear, again, and over TLS that it does not speak."""
    async with serving(talk) as server:
        secure = server.base_url.replace("http:", "https:")
        async with outbound_to(server.base_url, secure) as outbound:
            for url in (server.base_url, server.base_url, secure):
                patience = 0.02 if talk is silence or url == secure else 20
                with suppress(AvatarUnavailable):
                    await outbound.get(url, until=soon(patience), limit=LIMIT)
        await server.deserted()


async def test_fifty_rounds_with_every_kind_of_server_leave_nothing_open() -> None:
    counts: list[int] = []
    before = asyncio.all_tasks()
    for _ in range(50):
        await asyncio.gather(*map(acquaint, KINDS))
        counts.append(descriptors())
    await settle()
    assert counts[-1] == counts[4]
    assert asyncio.all_tasks() == before
