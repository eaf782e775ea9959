"""Viewers who keep asking while something is done to the gateway, and count what they lose."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.e2e.arrivals import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REQUEST = "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n"
PATIENCE = 30.0


class Load:
    """`kept` viewers who keep their connection and `fresh` ones who do not, `pace` seconds apart.

    A request is lost if it was sent and no whole 200 came back, for whatever reason. A viewer
    whose connection was closed before it asked again just connects again. `seconds` are those
    from each question until its answer had come.
    """

    def __init__(self, url: str, target: str, *, kept: int, fresh: int, pace: float) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._target = target
        self._kinds = ["keep-alive"] * kept + ["close"] * fresh
        self._pace = pace
        self._over = asyncio.Event()
        self._another = asyncio.Condition()
        self.lost: list[str] = []
        self.seconds: list[float] = []

    def quantile(self, share: float) -> float:
        """Seconds within which that share of the answers came."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))]

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Ask, until the block is left; who has asked by then still gets an answer."""
        async with asyncio.TaskGroup() as group:
            for place, kind in enumerate(self._kinds):
                group.create_task(self._view(kind, place * self._pace / len(self._kinds)))
            try:
                yield
            finally:
                self._over.set()

    async def answered(self, number: int) -> None:
        """Wait for that many more answers."""
        wanted = len(self.seconds) + number
        async with asyncio.timeout(2 * PATIENCE), self._another:
            await self._another.wait_for(lambda: len(self.seconds) >= wanted)

    async def _view(self, kind: str, offset: float) -> None:
        await self._rest(offset)
        wire: Wire | None = None
        while not self._over.is_set():
            began = time.monotonic()
            if wire is not None and wire.has_ended():
                wire.close()
                wire = None
            try:
                async with asyncio.timeout(PATIENCE):
                    wire = wire or await Wire.open(self._address)
                    again = await self._ask(kind, wire)
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                self.lost.append(f"{kind}: {error!r}")
                again = False
            else:
                async with self._another:
                    self._another.notify_all()
            if not again and wire is not None:
                wire.close()
                wire = None
            # By the clock: else those who have once been held up together would keep step.
            await self._rest(began + self._pace - time.monotonic())
        if wire is not None:
            wire.close()

    async def _ask(self, kind: str, wire: Wire) -> bool:
        """Ask once; return whether the connection may be used again."""
        request = REQUEST.format(target=self._target, connection=kind)
        head, seconds = await wire.ask(request.encode())
        if not head.startswith("http/1.1 200"):
            raise ValueError(head)
        self.seconds.append(seconds)
        return "connection: close" not in head

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
