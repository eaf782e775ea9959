"""One worker's memory: the real cache of renditions, with bodies of the real sizes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from gateway.model import Canvas, Format, Rendition
from gateway.renditions import Renditions
from tests.scale.desk import DEADLINE
from tests.scale.truth import contact_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.model import ContactId, Standing
    from tests.fakes import Clock
    from tests.scale.truth import Truth

SILHOUETTE: Final = Rendition.of(bytes(2_000), Format.PNG)


class Nobody:
    """Nobody is erased."""

    def since(self) -> Sequence[str]:
        return ()

    def lost(self) -> bool:
        return False


@dataclass(slots=True, weakref_slot=True, eq=False)
class Line:
    """A request line that is known, as `gateway.web.hot` keeps it beside its rendition."""

    canvas: Canvas
    used: float = -math.inf


def pictures(bodies: Mapping[int, int]) -> dict[Canvas, Rendition]:
    """A picture for each number of pixels, of so many bytes."""
    return {Canvas(side): Rendition.of(bytes(size), Format.PNG) for side, size in bodies.items()}


class Worker:
    """A cache of `capacity` bytes that shows `truth`; `hot` says that request lines are kept too.

    `seen` counts views: ``memory`` and ``stale`` were answered from the cache, for ``drawn`` a
    portrait was looked up and drawn, for ``absent`` it was looked up and is none, for ``asked``
    there was none to find. `lookups` counts those, and what runs read.
    """

    def __init__(
        self,
        truth: Truth,
        pictures: Mapping[Canvas, Rendition],
        *,
        capacity: int,
        clock: Clock,
        hot: bool = True,
    ) -> None:
        self._truth = truth
        self._pictures = pictures
        self._clock = clock
        self._hot = hot
        self.renditions = Renditions(
            capacity=capacity, erasures=Nobody(), key=lambda each: each.value, clock=clock
        )
        self._lines: WeakValueDictionary[tuple[ContactId, Canvas], Line] = WeakValueDictionary()
        self._asking: dict[int, list[tuple[float, Canvas]]] = {}
        self.seen: Counter[str] = Counter()
        self.lookups = 0

    def view(self, number: int, canvas: Canvas) -> bool:
        """Answer one view as `gateway.avatars` does; true if this worker waits for a question."""
        contact, now = contact_of(number), self._clock.now
        standing = self.renditions.standing(contact)
        if standing is None or not self._held(contact, canvas, standing):
            return self._find(number, contact, canvas)
        stale = standing.fresh_until <= now
        self.seen["stale" if stale else "memory"] += 1
        if not stale:
            self._learn(contact, canvas, standing)
            return False
        if number in self._asking:
            return False
        # Behind the viewer: another worker may have the answer already.
        self.lookups += 1
        known = self._truth.standings[number]
        if known.fresh_until > now:
            self.renditions.stand(contact, known)
            return False
        self._asking[number] = []
        return True

    def told(self, number: int, standing: Standing | None) -> None:
        """Show what a question has brought: to who waits for it, and from now on."""
        viewers = self._asking.pop(number, None)
        if standing is None:
            return
        contact = contact_of(number)
        self.renditions.stand(contact, standing)
        if viewers is None:
            return
        self.lookups += 1  # in its turn, each run looks once more
        for since, canvas in viewers:
            if self._clock.now - since <= DEADLINE:
                self._draw(contact, canvas, standing)

    def _held(self, contact: ContactId, canvas: Canvas, standing: Standing) -> bool:
        if standing.reason is not None:
            return True
        return self.renditions.get(contact, canvas) is not None

    def _find(self, number: int, contact: ContactId, canvas: Canvas) -> bool:
        """Look up what is known, and show that; see `gateway.inquiry`."""
        self.lookups += 1
        now, known = self._clock.now, self._truth.standings.get(number)
        if known is None or known.expires <= now:
            self.seen["asked"] += 1
            first = number not in self._asking
            self._asking.setdefault(number, []).append((now, canvas))
            return first
        self.seen["drawn" if known.reason is None else "absent"] += 1
        self.renditions.stand(contact, known)
        self._draw(contact, canvas, known)
        if known.fresh_until > now:
            self._learn(contact, canvas, known)
            return False
        if number in self._asking:
            return False
        self._asking[number] = []
        return True

    def _draw(self, contact: ContactId, canvas: Canvas, standing: Standing) -> None:
        if standing.reason is None:
            self.renditions.add(contact, canvas, self._pictures[canvas], standing.version)
        elif self.renditions.drawn(canvas) is None:
            self.renditions.keep(canvas, SILHOUETTE)

    def _learn(self, contact: ContactId, canvas: Canvas, standing: Standing) -> None:
        """Keep the request line of what will not change soon, as long as that is held."""
        if not self._hot or (standing.reason is not None and not standing.settled):
            return
        line = self._lines.get((contact, canvas))
        if line is None:
            line = Line(canvas)
            if not self.renditions.accompany(contact, line):
                return
            self._lines[contact, canvas] = line
        line.used = self._clock.now
