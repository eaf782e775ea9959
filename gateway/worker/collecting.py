"""When Python looks for garbage: seldom, and never at what is kept.

Nearly everything here goes by itself when nobody refers to it any more. Only what refers to itself
in a circle must be looked for, and the look costs time for each object that might: with a full
cache, a hundred milliseconds in which nobody is answered. So what has grown old is set aside, a
little at a time; and once in a while, when nobody would notice, everything is looked at.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

PILE: Final = 2
"""Rounds of the youngest generation, of 700 new objects each, that are a pile worth a look."""

AGE: Final = 10.0
"""Seconds after which even a small pile is looked at: what is replaced does not add to it."""

PERIOD: Final = 3600.0
"""Seconds between two looks at everything, or more if it is never quiet."""


class Garbage(Protocol):
    """What Python's module `gc` does."""

    def collect(self) -> int:
        """Look at all that is not set aside."""

    def freeze(self) -> None:
        """Set aside all that there is, in no time."""

    def unfreeze(self) -> None:
        """Take it back."""

    def get_count(self) -> tuple[int, int, int]:
        """Return what has come since the last look at each generation."""


class Collecting:
    """Looks for garbage by `garbage` when it is told the time; `clock` gives seconds."""

    def __init__(
        self, garbage: Garbage = gc, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._garbage = garbage
        self._clock = clock
        self._looked = self._cleared = clock()

    def begin(self) -> None:
        """Look at what this process has made, and not at what it shares with its parent.

        A look writes into each object, and so makes a copy of the memory that held it.
        """
        self._set_aside()
        self._cleared = self._looked

    def clear(self) -> None:
        """Look at everything, now."""
        self._garbage.unfreeze()
        self._set_aside()
        self._cleared = self._looked

    def tick(self, *, quiet: bool) -> None:
        """Look at what is new if there is enough of it; at everything if it is `quiet` and time."""
        now = self._clock()
        if quiet and now - self._cleared >= PERIOD:
            self.clear()
        elif self._piled() or now - self._looked >= AGE:
            self._set_aside()

    def _piled(self) -> bool:
        """Whether there is a pile: the longer one waits, the longer a look holds everybody up."""
        _, young, middle = self._garbage.get_count()
        return young >= PILE or middle > 0

    def _set_aside(self) -> None:
        self._garbage.collect()
        self._garbage.freeze()
        self._looked = self._clock()
