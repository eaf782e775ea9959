"""The only place where things are built: settings are unpacked here and travel no further."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.archive import Archive
from gateway.avatars import Avatars
from gateway.budget import Backoffs
from gateway.chain import Chain
from gateway.confirmations import Confirmations
from gateway.darkroom.keeper import Darkroom
from gateway.documents import Documents
from gateway.drawings import Drawings
from gateway.errors import StoreFailed
from gateway.foundations import (
    cores,
    custom_fallback,
    hourly_of,
    place_of,
    portraits_of,
    terms_of,
    ways_out,
)
from gateway.imaging.artist import Artist
from gateway.imaging.header import HeaderCheck
from gateway.imaging.studio import Studio
from gateway.inquiry import Inquiry
from gateway.keeper import Keeper
from gateway.listener import Listener
from gateway.lookout import Lookout
from gateway.newcomers import Newcomers
from gateway.origin import Origin
from gateway.outbound import (
    AddressGuard,
)
from gateway.pauses import Pauses
from gateway.portraits import (
    PortraitStore,
    Sweeper,
)
from gateway.quarantine.keeper import Quarantine
from gateway.queries import Queries
from gateway.question import Question
from gateway.refreshes import Refreshes
from gateway.renditions import Renditions
from gateway.runs import Commons, Runs
from gateway.sharing import Clocks, open_shared
from gateway.sources import open_sources
from gateway.telemetry import Telemetry
from gateway.verdicts import Verdicts
from gateway.watches import WatchedStudio, watched_develop, watched_origin, watched_resolver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.imaging.jobs import Plan
    from gateway.queries import Way
    from gateway.runs import Waiting
    from gateway.settings import Settings
    from gateway.sharing import Shared
    from gateway.sources import Source
    from gateway.telemetry import Tally

CLOCKS: Final = Clocks()
"""The machine's own."""

RENDER_QUEUE: Final = 256
"""Pictures that may wait to be made; one more is refused as busy."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What is built from settings, open and ready."""

    avatars: Avatars[Plan]
    drawings: Drawings[Plan]
    documents: Documents[Plan]
    keeper: Keeper
    listener: Listener
    portraits: PortraitStore
    renditions: Renditions
    sweeper: Sweeper
    shared: Shared
    way: Way
    sources: tuple[Source, ...]
    origin: Origin
    studio: Studio
    quarantine: Quarantine
    confirmations: Confirmations
    telemetry: Telemetry


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, workers: int = 1, clocks: Clocks = CLOCKS, tally: Tally | None = None
) -> AsyncIterator[Gateway]:
    """Build and open everything behind the edge; closed in the opposite order.

    `workers` is how many processes of this machine do the same, `tally` is where this one counts.
    Raises `InvalidSettings` for what only shows when it is opened.
    """
    clock = clocks.wall
    settings.require_upstream()
    async with AsyncExitStack() as stack:
        portraits = portraits_of(settings)
        telemetry = Telemetry(
            pseudonym=lambda contact: portraits.digest(contact).hex()[:12],
            tally=tally,
            deadline=settings.deadline,
        )
        try:
            await portraits.open()
        except StoreFailed as failure:
            telemetry.store_failed(str(failure))
        place, terms, way_out = place_of(settings), terms_of(settings, workers), ways_out()
        shared = await stack.enter_async_context(
            open_shared(place, terms, telemetry=telemetry, clocks=clocks)
        )
        darkroom = await stack.enter_async_context(
            # A line for each thread of the studio's: the photo lane's, and the fallback lane's one.
            Darkroom(lines=cores() + 1)
        )
        studio = await stack.enter_async_context(Studio(threads=cores(), queue=RENDER_QUEUE))
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
        origin = Origin(cdn, allowed=settings.cdn_origins, inspect=HeaderCheck)
        archive = Archive(
            portraits, shared.erasures, masters=shared.masters, telemetry=telemetry, clock=clock
        )
        stack.push_async_callback(archive.aclose)
        renditions = Renditions(
            capacity=settings.cache_size,
            erasures=shared.erasures,
            key=archive.key,
            clock=clock,
            pushed_out=telemetry.pushed_out,
        )
        pauses = Pauses(
            Backoffs(first=settings.error_ttl, clock=clock), shared.backoffs, key=archive.key
        )
        confirmations = Confirmations()
        verdicts = Verdicts(
            archive,
            pauses,
            confirm=confirmations,
            publish=renditions.stand,
            telemetry=telemetry,
            clock=clock,
        )
        way, waiting = _way(sources, telemetry)
        runs = Runs(
            archive,
            Commons(waiting, shared.leases, pauses),
            way=way,
            question=Question(
                watched_origin(origin, telemetry),
                watched_develop(quarantine.develop, telemetry),
                alias=sources[0].resolver.alias,
                clock=clock,
            ),
            verdicts=verdicts,
            telemetry=telemetry,
            timeout=settings.upstream_timeout,
        )
        inquiry = Inquiry(
            archive,
            runs,
            pauses=pauses,
            verdicts=verdicts,
            confirmations=confirmations,
            newcomers=Newcomers(
                hourly_of(settings, workers), refused=telemetry.newcomer_refused, ticks=clocks.ticks
            ),
            patience=settings.deadline,
            clock=clock,
        )
        stack.push_async_callback(inquiry.aclose)
        drawings = Drawings(
            renditions,
            Artist(
                WatchedStudio(studio, telemetry),
                work=darkroom,
                custom=custom_fallback(settings.fallback_image),
            ),
            seed=portraits.digest,
        )
        stack.push_async_callback(drawings.aclose)
        lookout = Lookout(inquiry, deadline=settings.deadline, clock=clock)
        refreshes = Refreshes(shared.backoffs, shared.leases, clock=clock)
        listener = Listener(
            archive,
            inquiry,
            pauses=pauses,
            refreshes=refreshes,
            alias=sources[0].resolver.alias,
            telemetry=telemetry,
            clock=clock,
        )
        stack.push_async_callback(listener.aclose)
        yield Gateway(
            avatars=Avatars(renditions, inquiry, lookout, drawings, clock=clock),
            drawings=drawings,
            documents=Documents(inquiry, lookout, drawings),
            keeper=Keeper(archive, inquiry, refreshes),
            listener=listener,
            portraits=portraits,
            renditions=renditions,
            sweeper=Sweeper(
                portraits.objects,
                retention=settings.store_retention,
                erase=archive.retire,
                telemetry=telemetry,
                clock=clock,
            ),
            shared=shared,
            way=way,
            sources=sources,
            origin=origin,
            studio=studio,
            quarantine=quarantine,
            confirmations=confirmations,
            telemetry=telemetry,
        )


def _way(sources: Sequence[Source], telemetry: Telemetry) -> tuple[Way, Waiting]:
    """How each query is put, and where it waits for its turn."""
    links = [
        Queries(watched_resolver(each.resolver, each.name, telemetry), each.budget, telemetry)
        for each in sources
    ]
    if len(links) == 1:
        return links[0], links[0].budget
    chain = Chain(links)
    return chain, chain
