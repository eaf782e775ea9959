"""When Python looks for garbage: at what is new, and never at what is kept.

Nearly everything here goes by itself when nobody refers to it any more. Only what refers to itself
in a circle must be looked for, and the look costs time for each object that might: with a full
cache, a hundred milliseconds in which nobody is answered. So what a look has left is set aside at
once, and Python looks at each object a single time, some hundreds at a go. Once in a while, when
nobody would notice, everything is looked at.
"""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    Phase = Literal["start", "stop"]

AGE: Final = 10.0
"""Seconds after which even a few new objects are looked at: what is replaced does not add to
them."""

PERIOD: Final = 3600.0
"""Seconds between two looks at everything, or more if it is never quiet."""


class Garbage(Protocol):
    """What Python's module `gc` does."""

    @property
    def callbacks(self) -> list[Callable[[Phase, dict[str, int]], object]]:
        """Who is told of each look: when it begins, and when it is over."""

    def collect(self) -> int:
        """Look at all that is not set aside."""

    def freeze(self) -> None:
        """Set aside all that there is, in no time."""

    def unfreeze(self) -> None:
        """Take it back."""


class Collecting:
    """Looks for garbage by `garbage`, from `begin` to `end`; `clock` gives seconds.

    What is in use during a look, and becomes a circle later, stays until everything is looked at:
    so nothing that ends often may leave one.
    """

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
        self._garbage.callbacks.append(self._told)
        self._garbage.collect()
        self._cleared = self._looked

    def end(self) -> None:
        """Leave the rest to Python; again does nothing."""
        with suppress(ValueError):
            self._garbage.callbacks.remove(self._told)

    def tick(self, *, quiet: bool) -> None:
        """Look at what is new if it has been for long; at everything if it is `quiet` and time."""
        now = self._clock()
        if quiet and now - self._cleared >= PERIOD:
            self._garbage.unfreeze()
            self._garbage.collect()
            self._cleared = self._looked
        elif now - self._looked >= AGE:
            self._garbage.collect()

    def _told(self, phase: Phase, _found: dict[str, int]) -> None:
        """Set aside what a look has left, whoever ordered it."""
        if phase == "stop":
            self._garbage.freeze()
            self._looked = self._clock()
