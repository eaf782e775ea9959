"""What this worker holds ready: encoded renditions and how their contacts stand.

One entry a contact, with a life of its own and at most sixteen renditions; drawn fallbacks, which
belong to nobody, stand beside them. All of it is bounded in bytes, bodies and overhead, fallbacks
alone once more, and what was used least recently goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakValueDictionary

from cachetools import TLRUCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from gateway.model import Canvas, ContactId, Rendition, Standing

MAX_PER_CONTACT: Final = 16
"""Most renditions kept of one contact: whoever varies sizes pushes out only their own."""

DRAWN_SHARE: Final = 0.25
"""How much of the capacity drawn fallbacks may take: whoever varies their colours, sizes and names
pushes out none but them."""

ENTRY_OVERHEAD: Final = 1536
RENDITION_OVERHEAD: Final = 512
"""Bytes counted for an entry and for each rendition beside its body, measured and rounded up."""


SET_BACK: Final = 1.0
"""Seconds by which clocks are corrected all the time, without anybody having set them back."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Shelf:
    """A contact's standing and its renditions, the most recently used last."""

    contact: ContactId
    standing: Standing
    renditions: OrderedDict[Canvas, Rendition] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class _Drawn:
    rendition: Rendition


class Erased(Protocol):
    """Tells who was erased, in any worker."""

    def since(self) -> Sequence[str]:
        """Return the keys of who was since the last call."""

    def lost(self) -> bool:
        """Whether some were missed: then everything must go."""


class Renditions:
    """A cache of at most `capacity` bytes, without those whom `erasures` names by their `key`.

    `clock` gives Unix seconds. When that is set back, nobody knows any more how long anything has
    to live, and all of it goes.
    """

    def __init__(
        self,
        *,
        capacity: int,
        erasures: Erased,
        key: Callable[[ContactId], str],
        clock: Callable[[], float],
    ) -> None:
        self._erasures = erasures
        self._key = key
        self._clock = clock
        self._latest = clock()
        self._entries: TLRUCache[Hashable, _Shelf | _Drawn] = TLRUCache(
            capacity, _expires, timer=clock, getsizeof=_size
        )
        self._most_drawn = capacity * DRAWN_SHARE
        self._drawings: OrderedDict[Hashable, int] = OrderedDict()
        self._size_drawn = 0
        # Erasures name contacts by their keys. A shelf that the cache has dropped is in nobody's
        # way here.
        self._shelves: WeakValueDictionary[str, _Shelf] = WeakValueDictionary()

    @property
    def size(self) -> float:
        """Bytes held, bodies and overhead."""
        return float(self._entries.currsize)

    def standing(self, contact: ContactId) -> Standing | None:
        """Return how `contact` stands; None if nothing is held."""
        self._heed()
        shelf = self._entries.get(contact)
        return shelf.standing if isinstance(shelf, _Shelf) else None

    def get(self, contact: ContactId, canvas: Canvas) -> Rendition | None:
        """Return the photo of `contact` as drawn on `canvas`; None if it is not held."""
        shelf = self._entries.get(contact)
        if not isinstance(shelf, _Shelf):
            return None
        found = shelf.renditions.get(canvas)
        if found is not None:
            shelf.renditions.move_to_end(canvas)
        return found

    def stand(self, contact: ContactId, standing: Standing) -> None:
        """Note how `contact` stands now; renditions of another photo than this one go."""
        self._heed()
        shelf = self._entries.get(contact)
        if not isinstance(shelf, _Shelf) or shelf.standing.version != standing.version:
            shelf = _Shelf(contact, standing)
            self._shelves[self._key(contact)] = shelf
        shelf.standing = standing
        self._put(contact, shelf)

    def add(self, contact: ContactId, canvas: Canvas, rendition: Rendition, version: str) -> None:
        """Hold `rendition` of the photo `version`, unless another one has become current."""
        self._heed()
        shelf = self._entries.get(contact)
        if not isinstance(shelf, _Shelf) or shelf.standing.version != version:
            return
        shelf.renditions[canvas] = rendition
        shelf.renditions.move_to_end(canvas)
        if len(shelf.renditions) > MAX_PER_CONTACT:
            shelf.renditions.popitem(last=False)
        self._put(contact, shelf)

    def drawn(self, drawing: Hashable) -> Rendition | None:
        """Return a fallback drawn before; `drawing` names what is to be seen and for nobody."""
        found = self._entries.get(drawing)
        if not isinstance(found, _Drawn):
            return None
        self._drawings.move_to_end(drawing)
        return found.rendition

    def keep(self, drawing: Hashable, rendition: Rendition) -> None:
        """Hold a drawn fallback."""
        entry = _Drawn(rendition)
        size = _size(entry)
        if size > self._most_drawn:
            self._entries.pop(drawing, None)
            return
        # What the cache has dropped by itself is counted until its turn comes: a little too much.
        self._size_drawn -= self._drawings.pop(drawing, 0)
        while self._drawings and self._size_drawn + size > self._most_drawn:
            oldest, its_size = self._drawings.popitem(last=False)
            self._size_drawn -= its_size
            if isinstance(self._entries.get(oldest), _Drawn):
                del self._entries[oldest]
        self._size_drawn += size
        self._drawings[drawing] = size
        self._put(drawing, entry)

    def _heed(self) -> None:
        """Forget who was erased since the last look."""
        now = self._clock()
        if now < self._latest - SET_BACK:
            self._clear()
        self._latest = now
        for key in self._erasures.since():
            shelf = self._shelves.pop(key, None)
            if shelf is not None:
                self._entries.pop(shelf.contact, None)
        if self._erasures.lost():
            self._clear()

    def _clear(self) -> None:
        self._entries.clear()
        self._drawings.clear()
        self._size_drawn = 0

    def _put(self, key: Hashable, entry: _Shelf | _Drawn) -> None:
        if _size(entry) > self._entries.maxsize:
            self._entries.pop(key, None)  # larger than the whole cache: served, never held
        else:
            self._entries[key] = entry


def _expires(_key: Hashable, entry: _Shelf | _Drawn, _now: float) -> float:
    return entry.standing.expires if isinstance(entry, _Shelf) else float("inf")


def _size(entry: _Shelf | _Drawn) -> int:
    bodies = entry.renditions.values() if isinstance(entry, _Shelf) else (entry.rendition,)
    return ENTRY_OVERHEAD + sum(RENDITION_OVERHEAD + len(each.body) for each in bodies)
