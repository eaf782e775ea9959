"""The keeper: hands jobs to the child, and starts another where it is lost."""

from __future__ import annotations

import asyncio
import pickle
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final, Self

from gateway.children import spawn
from gateway.darkroom.line import Line
from gateway.darkroom.wire import Word
from gateway.errors import Busy, Undecodable
from gateway.model import DIGEST_SIZE, Rendition

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from types import TracebackType

    from gateway.imaging.jobs import Job

ENTRY: Final = "gateway.darkroom.child:main"

PATIENCE: Final = 10.0
"""Seconds for a picture, the start of the child included; the largest takes a tenth of one."""

ATTEMPTS: Final = 2
"""Children that a picture may cost: perhaps it was another's picture that cost the first."""


class Darkroom:
    """Does jobs in a child; as many at a time as it has `lines`.

    `here` does a job in a thread of this process (by default, as the child would): where no child
    can be started, and where the child stumbled, so that the error is told in full. `entry` is the
    child's main function, as ``module:function``. Open it with ``async with`` in the process that
    uses it.
    """

    def __init__(
        self,
        here: Callable[[Job], bytes] | None = None,
        *,
        lines: int,
        patience: float = PATIENCE,
        entry: str = ENTRY,
    ) -> None:
        self._here = here or _make
        self._lines = lines
        self._patience = patience
        self._entry = entry
        self._starting = asyncio.Lock()
        self._child: _Child | None = None
        self._ending: set[asyncio.Task[int]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        """Start the child, and do not wait until it is ready."""
        with suppress(OSError):
            await self._present()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child; whoever waits for a picture gets `Busy`."""
        self._closed = True
        async with self._starting:
            if self._child is not None:
                self._dismiss(self._child)
        await asyncio.gather(*self._ending, return_exceptions=True)

    @property
    def child(self) -> int | None:
        """The process number of the child; None if there is none."""
        return None if self._child is None else self._child.process.pid

    async def __call__(self, job: Job) -> Rendition:
        """Draw what `job` names; a caller who is cancelled takes the child along.

        Raises `Undecodable` for a broken original, `Busy` if the picture costs one child after
        the other, and whatever a bug raises.
        """
        data = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)
        for _ in range(ATTEMPTS):
            try:
                child = self._child or await self._present()
            except OSError:
                return await self._drawn_here(job)
            try:
                async with asyncio.timeout(self._patience):
                    word, said = await child.ask(data)
            except (EOFError, TimeoutError):
                self._dismiss(child)
                continue
            except asyncio.CancelledError:
                self._dismiss(child)
                raise
            if word == Word.DONE:
                body, digest = said[DIGEST_SIZE:].tobytes(), said[:DIGEST_SIZE].tobytes()
                return Rendition.named(body, job.canvas.format, digest)
            if word == Word.UNDECODABLE:
                raise Undecodable("the picture cannot be drawn")
            return await self._drawn_here(job)
        raise Busy("the darkroom failed on the picture")

    async def _drawn_here(self, job: Job) -> Rendition:
        return Rendition.of(await asyncio.to_thread(self._here, job), job.canvas.format)

    async def _present(self) -> _Child:
        """The child, a new one if there is none; raises `OSError`."""
        async with self._starting:
            if self._closed:
                raise Busy("the darkroom closes")
            if self._child is None:
                self._child = await _Child.start(self._entry, self._lines)
            return self._child

    def _dismiss(self, child: _Child) -> None:
        """End `child`, behind whoever asks for the next picture."""
        if self._child is child:
            self._child = None
            task = asyncio.create_task(child.end())
            self._ending.add(task)
            task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[int]) -> None:
        self._ending.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: killed it was, even if nobody could wait for its end


def _make(job: Job) -> bytes:
    from gateway.imaging.making import make  # noqa: PLC0415 - Pillow is for the child, as a rule

    return make(job)


class _Child:
    """A child process and the lines to it."""

    def __init__(self, process: subprocess.Popen[bytes], lines: list[Line]) -> None:
        self.process = process
        self._lines = lines
        self._free: asyncio.LifoQueue[Line] = asyncio.LifoQueue()
        for line in lines:
            self._free.put_nowait(line)

    @classmethod
    async def start(cls, entry: str, lines: int) -> _Child:
        """Start a child; raises `OSError`."""
        opened: list[Line] = []
        childs: list[int] = []
        with ExitStack() as ends, ExitStack() as undo:
            for _ in range(lines):
                line, theirs = await Line.open()
                undo.callback(line.close)
                opened.append(line)
                childs.append(ends.enter_context(theirs).fileno())
            # Nothing is waited for after this: a process that is there has somebody to end it.
            process = spawn(entry, *childs)
            undo.pop_all()
        return cls(process, opened)

    async def ask(self, job: bytes) -> tuple[int, memoryview]:
        """Return a `Word` and what came with it; raises `EOFError` if the child is gone."""
        line = await self._free.get()
        try:
            return await line.ask(job)
        finally:
            self._free.put_nowait(line)

    async def end(self) -> int:
        """Kill the child and wait until it is gone; its exit status.

        Who waits for an answer hears the end of it, and so does whoever waits for a line.
        """
        self.process.kill()
        for line in self._lines:
            line.close()
        return await asyncio.to_thread(self.process.wait)
