"""What is known of a contact, in words: the service behind ``.json``."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic

from gateway.avatars import reason_without_asking
from gateway.drawings import PlanT
from gateway.findings import Finding
from gateway.model import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.avatars import Avatars
    from gateway.drawings import Drawings
    from gateway.inquiry import Inquiry
    from gateway.model import AvatarSpec, ContactId

_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Document:
    """How `contact` stands; `colour` is ``#rrggbb``, `fetched` Unix seconds, for photos only."""

    contact: ContactId
    standing: Standing
    colour: str
    fetched: float | None


class Documents(Generic[PlanT]):
    """Documents of contacts; those nobody knows wait `deadline` seconds, as for a picture."""

    def __init__(
        self,
        avatars: Avatars[PlanT],
        inquiry: Inquiry,
        drawings: Drawings[PlanT],
        *,
        deadline: float,
    ) -> None:
        self._avatars = avatars
        self._inquiry = inquiry
        self._drawings = drawings
        self._deadline = deadline

    async def of(
        self, contact: ContactId, spec: AvatarSpec, *, network: str | None = None
    ) -> Document:
        """Return the document of `contact`; the upstream is asked as for a picture."""
        reason = reason_without_asking(contact, spec)
        if reason is not None:
            lasting = Standing(math.inf, math.inf, reason=reason, settled=True)
            return self._document(contact, Finding(lasting))
        until = time.monotonic() + self._deadline
        side = spec.canvas.pixels
        finding, _ = await self._avatars.look(contact, side, until, network=network)
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
