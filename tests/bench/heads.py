"""HEAD requests, which wrk cannot ask: it waits for the body that a head tells of."""

from __future__ import annotations

import asyncio
import time
from statistics import median, quantiles
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import uvloop

from tests.bench import machine
from tests.bench.wrk import Failed, Shot

if TYPE_CHECKING:
    from tests.bench.wrk import Question


class _Viewer(asyncio.Protocol):
    """Asks as soon as it has been answered, and takes the time of each answer."""

    def __init__(self, request: bytes, waits: list[float]) -> None:
        self._request = request
        self._waits = waits
        self._held = b""
        self._asked = 0.0
        self.failed = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by class
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._held.endswith(b"\r\n\r\n"):
            return
        if not self._held.startswith(b"HTTP/1.1 200"):
            self.failed = self._held[:40].decode("latin-1")
        self._held = b""
        self._waits.append(time.perf_counter() - self._asked)
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._request)


def shoot(url: str, pid: int, question: Question, *, connections: int, seconds: int) -> Shot:
    """Ask for the head of one target for so many seconds, as `wrk.shoot` asks for the whole."""
    before = machine.cpu(pid)
    waits = uvloop.run(_ask(url, question.pattern, connections, seconds))
    spent = machine.cpu(pid) - before
    if not waits:
        raise Failed("no answer at all")
    return Shot(
        rate=len(waits) / seconds,
        p50=1000 * median(waits),
        p99=1000 * quantiles(waits, n=100)[98],
        cpu=1e6 * spent / len(waits),
        requests=len(waits),
    )


async def _ask(url: str, target: str, connections: int, seconds: int) -> list[float]:
    parts, waits = urlsplit(url), list[float]()
    request = f"HEAD {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    lines = [
        await loop.create_connection(
            lambda: _Viewer(request, waits), parts.hostname or "", parts.port or 80
        )
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for transport, _ in lines:
        transport.abort()
    failed = next((viewer.failed for _, viewer in lines if viewer.failed), "")
    if failed:
        raise Failed(failed)
    return waits
