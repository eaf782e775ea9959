"""A gateway of one worker, asked over HTTP about more and more contacts nobody knows.

As in an attack at the default settings: a few questions are put, everybody else gets a fallback.
Run as a program with a folder, the upstream and a number; says the bytes of the worker's memory at
ten places on the way; it is replaced by another one after some 900,000 requests, as it should be.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tests import processes
from tests.workers import memory, workers

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE: Final = 64
PLACES: Final = 10
FALLBACK: Final = b"avatar-source: fallback\r\n"


async def _look(url: str, left: Iterator[int]) -> None:
    """Ask about each of those `left`, over one connection as long as the worker keeps it."""
    parts = urlsplit(url)
    wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for number in left:
        reader, writer = wire = wire or await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET /avatar/{number}.png?size=48 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200 "), head
        assert FALLBACK in head, head
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
        if b"connection: close" in head:  # a worker that has had enough requests is replaced
            writer.close()
            wire = None
    if wire is not None:
        wire[1].close()


async def main(folder: str, upstream: str, number: int) -> None:
    settings = processes.settings_for(
        upstream,
        Path(folder) / "store",
        GATEWAY_UPSTREAM_RATE="30/m",
        GATEWAY_DEADLINE="100ms",
        GATEWAY_LOG_LEVEL="error",
    )
    strangers = count(20_000_000_001)
    with processes.gateway(Path(folder), settings, workers=1) as served:
        for _ in range(PLACES):
            few = islice(strangers, number // PLACES)
            await asyncio.gather(*(_look(served.url, few) for _ in range(AT_ONCE)))
            sys.stdout.write(f"{max(map(memory, workers(served)))}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
