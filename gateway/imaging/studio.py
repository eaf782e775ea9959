"""The studio: who may have a picture made, and when: in bounded lanes, small ones first."""

from __future__ import annotations

import asyncio
from bisect import insort
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from gateway.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

T = TypeVar("T")

_FALLBACK_QUEUE: Final = 256
"""Fallbacks that may wait: a list of 200 people with initials of their own, opened at once."""

_SMALL: Final = 256
"""Pixels up to which pictures count as equally small: else whoever asks for the smallest of all
would keep the faces of a list waiting, and those take few milliseconds each.
"""


class Studio:
    """Lets picture work begin: `lines` photos at a time, and fallbacks on a lane of their own.

    Fallbacks are cheap and are what a viewer gets when photos are late, so they never queue behind
    one. On both lanes small pictures go first, so that the faces of a list do not wait for somebody
    who asks for the largest pictures there are. For one too many the largest that waits is refused
    with `Busy`, and among equals whoever came last.
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

    async def photo(self, work: Callable[[], Coroutine[Any, Any, T]], *, pixels: int) -> T:
        """Do `work` on the photo lane; raises `Busy`, or whatever `work` raises.

        `pixels` is the side of the picture that will be made.
        """
        return await self._photos.run(work, pixels)

    async def fallback(self, work: Callable[[], Coroutine[Any, Any, T]], *, pixels: int) -> T:
        """Do `work` on the fallback lane, in the same way."""
        return await self._fallbacks.run(work, pixels)


@dataclass(order=True, frozen=True, slots=True)
class _Place:
    """A place in a queue: small ones before large ones, among equals who came first."""

    pixels: int
    number: int
    turn: asyncio.Future[bool] = field(compare=False)
    """Whether it comes at all."""


class _Lane:
    """Does so many works at a time, and lets so many others wait.

    Work that has begun goes on when its caller has left, and keeps its line until it is done: else
    callers that come and go would pile up work. Who leaves the queue gives the place back.
    """

    def __init__(self, lines: int, queue: int) -> None:
        self._free = lines
        self._most = queue
        self._queue: list[_Place] = []
        self._numbers = count()
        self._begun: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._queue) + len(self._begun)

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]], pixels: int) -> T:
        """Do `work` when its turn has come; raises `Busy` if it does not come."""
        if self._closed:
            raise Busy("the studio is closed")
        if self._free:
            self._free -= 1
        else:
            await self._turn(pixels)
        task = asyncio.create_task(work())
        self._begun.add(task)
        task.add_done_callback(self._end)
        # Unlike awaiting the task itself, this leaves it alone when we are cancelled.
        await asyncio.wait((task,))
        return task.result()

    async def close(self) -> None:
        """Drop what is queued, wait for what has begun; idempotent."""
        self._closed = True
        while self._queue:
            self._refuse_last()
        if self._begun:
            await asyncio.wait(self._begun)

    async def _turn(self, pixels: int) -> None:
        """Wait for a line."""
        place = _Place(
            max(pixels, _SMALL), next(self._numbers), asyncio.get_running_loop().create_future()
        )
        insort(self._queue, place)
        if len(self._queue) > self._most:
            self._refuse_last()
        try:
            came = await place.turn
        except asyncio.CancelledError:
            if place in self._queue:
                self._queue.remove(place)
            elif not place.turn.cancelled() and place.turn.result():
                self._pass_on()  # the turn came in the moment in which its owner left
            raise
        if not came:
            raise Busy("too many pictures are being made")
        if self._closed:
            self._pass_on()
            raise Busy("the studio is closed")

    def _refuse_last(self) -> None:
        turn = self._queue.pop().turn
        if not turn.cancelled():
            turn.set_result(False)

    def _pass_on(self) -> None:
        """Give a line to whoever is next and still there."""
        while self._queue:
            turn = self._queue.pop(0).turn
            if not turn.cancelled():
                turn.set_result(True)
                return
        self._free += 1

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._begun.discard(task)
        if not task.cancelled():
            # Looked at, so that asyncio does not report an error nobody waited for.
            task.exception()
        self._pass_on()
