"""Lines that say the same again and again: one a minute, which tells how many were left out."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MINUTE: Final = 60.0
"""Seconds for which a line stands for all that say the same."""

MOST: Final = 256
"""Different lines that are remembered; of one more, the oldest is forgotten and told anew."""


@dataclass(slots=True)
class _Said:
    at: float
    left_out: int = 0


class Repeats:
    """Decides which lines are written; `ticks` gives seconds that only pass."""

    def __init__(self, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._said: OrderedDict[Hashable, _Said] = OrderedDict()

    def left_out(self, line: Hashable) -> int | None:
        """Return how many like `line` were left out before it; None if it is to be left out too."""
        now, said = self._ticks(), self._said.get(line)
        if said is not None and now < said.at + MINUTE:
            said.left_out += 1
            return None
        self._said[line] = _Said(now)
        self._said.move_to_end(line)
        if len(self._said) > MOST:
            self._said.popitem(last=False)
        return 0 if said is None else said.left_out
