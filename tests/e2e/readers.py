"""Viewers who look at many avatars, a few at once, each on a connection that is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.e2e.wire import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PATIENCE = 60.0


async def look(
    url: str,
    targets: Iterable[str],
    *,
    at_once: int = 16,
    pace: float = 0.0,
    judge: Callable[[str, Received], None],
) -> None:
    """Ask for all `targets`, in their order; `judge` hears each answer.

    Each viewer rests for `pace` seconds after an answer.
    """
    left = iter(targets)
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(_look(url, left, pace, judge))


async def _look(
    url: str, left: Iterator[str], pace: float, judge: Callable[[str, Received], None]
) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        for target in left:
            async with asyncio.timeout(PATIENCE):
                writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                answer = await receive(reader)
            judge(target, answer)
            await asyncio.sleep(pace)
            if answer.headers.get("connection", "").lower() == "close":
                writer.close()
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    finally:
        writer.close()


async def receive(reader: asyncio.StreamReader) -> Received:
    """One answer, whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value for name, _, value in (f.partition(": ") for f in fields)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(int(line.split()[1]), headers, body)
