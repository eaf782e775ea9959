"""What this worker holds ready: encoded renditions and how their contacts stand.

One entry a contact, with a life of its own and at most sixteen renditions; drawn fallbacks, which
belong to nobody, stand beside them. All of it is bounded in bytes, bodies and overhead, fallbacks
alone once more, and what was used least recently goes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakValueDictionary

from cachetools import LRUCache

from gateway.renditions.allowance import Allowance
from gateway.renditions.ends import Ends
from gateway.renditions.shelf import DRAWN_SHARE, IN_USE, Drawn, Shelf, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from gateway.model import Canvas, ContactId, Rendition, Standing
    from gateway.renditions.shelf import Companion

SLICE: Final = 256
FEW: Final = 16
"""Entries dropped in one go when their time is over, so that a crowd of them holds nobody up: by
who tidies, and by who needs room."""

SET_BACK: Final = 1.0
"""Seconds by which clocks are corrected all the time, without anybody having set them back."""


class _Entries(LRUCache["Hashable", "Shelf | Drawn"]):
    """What is held; `pushed_out` is told how many seconds what makes room had been."""

    def __init__(
        self, capacity: int, *, clock: Callable[[], float], pushed_out: Callable[[float], object]
    ) -> None:
        super().__init__(capacity, size_of)
        self._clock = clock
        self._pushed_out = pushed_out

    def popitem(self) -> tuple[Hashable, Shelf | Drawn]:
        """Drop what was used least recently."""
        key, entry = super().popitem()
        self._pushed_out(max(self._clock() - entry.since, 0.0))
        return key, entry


def nobody(_age: float) -> None:
    """Tell nobody what was pushed out."""


class Erased(Protocol):
    """Tells who was erased, in any worker."""

    def since(self) -> Sequence[str]:
        """Return the keys of who was since the last call."""

    def lost(self) -> bool:
        """Whether some were missed: then everything must go."""


class Renditions:
    """A cache of at most `capacity` bytes, without those whom `erasures` names by their `key`.

    `pushed_out` is told of what has to make room, and how many seconds it was held. `clock` gives
    Unix seconds. When that is set back, nobody knows any more how long anything has to live, and
    all of it goes.
    """

    def __init__(
        self,
        *,
        capacity: int,
        erasures: Erased,
        key: Callable[[ContactId], str],
        clock: Callable[[], float],
        pushed_out: Callable[[float], object] = nobody,
    ) -> None:
        self._erasures = erasures
        self._key = key
        self._clock = clock
        self._latest = clock()
        self._entries = _Entries(capacity, clock=clock, pushed_out=pushed_out)
        # Erasures name contacts by their keys. A shelf that the cache has dropped is in nobody's
        # way here.
        self._shelves: WeakValueDictionary[str, Shelf] = WeakValueDictionary()
        self._ends: Ends[Shelf] = Ends()
        self._drawings = Allowance(capacity * DRAWN_SHARE)

    @property
    def size(self) -> float:
        """Bytes held, bodies and overhead."""
        return float(self._entries.currsize)

    def heed(self) -> None:
        """Forget who was erased since the last look."""
        now = self._clock()
        if now < self._latest - SET_BACK:
            self._drop_all()
        self._latest = now
        for key in self._erasures.since():
            shelf = self._shelves.pop(key, None)
            if shelf is not None:
                self._entries.pop(shelf.contact, None)
        if self._erasures.lost():
            self._drop_all()

    def __len__(self) -> int:
        """Contacts and drawn fallbacks held."""
        return len(self._entries)

    def standing(self, contact: ContactId) -> Standing | None:
        """Return how `contact` stands; None if nothing is held."""
        self.heed()
        shelf = self._shelf(contact)
        return None if shelf is None else shelf.standing

    def get(self, contact: ContactId, canvas: Canvas) -> Rendition | None:
        """Return the photo of `contact` as drawn on `canvas`; None if it is not held."""
        shelf = self._shelf(contact)
        if shelf is None:
            return None
        return shelf.find(canvas, now=self._clock())

    def stand(self, contact: ContactId, standing: Standing) -> None:
        """Note how `contact` stands now; renditions of another photo than this one go."""
        self.heed()
        shelf = self._shelf(contact)
        if shelf is None or shelf.standing.version != standing.version:
            shelf = Shelf(contact, standing, self._clock())
            self._shelves[self._key(contact)] = shelf
        elif shelf.standing != standing:
            shelf.company = ()
        shelf.standing = standing
        self._put(contact, shelf)

    def add(self, contact: ContactId, canvas: Canvas, rendition: Rendition, version: str) -> None:
        """Hold `rendition` of the photo `version`, unless another one has become current."""
        self.heed()
        shelf = self._shelf(contact)
        if shelf is None or shelf.standing.version != version:
            return
        shelf.add(canvas, rendition, now=self._clock())
        self._put(contact, shelf)

    def accompany(self, contact: ContactId, companion: Companion) -> bool:
        """Hold `companion` as long as its rendition, and until `contact` stands otherwise than now.

        False if nothing is held of `contact`, or if there are as many companions of its canvas as
        there may be and all of them are in use.
        """
        self.heed()
        shelf = self._shelf(contact)
        if shelf is None:
            return False
        rivals = shelf.rivals(companion.canvas)
        if rivals:
            idle = min(rivals, key=lambda each: each.used)
            if idle.used > self._clock() - IN_USE:
                return False
            shelf.company = tuple(each for each in shelf.company if each is not idle)
        shelf.company += (companion,)
        self._put(contact, shelf)
        return True

    def drawn(self, drawing: Hashable) -> Rendition | None:
        """Return a fallback drawn before; `drawing` names what is to be seen and for nobody."""
        found = self._entries.get(drawing)
        if not isinstance(found, Drawn):
            return None
        self._drawings.use(drawing)
        return found.rendition

    def keep(self, drawing: Hashable, rendition: Rendition) -> None:
        """Hold a drawn fallback."""
        entry = Drawn(rendition, self._clock())
        size = size_of(entry)
        if size > self._drawings.most:
            self._entries.pop(drawing, None)
            return
        for oldest in self._drawings.take(drawing, size):
            self._entries.pop(oldest, None)
        self._put(drawing, entry)

    def tidy(self, most: int = SLICE) -> bool:
        """Drop `most` of those whose time is over; true if there may be more of them.

        Nobody is shown what is over, whether it is still here or not: this is for its bytes.
        """
        now = self._clock()
        for shelf in self._ends.due(now, most):
            # It may have been given more time since.
            if shelf.standing.expires <= now:
                self._entries.pop(shelf.contact, None)
        return self._ends.waiting(now)

    def _shelf(self, contact: ContactId) -> Shelf | None:
        """The shelf of `contact`, unless its time is over."""
        shelf = self._entries.get(contact)
        if not isinstance(shelf, Shelf):
            return None
        if shelf.standing.expires <= self._clock():
            del self._entries[contact]
            return None
        return shelf

    def _drop_all(self) -> None:
        self._entries.clear()
        self._ends.clear()
        self._drawings.clear()

    def _put(self, key: Hashable, entry: Shelf | Drawn) -> None:
        if size_of(entry) > self._entries.maxsize:
            self._entries.pop(key, None)  # larger than the whole cache: served, never held
            return
        if isinstance(entry, Shelf):
            if entry.standing.expires <= self._clock():
                self._entries.pop(key, None)
                return
            if entry.standing.expires != entry.noted:
                entry.noted = entry.standing.expires
                self._ends.note(entry, entry.noted)
        self.tidy(FEW)  # what is over makes room before anybody else goes
        self._entries[key] = entry
