"""Who may have a contact refreshed: everybody who has the right to, but each contact seldom."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from gateway.budget import Backoff
from gateway.errors import Reason, TooSoon

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.budget import SharedBackoffs
    from gateway.leases import Leases

PAUSE: Final = 60.0
"""Seconds between two refreshes of one contact, in all workers together."""

_PATIENCE: Final = 1.0


class Refreshes:
    """Notes refreshes in `shared`, under names that no back-off bears; `clock` gives Unix seconds.

    Looking and noting are one step for all workers, as far as `leases` work.
    """

    def __init__(
        self, shared: SharedBackoffs, leases: Leases, *, clock: Callable[[], float]
    ) -> None:
        self._shared = shared
        self._leases = leases
        self._clock = clock

    async def note(self, key: str) -> None:
        """Note a refresh of the contact with this key; raises `TooSoon` if it may not be yet."""
        name = hashlib.sha256(f"refresh|{key}".encode()).hexdigest()
        async with self._leases.lease(name, patience=_PATIENCE):
            last = await self._shared.read(name)
            left = 0.0 if last is None else last.until - self._clock()
            if 0 < left <= PAUSE:  # further away: the clock was set back since
                raise TooSoon(left)
            await self._shared.write(name, Backoff(self._clock() + PAUSE, Reason.NONE, 1))
