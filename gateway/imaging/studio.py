"""The studio: who may have a picture made, and when: in bounded lanes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from gateway.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

T = TypeVar("T")

_FALLBACK_QUEUE: Final = 256
"""Fallbacks that may wait: a list of 200 people with initials of their own, opened at once.

Nobody waits for one longer than a second, and the largest take 50 ms: more would be drawn for
nobody, before those for whom there is still time.
"""


class Studio:
    """Lets picture work begin: `lines` photos at a time, and fallbacks on a lane of their own.

    A lane that is full refuses with `Busy` at once. Fallbacks are cheap and are what a viewer gets
    when photos are late, so they never queue behind one.
    """

    def __init__(self, *, lines: int, queue: int) -> None:
        self._photos = _Lane(lines, queue)
        self._fallbacks = _Lane(1, _FALLBACK_QUEUE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop what is queued (its callers get `Busy`) and wait for what has begun."""
        await asyncio.gather(self._photos.close(), self._fallbacks.close())

    @property
    def waiting(self) -> dict[str, int]:
        """How many pictures are being made or wait for it, by lane."""
        return {"photo": len(self._photos), "fallback": len(self._fallbacks)}

    async def photo(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` on the photo lane; raises `Busy`, or whatever `work` raises."""
        return await self._photos.run(work)

    async def fallback(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` on the fallback lane; raises `Busy`, or whatever `work` raises."""
        return await self._fallbacks.run(work)


class _Lane:
    """Does so many works at a time, lets others wait, and refuses beyond its bound.

    Work that has begun goes on when its caller has left, and keeps its place until it is done:
    else callers that come and go would pile up work. Who leaves the queue gives its place back.
    """

    def __init__(self, lines: int, queue: int) -> None:
        self._places = lines + queue
        self._lines = asyncio.Semaphore(lines)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._begun: set[asyncio.Task[Any] | None] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._under_way)

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` when its turn has come; raises `Busy` if the lane is full or closed."""
        if self._closed or len(self._under_way) >= self._places:
            raise Busy("too many pictures are being made")
        task = asyncio.create_task(self._turn(work))
        self._under_way.add(task)
        task.add_done_callback(self._leave)
        try:
            # Unlike awaiting the task itself, this leaves it alone when we are cancelled.
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            self._forget(task)
            raise
        if task.cancelled():
            raise Busy("the studio closes")
        return task.result()

    async def close(self) -> None:
        """Drop what is queued, wait for what has begun; idempotent."""
        self._closed = True
        for task in self._under_way:
            self._forget(task)
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _turn(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._lines:
            self._begun.add(asyncio.current_task())
            return await work()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        if task not in self._begun:
            task.cancel()

    def _leave(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        self._begun.discard(task)
        if not task.cancelled():
            # Looked at, so that asyncio does not report an error nobody waited for.
            task.exception()
