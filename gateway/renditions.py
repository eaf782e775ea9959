"""What this worker holds ready: encoded renditions and how their contacts stand.

One entry a contact, with a life of its own and at most sixteen renditions; drawn fallbacks, which
belong to nobody, stand beside them. All of it is bounded in bytes, bodies and overhead, and the
contact used least recently goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cachetools import TLRUCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gateway.model import Canvas, ContactId, Rendition, Standing

MAX_PER_CONTACT: Final = 16
"""Most renditions kept of one contact: whoever varies sizes pushes out only their own."""

ENTRY_OVERHEAD: Final = 1536
RENDITION_OVERHEAD: Final = 512
"""Bytes counted for an entry and for each rendition beside its body, measured and rounded up."""


@dataclass(slots=True)
class _Shelf:
    """A contact's standing and its renditions, the most recently used last."""

    standing: Standing
    renditions: OrderedDict[Canvas, Rendition] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class _Drawn:
    rendition: Rendition


class Renditions:
    """A cache of at most `capacity` bytes; `clock` gives Unix seconds."""

    def __init__(self, *, capacity: int, clock: Callable[[], float]) -> None:
        self._entries: TLRUCache[Hashable, _Shelf | _Drawn] = TLRUCache(
            capacity, _expires, timer=clock, getsizeof=_size
        )

    @property
    def size(self) -> float:
        """Bytes held, bodies and overhead."""
        return float(self._entries.currsize)

    def standing(self, contact: ContactId) -> Standing | None:
        """Return how `contact` stands; None if nothing is held."""
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
        shelf = self._entries.get(contact)
        if not isinstance(shelf, _Shelf) or shelf.standing.version != standing.version:
            shelf = _Shelf(standing)
        shelf.standing = standing
        self._put(contact, shelf)

    def add(self, contact: ContactId, canvas: Canvas, rendition: Rendition, version: str) -> None:
        """Hold `rendition` of the photo `version`, unless another one has become current."""
        shelf = self._entries.get(contact)
        if not isinstance(shelf, _Shelf) or shelf.standing.version != version:
            return
        shelf.renditions[canvas] = rendition
        shelf.renditions.move_to_end(canvas)
        if len(shelf.renditions) > MAX_PER_CONTACT:
            shelf.renditions.popitem(last=False)
        self._put(contact, shelf)

    def drop(self, contact: ContactId) -> None:
        """Forget all of `contact`."""
        self._entries.pop(contact, None)

    def drawn(self, drawing: Hashable) -> Rendition | None:
        """Return a fallback drawn before; `drawing` names what is to be seen and for nobody."""
        found = self._entries.get(drawing)
        return found.rendition if isinstance(found, _Drawn) else None

    def keep(self, drawing: Hashable, rendition: Rendition) -> None:
        """Hold a drawn fallback."""
        self._put(drawing, _Drawn(rendition))

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
