"""Gates: places where calls wait until a test lets them go."""

from __future__ import annotations

import asyncio

__all__ = ["Gate"]


class Gate:
    """Where calls of one kind wait while it is closed."""

    def __init__(self) -> None:
        """Start open."""
        self._open = asyncio.Event()
        self._open.set()
        self._moved = asyncio.Condition()
        self.waiting = 0

    @property
    def is_open(self) -> bool:
        """Whether calls pass without waiting."""
        return self._open.is_set()

    def open(self) -> None:
        """Release everyone."""
        self._open.set()

    def close(self) -> None:
        """Let the next calls wait."""
        self._open.clear()

    async def passed(self) -> None:
        """Return when the gate is open; until then be counted among those who wait."""
        await self._count(1)
        try:
            await self._open.wait()
        finally:
            await self._count(-1)

    async def filled(self, waiting: int) -> None:
        """Return once `waiting` calls stand here."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.waiting >= waiting)

    async def _count(self, step: int) -> None:
        # Counted before the first await: a caller that is cancelled there is counted out again.
        self.waiting += step
        async with self._moved:
            self._moved.notify_all()
