"""The keeper: gives untrusted bytes to the child, and takes only what it can check.

One child at a time, started for the first picture and gone when there was none for a while. It
has one picture at a time; others wait. Whatever a picture does to it costs that picture alone.
"""

from __future__ import annotations

import asyncio
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from gateway.errors import Busy, Rejected, Undecodable
from gateway.imaging.header import HeaderCheck
from gateway.model import Master, Sample
from gateway.quarantine import frames
from gateway.quarantine.frames import Kind, Refusal
from gateway.quarantine.process import Child, Garbled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from types import TracebackType

ENTRY: Final = "gateway.quarantine.child:main"

_TOO_LONG: Final = "the picture took too long to decode"
_CRASHED: Final = "the decoder crashed on the picture"
_REFUSED: Final = {
    Refusal.UNREADABLE: "the picture cannot be decoded",
    Refusal.MEMORY: "the picture needed too much memory",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: until a child can be used, until a sample, then until a master; and idle ones."""

    start: float = 5.0
    sample: float = 1.0
    master: float = 2.0
    idle: float = 60.0


class Quarantine:
    """Develops pictures in a child; at most `queue` wait for their turn.

    `entry` is the child's main function, as ``module:function``.
    """

    def __init__(
        self, *, queue: int = 32, patience: Patience | None = None, entry: str = ENTRY
    ) -> None:
        self._patience = patience or Patience()
        self._entry = entry
        self._queue = queue
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._rest: asyncio.TimerHandle | None = None
        # One thread that waits for ended children: no signal handler could, beside the server's.
        self._reaper = ThreadPoolExecutor(1, "quarantine-reaper")
        self._ending: set[asyncio.Task[int]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill the child and wait for its end; who waits for a picture gets `Busy`."""
        self._closed = True
        if self._rest is not None:
            self._rest.cancel()
        if self._child is not None:
            self._child.kill()
        async with self._turn:  # nobody reads from the socket any more
            self._dismiss()
        await asyncio.gather(*self._ending)
        self._reaper.shutdown()

    @property
    def child(self) -> int | None:
        """The process number of the child; None if there is none."""
        return None if self._child is None else self._child.pid

    @property
    def waiting(self) -> int:
        """How many pictures wait for their turn."""
        return self._waiting

    async def develop(
        self, data: bytes, side: int, *, until: float
    ) -> tuple[Sample, asyncio.Task[Master]]:
        """Return a square of `side` pixels from the middle, and the master when it is made.

        The turn must come before `until` (`time.monotonic`). Raises `Rejected` if the picture
        is broken or asks too much, `Busy` if there is no child or no turn; and so does the
        master. A caller who is cancelled takes the picture out of the child.
        """
        if len(data) > frames.MAX_DATA:
            raise Rejected("the picture is larger than we take")
        await self._take_turn(until)
        try:
            child = await self._ready()
            async with self._watched(self._patience.sample):
                await child.tell(frames.job(data, side))
                pixels = await _hear(child, Kind.SAMPLE, (3 * side**2, 4 * side**2))
        except BaseException:
            self._give_turn()
            raise
        master = asyncio.create_task(self._master(child))
        master.add_done_callback(self._finish)
        return Sample(side, "RGB" if len(pixels) == 3 * side**2 else "RGBA", pixels), master

    async def _master(self, child: Child) -> Master:
        async with self._watched(self._patience.master):
            whole = await _hear(child, Kind.MASTER, range(1, frames.MAX_MASTER + 1))
            _check(whole)
            small = await _hear(child, Kind.SMALL, range(frames.MAX_SMALL + 1))
            if small:
                _check(small)
        return Master(whole, small)

    def _finish(self, master: asyncio.Task[Master]) -> None:
        # A task that is cancelled before its first step has dismissed nobody.
        if master.cancelled():
            self._dismiss()
        else:
            master.exception()  # looked at: perhaps nobody waits for it
        self._give_turn()

    async def _take_turn(self, until: float) -> None:
        if self._closed or self._waiting >= self._queue:
            raise Busy("too many pictures wait in the quarantine")
        self._waiting += 1
        try:
            async with asyncio.timeout(until - time.monotonic()):
                await self._turn.acquire()
        except TimeoutError:
            raise Busy("the quarantine is occupied") from None
        finally:
            self._waiting -= 1
        if self._rest is not None:
            self._rest.cancel()

    def _give_turn(self) -> None:
        self._turn.release()
        if self._child is not None and not self._closed:
            loop = asyncio.get_running_loop()
            self._rest = loop.call_later(self._patience.idle, self._dismiss_idle)

    def _dismiss_idle(self) -> None:
        if not self._turn.locked():
            self._dismiss()

    async def _ready(self) -> Child:
        """The child, a new one if it has ended; raises `Busy`."""
        if self._child is not None and not self._child.lives:
            self._dismiss()
        if self._closed:
            raise Busy("the quarantine closes")
        if self._child is None:
            try:
                self._child = await Child.start(self._entry)
                async with asyncio.timeout(self._patience.start):
                    await self._child.hear({Kind.READY: (0,)})
            except (OSError, EOFError, Garbled):  # a TimeoutError is an OSError
                self._dismiss()
                raise Busy("the quarantine cannot be started") from None
            except BaseException:
                self._dismiss()
                raise
        return self._child

    def _dismiss(self) -> asyncio.Task[int] | None:
        """End the child, behind whoever waits; only on one's turn, or when it is nobody's."""
        child, self._child = self._child, None
        if child is None:
            return None
        task = asyncio.create_task(child.end(self._reaper))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    @asynccontextmanager
    async def _watched(self, seconds: float) -> AsyncIterator[None]:
        """Give the child so much time; one that fails is ended, and the picture blamed."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except _Refused as refused:
            raise Rejected(_REFUSED[refused.why]) from None
        except TimeoutError:
            self._dismiss()
            raise Rejected(_TOO_LONG) from None
        except (EOFError, OSError):
            raise await self._blame() from None
        except (Garbled, Undecodable):
            self._dismiss()
            raise Rejected(_CRASHED) from None
        except BaseException:
            self._dismiss()
            raise

    async def _blame(self) -> Rejected | Busy:
        """The error for a child that has hung up by itself."""
        ending = self._dismiss()
        if self._closed or ending is None:
            return Busy("the quarantine closes")
        status = await asyncio.shield(ending)
        return Rejected(_TOO_LONG if status == -signal.SIGXCPU else _CRASHED)


class _Refused(Exception):
    def __init__(self, why: Refusal) -> None:
        super().__init__()
        self.why = why


async def _hear(child: Child, kind: Kind, lengths: Collection[int]) -> bytes:
    """The body of the answer; raises `_Refused`, or what `Child.hear` raises."""
    heard, body = await child.hear({kind: lengths, Kind.REFUSED: (1,)})
    if heard is kind:
        return body
    try:
        why = Refusal(body[0])
    except ValueError:
        raise Garbled from None
    raise _Refused(why)


def _check(picture: bytes) -> None:
    """Judge a master as if a stranger had sent it, which may be so; raises `Undecodable`."""
    check = HeaderCheck()
    check.feed(picture)
    check.finish()
