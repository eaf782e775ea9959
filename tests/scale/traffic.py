"""Views of contacts over days: who is looked at when, in arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Numbers: TypeAlias = NDArray[np.intp]
    Truths: TypeAlias = NDArray[np.bool_]

DAY: Final = 86_400.0
LARGEST: Final = 250_000
LONGEST: Final = 600.0
"""Views, and seconds, that one slice has at most."""


class Slice(NamedTuple):
    """Views in their order: `times` in seconds since the beginning, whom they are of, and `lots`.

    Contacts are numbered from 0, the most popular one. Lots (0–1) say which worker a view goes to.
    """

    times: Floats
    contacts: Numbers
    lots: Floats


@dataclass(frozen=True, slots=True)
class Traffic:
    """`views` a day, equally far apart, of `contacts` people, for `days`.

    The n-th contact is looked at as often as one n-th of the first one (Zipf's law, exponent 1).
    """

    views: int
    contacts: int
    days: int = 1

    @property
    def apart(self) -> float:
        """Seconds between two views."""
        return DAY / self.views

    def slices(self, seed: int) -> Iterator[Slice]:
        """Draw all views, a slice at a time; no slice goes beyond its day."""
        chance = np.random.default_rng(seed)
        popular = np.cumsum(1 / np.arange(1, self.contacts + 1))
        popular /= popular[-1]
        most = max(min(LARGEST, int(LONGEST / self.apart)), 1)
        for day in range(self.days):
            for first in range(0, self.views, most):
                number = min(most, self.views - first)
                yield Slice(
                    day * DAY + np.arange(first, first + number, dtype=np.float64) * self.apart,
                    np.searchsorted(popular, chance.random(number)),
                    chance.random(number),
                )
