"""What this worker holds ready: encoded renditions and how their contacts stand.

One entry a contact, with a life of its own and at most sixteen renditions; drawn fallbacks, which
belong to nobody, stand beside them. All of it is bounded in bytes, bodies and overhead, and the
contact used least recently goes first.
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

MAX_COMPANIONS: Final = 4
"""Most companions of one canvas: whoever varies the spelling of a URL pushes out only their own."""

IN_USE: Final = 60.0
"""Seconds for which a companion that was used keeps its place."""

ENTRY_OVERHEAD: Final = 1536
RENDITION_OVERHEAD: Final = 512
COMPANION_OVERHEAD: Final = 768
"""Bytes counted for an entry, for each rendition beside its body and for each companion, measured
and rounded up."""


SET_BACK: Final = 1.0
"""Seconds by which clocks are corrected all the time, without anybody having set them back."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Shelf:
    """A contact's standing and its renditions, the most recently used last."""

    contact: ContactId
    standing: Standing
    since: float
    renditions: OrderedDict[Canvas, Rendition] = field(default_factory=OrderedDict)
    company: list[Companion] = field(default_factory=list)

    def rivals(self, canvas: Canvas) -> list[Companion]:
        """Those of whom one must go before there is another one of `canvas`."""
        if len(self.company) >= MAX_COMPANIONS * MAX_PER_CONTACT:
            return self.company
        alike = [each for each in self.company if each.canvas == canvas]
        return alike if len(alike) >= MAX_COMPANIONS else []

    def dismiss(self, canvas: Canvas) -> None:
        """Drop the companions of what is on `canvas`, which is there no more."""
        self.company = [each for each in self.company if each.canvas != canvas]


@dataclass(frozen=True, slots=True)
class _Drawn:
    rendition: Rendition
    since: float


class _Entries(TLRUCache["Hashable", "_Shelf | _Drawn"]):
    """What is held; `pushed_out` is told how many seconds what makes room had been."""

    def __init__(
        self, capacity: int, *, clock: Callable[[], float], pushed_out: Callable[[float], object]
    ) -> None:
        super().__init__(capacity, _expires, timer=clock, getsizeof=_size)
        self._pushed_out = pushed_out

    def popitem(self) -> tuple[Hashable, _Shelf | _Drawn]:
        """Drop what was used least recently."""
        key, entry = super().popitem()
        self._pushed_out(max(self.timer() - entry.since, 0.0))
        return key, entry


def nobody(_age: float) -> None:
    """Tell nobody what was pushed out."""


class Companion(Protocol):
    """What lives only as long as a rendition, and its contact's standing."""

    @property
    def canvas(self) -> Canvas:
        """What the rendition is drawn on."""

    @property
    def used(self) -> float:
        """When it was last used, in Unix seconds; minus infinity if it never was."""


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
        self._shelves: WeakValueDictionary[str, _Shelf] = WeakValueDictionary()

    @property
    def size(self) -> float:
        """Bytes held, bodies and overhead."""
        return float(self._entries.currsize)

    def heed(self) -> None:
        """Forget who was erased since the last look."""
        now = self._clock()
        if now < self._latest - SET_BACK:
            self._entries.clear()
        self._latest = now
        for key in self._erasures.since():
            shelf = self._shelves.pop(key, None)
            if shelf is not None:
                self._entries.pop(shelf.contact, None)
        if self._erasures.lost():
            self._entries.clear()

    def __len__(self) -> int:
        """Contacts and drawn fallbacks held."""
        return len(self._entries)

    def standing(self, contact: ContactId) -> Standing | None:
        """Return how `contact` stands; None if nothing is held."""
        self.heed()
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
        self.heed()
        shelf = self._entries.get(contact)
        if not isinstance(shelf, _Shelf) or shelf.standing.version != standing.version:
            shelf = _Shelf(contact, standing, self._clock())
            self._shelves[self._key(contact)] = shelf
        elif shelf.standing != standing:
            shelf.company.clear()
        shelf.standing = standing
        self._put(contact, shelf)

    def add(self, contact: ContactId, canvas: Canvas, rendition: Rendition, version: str) -> None:
        """Hold `rendition` of the photo `version`, unless another one has become current."""
        self.heed()
        shelf = self._entries.get(contact)
        if not isinstance(shelf, _Shelf) or shelf.standing.version != version:
            return
        shelf.renditions[canvas] = rendition
        shelf.renditions.move_to_end(canvas)
        shelf.dismiss(canvas)
        if len(shelf.renditions) > MAX_PER_CONTACT:
            oldest, _ = shelf.renditions.popitem(last=False)
            shelf.dismiss(oldest)
        self._put(contact, shelf)

    def accompany(self, contact: ContactId, companion: Companion) -> bool:
        """Hold `companion` as long as its rendition, and until `contact` stands otherwise than now.

        False if nothing is held of `contact`, or if there are as many companions of its canvas as
        there may be and all of them are in use.
        """
        self.heed()
        shelf = self._entries.get(contact)
        if not isinstance(shelf, _Shelf):
            return False
        rivals = shelf.rivals(companion.canvas)
        if rivals:
            idle = min(rivals, key=lambda each: each.used)
            if idle.used > self._clock() - IN_USE:
                return False
            shelf.company.remove(idle)
        shelf.company.append(companion)
        self._put(contact, shelf)
        return True

    def drawn(self, drawing: Hashable) -> Rendition | None:
        """Return a fallback drawn before; `drawing` names what is to be seen and for nobody."""
        found = self._entries.get(drawing)
        return found.rendition if isinstance(found, _Drawn) else None

    def keep(self, drawing: Hashable, rendition: Rendition) -> None:
        """Hold a drawn fallback."""
        self._put(drawing, _Drawn(rendition, self._clock()))

    def _put(self, key: Hashable, entry: _Shelf | _Drawn) -> None:
        if _size(entry) > self._entries.maxsize:
            self._entries.pop(key, None)  # larger than the whole cache: served, never held
        else:
            self._entries[key] = entry


def _expires(_key: Hashable, entry: _Shelf | _Drawn, _now: float) -> float:
    return entry.standing.expires if isinstance(entry, _Shelf) else float("inf")


def _size(entry: _Shelf | _Drawn) -> int:
    if isinstance(entry, _Drawn):
        return ENTRY_OVERHEAD + RENDITION_OVERHEAD + len(entry.rendition.body)
    held = sum(RENDITION_OVERHEAD + len(each.body) for each in entry.renditions.values())
    return ENTRY_OVERHEAD + held + COMPANION_OVERHEAD * len(entry.company)
