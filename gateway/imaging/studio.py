"""The studio: where pictures are made, off the event loop, in bounded pools."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from gateway.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

T = TypeVar("T")

_FALLBACK_QUEUE: Final = 256
"""Fallbacks that may wait: a list of 200 people with initials of their own, opened at once.

Nobody waits for one longer than a second, and the largest take 50 ms: more would be drawn for
nobody, before those for whom there is still time.
"""


class Studio:
    """Runs picture work in threads: photos on one lane, fallbacks on a lane of their own.

    A lane that is full refuses with `Busy` at once. Fallbacks are cheap and are what a viewer gets
    when photos are late, so they never queue behind one. The threads have the priority of all
    others: one that had less would keep Python's lock while it waits for a processor.
    """

    def __init__(self, *, threads: int, queue: int) -> None:
        self._photos = _Lane("photo", threads=threads, queue=queue)
        self._fallbacks = _Lane("fallback", threads=1, queue=_FALLBACK_QUEUE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop what is queued (its callers get `Busy`) and wait for what runs."""
        await asyncio.gather(self._photos.close(), self._fallbacks.close())

    @property
    def waiting(self) -> dict[str, int]:
        """How many pictures are being made or wait for it, by lane."""
        return {"photo": len(self._photos), "fallback": len(self._fallbacks)}

    async def photo(self, work: Callable[[], T]) -> T:
        """Run `work` on the photo lane; raises `Busy`, or whatever `work` raises."""
        return await self._photos.run(work)

    async def fallback(self, work: Callable[[], T]) -> T:
        """Run `work` on the fallback lane; raises `Busy`, or whatever `work` raises."""
        return await self._fallbacks.run(work)


class _Lane:
    """A thread pool that counts what is under way and refuses beyond its bound.

    All counting happens on the event loop's thread. A place is given back when the work has left
    the pool, not when its caller has: else callers that come and go would pile up work.
    """

    def __init__(self, name: str, *, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, f"studio-{name}")
        self._places = threads + queue
        self._under_way: set[asyncio.Future[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._under_way)

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread; raises `Busy` if the lane is full or closed."""
        if self._closed or len(self._under_way) >= self._places:
            raise Busy("too many pictures are being made")
        wanted = True

        def turn() -> T:
            # Whoever asked may have left while this waited: then it only leaves the queue.
            if not wanted:
                raise Busy("nobody waits for this picture any more")
            return work()

        future = asyncio.wrap_future(self._pool.submit(turn))
        self._under_way.add(future)
        future.add_done_callback(self._leave)
        try:
            # Unlike awaiting the future itself, this leaves it alone when we are cancelled.
            await asyncio.wait((future,))
        finally:
            wanted = False
        if future.cancelled():
            raise Busy("the studio closes")
        return future.result()

    async def close(self) -> None:
        """Drop what is queued, wait for what runs; idempotent."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _leave(self, future: asyncio.Future[Any]) -> None:
        self._under_way.discard(future)
        if not future.cancelled():
            # Looked at, so that asyncio does not report an error nobody waited for.
            future.exception()
