"""What a day came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.scale.fleet import Fleet

SHOWN: Final = ("fresh", "stale", "unsure", "unknown")


def busiest(times: Sequence[float], span: float = 60.0) -> int:
    """How many of `times`, which are in order, lie in one window of `span` seconds at most."""
    most = first = 0
    for last, when in enumerate(times):
        while times[first] <= when - span:
            first += 1
        most = max(most, last - first + 1)
    return most


@dataclass(frozen=True, slots=True)
class Seen:
    """What the watched workers of `fleet` saw; see `Worker`."""

    fleet: Fleet
    counts: Counter[str]
    entries: int

    @property
    def views(self) -> int:
        """Views that they saw."""
        return sum(self.counts[each] for each in ("memory", "stale", "drawn", "absent", "asked"))

    def share(self, *names: str) -> float:
        """How many of them were so, 0–1."""
        return sum(self.counts[each] for each in names) / max(self.views, 1)

    @property
    def memory(self) -> float:
        """The hit ratio: views answered from memory, 0–1."""
        return self.share("memory", "stale")


@dataclass(frozen=True, slots=True)
class Day:
    """One day, counted from 1; `ages` are photos shown by minutes since they were confirmed.

    `counts` has views (``fresh``; photos that are ``stale``; ``unsure`` nones; ``unknown`` and, of
    those, ``waited``), what the API was asked, and what runs read and wrote. `busiest` is questions
    in a minute at most, `faces` contacts of whom something may be shown in the evening.
    """

    number: int
    counts: dict[str, int]
    busiest: int
    faces: int
    ages: NDArray[np.int64]
    fleets: list[Seen]

    @property
    def views(self) -> int:
        """All views."""
        return sum(self.counts.get(each, 0) for each in SHOWN)

    def age(self, share: float) -> float:
        """Hours since a photo was confirmed, for that share of those shown (0–1)."""
        total = np.cumsum(self.ages)
        if not len(total) or not total[-1]:
            return 0.0
        return float(np.searchsorted(total, share * total[-1])) / 60

    def told(self) -> dict[str, Any]:
        """As JSON has it; look-ups and drawings are of all workers together."""
        counts = self.counts
        return {
            "day": self.number,
            "views": self.views,
            "questions": counts["questions"],
            "refreshes": counts["refreshes"],
            "downloads": counts["downloads"],
            "busiest": self.busiest,
            "faces": self.faces,
            "fresh": counts.get("fresh", 0) / self.views,
            "stale": counts.get("stale", 0) / self.views,
            "unsure": counts.get("unsure", 0) / self.views,
            "waited": counts["waited"] / self.views,
            "missing": (counts.get("unknown", 0) - counts["waited"]) / self.views,
            "age_median": self.age(0.5),
            "age_99": self.age(0.99),
            "writes": counts["writes"],
            "sent_away": counts["sent_away"],
            "fleets": [self._of(seen) for seen in self.fleets],
        }

    def _of(self, seen: Seen) -> dict[str, Any]:
        scale = self.views / max(seen.views, 1)
        runs = self.counts["reads"] + self.counts["writes"]
        return {
            **asdict(seen.fleet),
            "watched": seen.views,
            "entries": seen.entries,
            "memory": seen.memory,
            "drawn": round(seen.counts["drawn"] * scale),
            "reads": round(seen.counts["lookups"] * scale) + runs,
        }
