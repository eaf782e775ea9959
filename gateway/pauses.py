"""How long contacts are left alone after errors: this worker's word, and all workers'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.budget import Backoff, Backoffs, SharedBackoffs
    from gateway.errors import Reason
    from gateway.model import ContactId

REST: Final = 5.0
"""Seconds that a contact is left alone for what is no fault of its own: the upstream is down."""


class Pauses:
    """Back-offs in this worker's memory and in `shared`; `key` names a contact there."""

    def __init__(
        self, own: Backoffs, shared: SharedBackoffs, *, key: Callable[[ContactId], str]
    ) -> None:
        self._own = own
        self._shared = shared
        self._key = key

    def holding(self, contact: ContactId) -> Backoff | None:
        """Return the pause that this worker knows to hold now."""
        return self._own.current(contact)

    def last(self, contact: ContactId) -> Backoff | None:
        """Return the last pause that this worker knows of, even if it is over."""
        return self._own.last(contact)

    async def learn(self, contact: ContactId) -> Backoff | None:
        """Return the pause that holds now, whoever noted it; for what is over, all agree."""
        held = self._own.current(contact)
        if held is not None:
            return held
        noted = await self._shared.read(self._key(contact))
        if noted is None:
            self._own.clear(contact)
        else:
            self._own.adopt(contact, noted)
        return self._own.current(contact)

    def fail(self, contact: ContactId, reason: Reason, *, pause: float | None = None) -> Backoff:
        """Note a failure; `pause` (seconds) replaces the doubling length. `share` tells of it."""
        return self._own.fail(contact, reason, pause=pause)

    async def share(self, contact: ContactId, backoff: Backoff) -> None:
        """Tell all workers of a failure that was noted."""
        await self._shared.write(self._key(contact), backoff)

    def rest(self, contact: ContactId, reason: Reason) -> Backoff:
        """Leave the contact alone for a moment, in this worker: it has done nothing wrong."""
        return self._own.rest(contact, reason, pause=REST)

    async def clear(self, contact: ContactId) -> None:
        """Forget the failures, everywhere."""
        if self._own.last(contact) is not None:
            self._own.clear(contact)
            await self._shared.clear(self._key(contact))
