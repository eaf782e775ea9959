"""The keeper: hands jobs to the child from threads that wait for them."""

from __future__ import annotations

import pickle
import socket
import threading
from contextlib import suppress
from queue import LifoQueue
from typing import TYPE_CHECKING, Final, Self

from gateway.children import spawn
from gateway.darkroom.wire import ANSWER, LENGTH, Word
from gateway.errors import Busy, Undecodable

if TYPE_CHECKING:
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

    `here` does a job in this process (by default, as the child would): where no child can be
    started, and where the child stumbled, so that the error is told in full. `entry` is the child's
    main function, as ``module:function``. Open it with ``async with`` in the process that uses it.
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
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        """Start the child, and do not wait until it is ready."""
        with suppress(OSError):
            self._present()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child; whoever waits for a picture gets `Busy`."""
        with self._lock:
            self._closed = True
        if self._child is not None:
            self._child.end()

    @property
    def child(self) -> int | None:
        """The process number of the child; None if there is none."""
        child = self._child
        return None if child is None else child.process.pid

    def __call__(self, job: Job) -> bytes:
        """Return the encoded picture, which this thread waits for.

        Raises `Undecodable` for a broken original, `Busy` if the picture costs one child after
        the other, and whatever a bug raises.
        """
        data = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)
        for _ in range(ATTEMPTS):
            try:
                child = self._present()
            except OSError:
                return self._here(job)
            try:
                word, body = child.ask(data)
            except (OSError, EOFError):
                self._dismiss(child)
                continue
            if word == Word.DONE:
                return body
            if word == Word.UNDECODABLE:
                raise Undecodable("the picture cannot be drawn")
            return self._here(job)
        raise Busy("the darkroom failed on the picture")

    def _present(self) -> _Child:
        """The child, a new one if there is none; raises `OSError`."""
        with self._lock:
            if self._closed:
                raise Busy("the darkroom closes")
            if self._child is None:
                self._child = _Child(self._entry, self._lines, self._patience)
            return self._child

    def _dismiss(self, child: _Child) -> None:
        with self._lock:
            if self._child is child:
                self._child = None
        child.end()


def _make(job: Job) -> bytes:
    from gateway.imaging.making import make  # noqa: PLC0415 - Pillow is for the child, as a rule

    return make(job)


class _Child:
    """A child process and the lines to it; each belongs to one thread at a time."""

    def __init__(self, entry: str, lines: int, patience: float) -> None:
        pairs = [socket.socketpair() for _ in range(lines)]
        try:
            self.process = spawn(entry, *(theirs.fileno() for _, theirs in pairs))
        except OSError:
            for ours, _ in pairs:
                ours.close()
            raise
        finally:
            for _, theirs in pairs:
                theirs.close()
        self._lock = threading.Lock()
        self._ended = False
        self._free: LifoQueue[socket.socket | None] = LifoQueue()
        for ours, _ in pairs:
            ours.settimeout(patience)
            self._free.put(ours)

    def ask(self, job: bytes) -> tuple[int, bytes]:
        """Return a `Word` and the picture; raises `OSError` or `EOFError` if the child is gone."""
        line = self._free.get()
        if line is None:
            self._free.put(None)  # for whoever else waits
            raise EOFError
        try:
            line.sendall(LENGTH.pack(len(job)) + job)
            word, length = ANSWER.unpack(_receive(line, ANSWER.size))
            return word, _receive(line, length)
        finally:
            self._give_back(line)

    def end(self) -> None:
        """Kill the child and wait until it is gone; again does nothing.

        Who waits for an answer hears the end of it, and whoever waits for a line, too.
        """
        self.process.kill()
        self.process.wait()
        with self._lock:
            if self._ended:
                return
            self._ended = True
            while not self._free.empty():
                _close(self._free.get())
            self._free.put(None)

    def _give_back(self, line: socket.socket) -> None:
        with self._lock:
            if self._ended:
                line.close()
            else:
                self._free.put(line)


def _close(line: socket.socket | None) -> None:
    if line is not None:
        line.close()


def _receive(line: socket.socket, count: int) -> bytes:
    held = bytearray(count)
    rest = memoryview(held)
    while rest:
        taken = line.recv_into(rest)
        if not taken:
            raise EOFError
        rest = rest[taken:]
    return bytes(held)
