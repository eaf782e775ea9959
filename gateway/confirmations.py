"""Contacts that are looked into once more, after a while, behind everybody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import ContactId

MOST: Final = 10_000
"""Contacts that may wait; of one more, the next viewer brings it about."""

_LATENESS: Final = 0.05


class Confirmations:
    """Calls back for each contact once its time has come."""

    def __init__(self, *, capacity: int = MOST) -> None:
        self._capacity = capacity
        self._timers: dict[ContactId, asyncio.TimerHandle] = {}
        self._look: Callable[[ContactId], object] = lambda _: None

    def __len__(self) -> int:
        return len(self._timers)

    def call(self, look: Callable[[ContactId], object]) -> None:
        """Say who is called."""
        self._look = look

    def __call__(self, contact: ContactId, seconds: float) -> None:
        """Look into `contact` in so many seconds; an earlier order is replaced."""
        earlier = self._timers.pop(contact, None)
        if earlier is not None:
            earlier.cancel()
        elif len(self._timers) >= self._capacity:
            return
        loop = asyncio.get_running_loop()
        delay = max(seconds, 0.0) + _LATENESS
        self._timers[contact] = loop.call_later(delay, self._due, contact)

    def close(self) -> None:
        """Call nobody any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _due(self, contact: ContactId) -> None:
        del self._timers[contact]
        self._look(contact)
