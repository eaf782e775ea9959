"""How many queries the upstream bears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BURST: Final = 10
"""Most queries in a row after a rest."""

_SLACK: Final = 1.02


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` queries in any window of `period` seconds."""

    limit: int
    period: float

    @property
    def windows(self) -> tuple[tuple[int, float], ...]:
        """How many queries may be put in how many seconds: the whole rate, and a burst.

        Each window is 2 % longer than its promise, because the upstream sees a query later than we
        put it, and not all of them equally late.
        """
        span = self.period * _SLACK
        return (self.limit, span), (self.burst, span * self.burst / self.limit)

    @property
    def burst(self) -> int:
        """Most queries in a row after a rest."""
        return min(BURST, self.limit)

    @property
    def pace(self) -> float:
        """Seconds between two queries, on the average."""
        return self.period / self.limit

    def among(self, workers: int) -> Rate:
        """Return what each of `workers` may put that know nothing of each other."""
        share = self.limit // workers
        return Rate(share, self.period) if share else Rate(1, self.period * workers / self.limit)
