"""One entry of the cache: a contact's renditions, or a drawing, and what they count for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Canvas, ContactId, Rendition, Standing

MAX_PER_CONTACT: Final = 16
"""Most renditions kept of one contact: whoever varies sizes pushes out only their own."""

DRAWN_SHARE: Final = 0.25
"""How much of the capacity drawn fallbacks may take: whoever varies their colours, sizes and names
pushes out none but them."""

IN_USE: Final = 60.0
"""Seconds for which what was used again keeps its place before what never was."""

MAX_COMPANIONS: Final = 4
"""Most companions of one canvas: whoever varies the spelling of a URL pushes out only their own."""

ENTRY_OVERHEAD: Final = 1536
RENDITION_OVERHEAD: Final = 512
COMPANION_OVERHEAD: Final = 768
"""Bytes counted for an entry, for each rendition beside its body and for each companion, measured
and rounded up."""


class Companion(Protocol):
    """What lives only as long as a rendition, and its contact's standing."""

    @property
    def canvas(self) -> Canvas:
        """What the rendition is drawn on."""

    @property
    def used(self) -> float:
        """When it was last used, in Unix seconds; minus infinity if it never was."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class Shelf:
    """A contact's standing and its renditions, the most recently used last.

    It is here `since` then, and `noted` is when it was last noted to be over, in Unix seconds.
    `again` says when a rendition was last found again, by those who found it before.
    """

    contact: ContactId
    standing: Standing
    since: float
    renditions: dict[Canvas, Rendition] = field(default_factory=dict)
    again: dict[Canvas, float] | None = None
    company: tuple[Companion, ...] = ()
    noted: float | None = None

    def rivals(self, canvas: Canvas) -> Sequence[Companion]:
        """Those of whom one must go before there is another one of `canvas`."""
        if len(self.company) >= MAX_COMPANIONS * MAX_PER_CONTACT:
            return self.company
        alike = [each for each in self.company if each.canvas == canvas]
        return alike if len(alike) >= MAX_COMPANIONS else []

    def find(self, canvas: Canvas, *, now: float) -> Rendition | None:
        """Return what is on `canvas`, and note that it was wanted again."""
        found = self.renditions.pop(canvas, None)
        if found is not None:
            self.renditions[canvas] = found  # the last one now
            # The first to find it is whoever had it drawn, to learn what is said of it.
            self.again = {} if self.again is None else self.again
            self.again[canvas] = now if canvas in self.again else -math.inf
        return found

    def add(self, canvas: Canvas, rendition: Rendition, *, now: float) -> None:
        """Hold another rendition; one that is too many goes."""
        self.renditions.pop(canvas, None)
        self.renditions[canvas] = rendition
        self._dismiss(canvas)
        if len(self.renditions) > MAX_PER_CONTACT:
            victim = self._least_wanted(now)
            del self.renditions[victim]
            self._dismiss(victim)

    def _least_wanted(self, now: float) -> Canvas:
        """Whose turn it is to go; never the newest's.

        What somebody has just wanted again stays before what was only ever wanted once: whoever
        varies sizes pushes out their own, and not what all others look at.
        """
        used = dict.fromkeys(self.renditions, -math.inf) | (self.again or {})
        for each in self.company:
            used[each.canvas] = max(used.get(each.canvas, -math.inf), each.used)
        older = list(self.renditions)[:-1]
        idle = (canvas for canvas in older if used[canvas] <= now - IN_USE)
        return next(idle, None) or min(older, key=lambda canvas: used[canvas])

    def _dismiss(self, canvas: Canvas) -> None:
        """Drop what accompanied that which is on `canvas`, and is there no more."""
        if self.again is not None:
            self.again.pop(canvas, None)
        self.company = tuple(each for each in self.company if each.canvas != canvas)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A fallback, which belongs to nobody; it is here `since` then, in Unix seconds."""

    rendition: Rendition
    since: float


def size_of(entry: Shelf | Drawn) -> int:
    """Bytes of an entry, bodies and overhead."""
    if isinstance(entry, Drawn):
        return ENTRY_OVERHEAD + RENDITION_OVERHEAD + len(entry.rendition.body)
    held = sum(RENDITION_OVERHEAD + len(each.body) for each in entry.renditions.values())
    return ENTRY_OVERHEAD + held + COMPANION_OVERHEAD * len(entry.company)
