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
_LONG_PATIENCE: Final = 15.0  # of those for whom nobody waits


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
        left = await self._note(_name("refresh", key), PAUSE, _PATIENCE)
        if left > 0:
            raise TooSoon(left)

    async def latest(self, key: str) -> float:
        """When the contact was refreshed last, in Unix seconds; 0 if nobody remembers."""
        last = await self._shared.read(_name("refresh", key))
        return 0.0 if last is None else last.until - PAUSE

    async def is_news(self, key: str, news: str, *, life: float) -> bool:
        """Note that `news` of the contact has come; False if it has within `life` seconds."""
        return await self._note(_name("news", f"{key}|{news}"), life, _LONG_PATIENCE) <= 0

    async def _note(self, name: str, pause: float, patience: float) -> float:
        """Note `name` for `pause` seconds, or return how many of them are left."""
        async with self._leases.lease(name, patience=patience):
            last = await self._shared.read(name)
            left = 0.0 if last is None else last.until - self._clock()
            if 0 < left <= pause:  # further away: the clock was set back since
                return left
            await self._shared.write(name, Backoff(self._clock() + pause, Reason.NONE, 1))
            return 0.0


def _name(what: str, key: str) -> str:
    return hashlib.sha256(f"{what}|{key}".encode()).hexdigest()
