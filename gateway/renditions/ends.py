"""Who is over when, for those who drop some of them at a time."""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAIN: Final = 16.0
"""Seconds that are one moment here: so much too late somebody may be found to be over."""

T = TypeVar("T")


class _Note(ref[T]):
    """A thing that is over at the `moment`; it is not kept alive by that."""

    __slots__ = ("moment",)
    moment: int


class Ends(Generic[T]):
    """Things by the moment in which they are over; whoever is gone before leaves nothing here."""

    def __init__(self) -> None:
        self._notes: dict[int, set[_Note[T]]] = {}
        self._moments: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self._notes.values()))

    def note(self, thing: T, end: float) -> None:
        """Note that `thing` is over at `end`, in Unix seconds; earlier notes stand as well."""
        if math.isinf(end):
            return
        moment = math.ceil(end / GRAIN)
        if moment not in self._notes:
            self._notes[moment] = set()
            heappush(self._moments, moment)
        note = _Note(thing, self._forget)
        note.moment = moment
        self._notes[moment].add(note)

    def due(self, now: float, most: int) -> Iterator[T]:
        """Take out `most` of those that were noted to be over by `now`, one after the other."""
        while most and self.waiting(now):
            notes = self._notes[self._moments[0]]
            while most and notes:
                most -= 1
                thing = notes.pop()()
                if thing is not None:
                    yield thing
            if not notes:
                del self._notes[heappop(self._moments)]

    def waiting(self, now: float) -> bool:
        """Whether any may have been noted to be over by `now`."""
        return bool(self._moments) and self._moments[0] * GRAIN <= now

    def clear(self) -> None:
        """Forget everybody."""
        self._notes.clear()
        self._moments.clear()

    def _forget(self, note: ref[T]) -> None:
        """Its thing is gone."""
        if isinstance(note, _Note):
            self._notes.get(note.moment, set()).discard(note)
