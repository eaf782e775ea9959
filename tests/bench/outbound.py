"""CPU of an outbound request, ours beside httpx's own: ``python -m tests.bench.outbound``.

A server in another process answers 12 KB over loopback; the client's own user and system time is
divided by the number of requests. Both clients take turns, and the median of the rounds counts.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import statistics
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeAlias

import httpx
import uvloop

from gateway.outbound import (
    AddressGuard,
    Dialer,
    Names,
    Outbound,
    Transport,
    system_lookup,
    tls_context,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

Get: TypeAlias = "Callable[[str], Awaitable[object]]"

ROUNDS: Final = 5
REQUESTS: Final = 1000
BODY: Final = b"x" * 12_000
TARGET: Final = "/v/t61.24694-24/1_2_3_n.jpg?ccb=11-4&oh=01_abc&oe=66BC702E&_nc_sid=e6ed6c"
FIELDS: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "avatar-gateway"}


def serve(told: Connection) -> None:
    """Answer every request alike; tell the port."""
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n"
        b"Cache-Control: max-age=1209600\r\nDate: Wed, 25 Nov 2026 03:50:00 GMT\r\n"
        b"Last-Modified: Tue, 24 Nov 2026 03:50:00 GMT\r\n\r\n%s" % (len(BODY), BODY)
    )

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


@asynccontextmanager
async def ours(base: str, connections: int) -> AsyncIterator[Get]:
    guard = AddressGuard.trusting(base)
    transport = Transport(Dialer(Names(system_lookup()), guard, tls_context()), kept=connections)
    async with Outbound(transport, connections=connections) as outbound:
        yield lambda url: outbound.get(url, until=time.monotonic() + 30, limit=2**20)


@asynccontextmanager
async def stock(_base: str, connections: int) -> AsyncIterator[Get]:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(limits=limits, trust_env=False, headers=FIELDS) as client:
        yield client.get


async def cost(get: Get, url: str, at_once: int) -> float:
    """Milliseconds of CPU for a request, with `at_once` of them under way."""

    async def caller() -> None:
        for _ in range(REQUESTS // at_once):
            await get(url)

    await asyncio.gather(*(get(url) for _ in range(at_once)))  # connect
    before = resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*(caller() for _ in range(at_once)))
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent * 1000 / (REQUESTS // at_once * at_once)


async def compare(base: str, at_once: int) -> tuple[float, float]:
    """Medians of both, measured in turns."""
    figures: tuple[list[float], list[float]] = ([], [])
    async with ours(base, at_once) as first, stock(base, at_once) as second:
        for _ in range(ROUNDS):
            figures[0].append(await cost(first, base + TARGET, at_once))
            figures[1].append(await cost(second, base + TARGET, at_once))
    return statistics.median(figures[0]), statistics.median(figures[1])


@contextmanager
def serving() -> Iterator[str]:
    """Where the server listens, which ends with the block."""
    told, tells = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(tells,), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{told.recv()}"
    finally:
        server.terminate()
        server.join()


async def ours_at(connections: Sequence[int]) -> dict[str, float]:
    """Medians of ours, by the number of connections."""
    found = {}
    with serving() as base:
        for at_once in connections:
            async with ours(base, at_once) as get:
                costs = [await cost(get, base + TARGET, at_once) for _ in range(ROUNDS)]
            found[str(at_once)] = statistics.median(costs)
    return found


def main() -> None:
    """Print a table: event loop, connections, ms of ours and of httpx's, their ratio."""
    print("loop     connections  ours ms  httpx ms  httpx / ours")
    with serving() as base:
        for name, run in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
            for at_once in (1, 32):
                own, theirs = run(compare(base, at_once))
                print(f"{name:8} {at_once:11}  {own:7.3f}  {theirs:8.3f}  {theirs / own:12.1f}")


if __name__ == "__main__":
    main()
