"""Machines and their workers, of which a few are watched in detail."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tests.scale.worker import Worker, pictures

if TYPE_CHECKING:
    from tests.fakes import Clock
    from tests.scale.traffic import Numbers, Slice
    from tests.scale.truth import Truth

MIB: Final = 2**20
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Machines that share one truth, `workers` on each, with caches of `cache` MiB.

    Each view is of one of the pictures in `bodies`: pixels, and bytes of one that is encoded.
    """

    bodies: tuple[tuple[int, int], ...]
    machines: int = 1
    workers: int = 4
    cache: float = 64
    hot: bool = True

    @property
    def all_workers(self) -> int:
        """Workers on all machines."""
        return self.machines * self.workers


class Watch:
    """Some workers of `fleet` as they go through their views.

    The first `watched` of them are looked at, for so much of each hour that one sees about `most`
    of the `views` that all have in a day. Meanwhile the others' views count for nothing here, and
    in between the caches stay as they are.
    """

    def __init__(
        self, fleet: Fleet, truth: Truth, *, clock: Clock, views: int, most: int, watched: int = 1
    ) -> None:
        self.fleet = fleet
        self._open = min(most * fleet.all_workers / views, 1.0) * HOUR
        drawn = pictures(dict(fleet.bodies))
        self._canvases = list(drawn)
        self.workers = [
            Worker(truth, drawn, capacity=int(fleet.cache * MIB), clock=clock, hot=fleet.hot)
            for _ in range(watched)
        ]

    def watches(self, views: Slice) -> Numbers:
        """Return which views of a slice are looked at, by their places in it."""
        share = len(self.workers) / self.fleet.all_workers
        return np.flatnonzero((views.lots < share) & (views.times % HOUR < self._open))

    def view(self, number: int, lot: float) -> Worker | None:
        """Answer a view; the worker is returned if it waits for a question now."""
        place, size = divmod(lot * self.fleet.all_workers, 1)
        worker = self.workers[int(place)]
        waits = worker.view(number, self._canvases[int(size * len(self._canvases))])
        return worker if waits else None

    def tally(self) -> Counter[str]:
        """Add up what the workers have counted so far."""
        total: Counter[str] = Counter()
        for worker in self.workers:
            total += worker.seen
            total["lookups"] += worker.lookups
        return total

    @property
    def entries(self) -> int:
        """Contacts held by one of them."""
        return len(self.workers[0].renditions)
