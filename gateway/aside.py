"""One thread beside the event loop, for calls into a file system that may hang."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from gateway.errors import SharingFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

T = TypeVar("T")

PATIENCE: Final = 0.2
"""Seconds that anybody waits for what a machine's workers share."""


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    """A call, who waits for it, and what undoes it once nobody does."""

    call: Callable[[], T]
    undo: Callable[[T], object] | None
    future: asyncio.Future[T]
    forsaken: bool = False
    late: bool = False


class Aside:
    """Makes calls one after the other in a thread of its own, never on asyncio's executor.

    Nobody waits longer than `patience` seconds. While a call is late, others are refused at once:
    a hung file system costs one wait, not one each. The thread is a daemon, because a call that
    hangs in the kernel can be neither ended nor waited for. Open it with ``async with`` in the
    process that uses it, after any fork.
    """

    def __init__(self, name: str, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._late = 0
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let what was asked for be done, for as long as patience lasts."""
        last = self._enqueue(_nothing, None).future
        self._jobs.put(None)
        await asyncio.wait((last,), timeout=self._patience)
        if last.done():
            self._thread.join()

    async def __call__(
        self, call: Callable[[], T], *, undo: Callable[[T], object] | None = None
    ) -> T:
        """Return what `call` returns or raise what it raises.

        `undo` gets, in the thread, a result that nobody waits for any more. Raises `SharingFailed`
        if it is late, and in place of an `OSError`, whose text names paths.
        """
        if self._late:
            raise SharingFailed("the file system hangs")
        job = self._enqueue(call, undo)
        try:
            await asyncio.wait((job.future,), timeout=self._patience)
        except asyncio.CancelledError:
            self._forsake(job)
            raise
        if job.future.done():
            with _translated():
                return job.future.result()
        job.late = True
        self._late += 1
        self._forsake(job)
        raise SharingFailed("the file system is slow")

    def later(self, call: Callable[[], object]) -> None:
        """Have `call` made, and wait neither for it nor for its errors."""
        self._enqueue(call, None).future.add_done_callback(_retrieve)

    def _enqueue(self, call: Callable[[], T], undo: Callable[[T], object] | None) -> _Job[T]:
        job = _Job(call, undo, self._loop.create_future())
        self._jobs.put(job)
        return job

    def _forsake(self, job: _Job[T]) -> None:
        if not job.future.done():
            job.forsaken = True
        elif job.future.exception() is None:  # it came in the moment in which its caller left
            self._undo(job, job.future.result())

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            result, error = None, None
            if not job.forsaken:
                try:
                    result = job.call()
                except Exception as raised:  # noqa: BLE001 - handed to whoever waits
                    error = raised
            # A loop that is closed waits for nothing.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._deliver, job, result, error)

    def _deliver(self, job: _Job[T], result: T, error: Exception | None) -> None:
        if job.late:
            self._late -= 1
        if job.forsaken:
            if error is None and result is not None:
                self._undo(job, result)
        elif error is not None:
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

    def _undo(self, job: _Job[T], result: T) -> None:
        undo = job.undo
        if undo is not None:
            self.later(lambda: undo(result))


@contextmanager
def _translated() -> Iterator[None]:
    """The wall: a file system's errors pass it by their names alone."""
    try:
        yield
    except OSError as error:
        raise SharingFailed(f"the runtime directory failed ({type(error).__name__})") from None


def _nothing() -> None:
    pass


def _retrieve(future: asyncio.Future[object]) -> None:
    future.exception()
