"""One entry of the cache: a contact's renditions, or a drawing, and what they count for."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from gateway.model import Canvas, ContactId, Rendition, Standing

MAX_PER_CONTACT: Final = 16
"""Most renditions kept of one contact: whoever varies sizes pushes out only their own."""

DRAWN_SHARE: Final = 0.25
"""How much of the capacity drawn fallbacks may take: whoever varies their colours, sizes and names
pushes out none but them."""

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
    """

    contact: ContactId
    standing: Standing
    since: float
    renditions: OrderedDict[Canvas, Rendition] = field(default_factory=OrderedDict)
    company: list[Companion] = field(default_factory=list)
    noted: float | None = None

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
