"""What an operator orders: forget somebody, ask about somebody, learn about many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import TimedOut
from gateway.singleflight import within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.archive import Archive
    from gateway.findings import Finding
    from gateway.inquiry import Inquiry
    from gateway.model import ContactId
    from gateway.refreshes import Refreshes

MAX_REFRESH: Final = 30.0
"""Seconds that an operator waits for a refresh to be decided; the budget may be empty."""

_SIDE: Final = 256


class Keeper:
    """Carries out orders; an order that the store does not take raises `StoreFailed`."""

    def __init__(
        self,
        archive: Archive,
        inquiry: Inquiry,
        refreshes: Refreshes,
        *,
        patience: float = MAX_REFRESH,
    ) -> None:
        self._archive = archive
        self._inquiry = inquiry
        self._refreshes = refreshes
        self._patience = patience

    async def erase(self, contact: ContactId) -> None:
        """Drop every copy, everywhere; the next view asks again."""
        await self._archive.erase(contact)

    async def suppress(self, contact: ContactId) -> None:
        """Drop every copy, everywhere, and answer ``none`` until somebody orders a refresh."""
        await self._archive.suppress(contact)

    async def permit(self, contact: ContactId) -> None:
        """Note a refresh; raises `TooSoon` if there was one within the minute."""
        await self._refreshes.note(self._archive.key(contact))

    async def refresh(self, contact: ContactId) -> None:
        """Ask past the API's cache, also about somebody who was suppressed, until that is decided.

        Raises `TooSoon`, or `TimedOut` if the budget leaves no query in time: it is asked later.
        """
        await self.permit(contact)
        await self._archive.lift(contact)
        if not contact.can_have_photo:
            return
        try:
            await within(self._inquiry.refresh(contact, _SIDE), self._patience)
        except TimeoutError:
            raise TimedOut("the budget has left no query yet; the contact is next") from None

    async def learn(self, contact: ContactId) -> Finding:
        """Return what is known of `contact`, or else what the upstream says, behind all viewers."""
        return await self._inquiry.learn(contact)

    def warm(self, contacts: Sequence[ContactId]) -> int:
        """Learn about `contacts` behind everybody; return how many wait to be asked about."""
        return self._inquiry.warm(contacts)
