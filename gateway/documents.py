"""What is known of a contact, in words: the service behind ``.json``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic

from gateway.drawings import PlanT
from gateway.findings import Finding, known_beforehand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.drawings import Drawings
    from gateway.inquiry import Inquiry
    from gateway.lookout import Lookout
    from gateway.model import AvatarSpec, ContactId, Standing

_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Document:
    """How `contact` stands; `colour` is ``#rrggbb``, `fetched` Unix seconds, for photos only."""

    contact: ContactId
    standing: Standing
    colour: str
    fetched: float | None


class Documents(Generic[PlanT]):
    """Documents of contacts; those nobody knows are waited for at `lookout`, as for a picture."""

    def __init__(self, inquiry: Inquiry, lookout: Lookout, drawings: Drawings[PlanT]) -> None:
        self._inquiry = inquiry
        self._lookout = lookout
        self._drawings = drawings

    async def of(
        self, contact: ContactId, spec: AvatarSpec, *, network: str | None = None
    ) -> Document:
        """Return the document of `contact`; the upstream is asked as for a picture."""
        standing = known_beforehand(contact, forced=spec.forced)
        if standing is not None:
            return self._document(contact, Finding(standing))
        side, until = spec.canvas.pixels, self._lookout.until()
        finding, _ = await self._lookout.find(contact, side, until, network=network)
        return self._document(contact, finding)

    async def known(self, contacts: Sequence[ContactId]) -> list[Document]:
        """Return the documents of those that something is known of, in order; nobody is asked."""
        seats = asyncio.Semaphore(_AT_ONCE)

        async def one(contact: ContactId) -> Document | None:
            async with seats:
                finding = await self._inquiry.known(contact)
            return None if finding is None else self._document(contact, finding)

        found = await asyncio.gather(*(one(each) for each in contacts))
        return [each for each in found if each is not None]

    def _document(self, contact: ContactId, finding: Finding) -> Document:
        colour = self._drawings.colour(contact, finding)
        return Document(contact, finding.standing, colour, finding.fetched)
