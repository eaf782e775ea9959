"""One run for a key at a time, however many wait for it; nobody who waits can cancel it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

T = TypeVar("T")


class Singleflight(Generic[T]):
    """Runs under way, by key.

    Interleavings, all on one event loop:

    1. The first caller of a key starts the run as a task of its own.
    2. A caller who comes while it is under way gets the same task; result and error are shared.
    3. A caller who comes after its end starts another one, even if callers of (2) have not
       woken up yet: the key is given up in the moment the run ends, before anybody is told.
    4. A caller who leaves leaves the run alone. If all leave, it still ends, and an error that
       nobody fetched is not reported as lost.
    """

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def join(
        self, key: Hashable, start: Callable[[], Coroutine[object, object, T]]
    ) -> tuple[asyncio.Task[T], bool]:
        """Return the run under `key` and whether it was under way; `start` makes it if not.

        Wait with `asyncio.wait` or `asyncio.shield`: awaiting the task itself would pass on a
        cancellation.
        """
        task = self._tasks.get(key)
        if task is not None:
            return task, True

        async def run() -> T:
            try:
                return await start()
            finally:
                del self._tasks[key]

        task = asyncio.create_task(run())
        self._tasks[key] = task
        task.add_done_callback(_retrieve)
        return task, False

    async def finish(self, seconds: float) -> None:
        """Wait at most `seconds` for the runs under way to end by themselves."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)

    async def aclose(self) -> None:
        """Drop all runs and wait for their end."""
        while self._tasks:  # while they end, others may start
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            # A task that is cancelled before its first step never reaches its own clean-up.
            self._tasks = {key: task for key, task in self._tasks.items() if not task.done()}


def _retrieve(task: asyncio.Task[T]) -> None:
    if not task.cancelled():
        task.exception()


async def within(task: asyncio.Task[T], seconds: float) -> T:
    """Wait for `task` at most `seconds` and leave it running; `TimeoutError` if it is not done."""
    if not task.done():
        await asyncio.wait((task,), timeout=max(seconds, 0))
    if not task.done():
        raise TimeoutError
    try:
        return task.result()
    finally:
        del task  # its error leads here, which must not lead back: a circle would stay behind
