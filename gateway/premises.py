"""What everything else stands on, opened first and closed last.

The store, what workers share, the APIs that are asked, and who decodes and draws.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.children import lent, processors
from gateway.darkroom.keeper import Darkroom
from gateway.errors import StoreFailed
from gateway.foundations import place_of, portraits_of, proxy_of, terms_of, ways_out
from gateway.imaging.header import HeaderCheck
from gateway.imaging.studio import Studio
from gateway.origin import Origin
from gateway.outbound import AddressGuard
from gateway.quarantine.keeper import Quarantine
from gateway.sharing import open_shared
from gateway.sources import open_sources
from gateway.telemetry import Telemetry, pseudonym

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.portraits import PortraitStore
    from gateway.settings import Settings
    from gateway.sharing import Clocks, Shared
    from gateway.sources import Source
    from gateway.telemetry import Tally

RENDER_QUEUE: Final = 256
"""Pictures that may wait to be made; for one more the largest is refused as busy."""


@dataclass(frozen=True, slots=True)
class Premises:
    """What is open, and the clocks by which all of it goes."""

    portraits: PortraitStore
    telemetry: Telemetry
    shared: Shared
    darkroom: Darkroom
    studio: Studio
    quarantine: Quarantine
    sources: tuple[Source, ...]
    origin: Origin
    clocks: Clocks


@asynccontextmanager
async def open_premises(
    settings: Settings, *, workers: int, clocks: Clocks, tally: Tally | None
) -> AsyncIterator[Premises]:
    """Open it all; closed in the opposite order.

    `workers` and `tally` are as in `open_gateway`. Raises `InvalidSettings` for a store that is
    none; one that cannot be reached now is a line in the log.
    """
    portraits = portraits_of(settings)
    telemetry = Telemetry(
        pseudonym=lambda contact: pseudonym(portraits.digest(contact)),
        tally=tally,
        deadline=settings.deadline,
    )
    try:
        await portraits.open()
    except StoreFailed as failure:
        telemetry.store_failed(str(failure))
    place, terms = place_of(settings), terms_of(settings, workers)
    way_out = ways_out(proxy_of(settings))
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(
            open_shared(place, terms, telemetry=telemetry, clocks=clocks)
        )
        # One photo more than there are processors for: the next is there when one is done.
        lines = len(lent(processors())) + 1
        # A line for each that the studio lets begin: so many photos, and one fallback.
        darkroom = await stack.enter_async_context(Darkroom(lines=lines + 1))
        studio = await stack.enter_async_context(Studio(lines=lines, queue=RENDER_QUEUE))
        quarantine = await stack.enter_async_context(Quarantine())
        sources = await stack.enter_async_context(
            open_sources(
                settings,
                way_out,
                shared.budget,
                place=place,
                terms=terms,
                telemetry=telemetry,
                clocks=clocks,
            )
        )
        cdn = await stack.enter_async_context(
            way_out(AddressGuard.for_origins(settings.cdn_origins))
        )
        yield Premises(
            portraits,
            telemetry,
            shared=shared,
            darkroom=darkroom,
            studio=studio,
            quarantine=quarantine,
            sources=sources,
            origin=Origin(cdn, allowed=settings.cdn_origins, inspect=HeaderCheck),
            clocks=clocks,
        )
