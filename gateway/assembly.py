"""The only place where things are built: settings are unpacked here and travel no further."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.archive import Archive
from gateway.avatars import Avatars
from gateway.budget import Backoffs, Rate
from gateway.chain import Chain
from gateway.confirmations import Confirmations
from gateway.documents import Documents
from gateway.drawings import Drawings
from gateway.errors import InvalidSettings, StoreFailed, Undecodable
from gateway.imaging.artist import Artist
from gateway.imaging.cleaning import clean
from gateway.imaging.header import HeaderCheck
from gateway.imaging.studio import Studio
from gateway.inquiry import Inquiry
from gateway.keeper import Keeper
from gateway.listener import Listener
from gateway.newcomers import Newcomers
from gateway.origin import Origin
from gateway.outbound import (
    AddressGuard,
    Dialer,
    Names,
    Outbound,
    Transport,
    system_lookup,
    tls_context,
)
from gateway.pauses import Pauses
from gateway.portraits import (
    Lifetimes,
    PortraitStore,
    Sweeper,
    directory_of,
    open_objects,
)
from gateway.quarantine.keeper import Quarantine
from gateway.queries import Queries
from gateway.question import Question
from gateway.refreshes import Refreshes
from gateway.renditions import Renditions
from gateway.runs import Commons, Runs
from gateway.sharing import Clocks, Place, Terms, open_shared
from gateway.sources import namespace_of, open_sources
from gateway.telemetry import Telemetry
from gateway.verdicts import Verdicts
from gateway.watches import WatchedStudio, watched_develop, watched_origin, watched_resolver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from gateway.imaging.artist import Plan
    from gateway.queries import Way
    from gateway.runs import Waiting
    from gateway.settings import Settings
    from gateway.sharing import Shared
    from gateway.sources import Source
    from gateway.telemetry import Tally

STORE_TIMEOUT: Final = 1.0
"""Seconds that one call to the portrait store may take before it counts as a miss."""

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
        portraits = _portraits(settings)
        telemetry = Telemetry(
            pseudonym=lambda contact: portraits.digest(contact).hex()[:12],
            tally=tally,
            deadline=settings.deadline,
        )
        try:
            await portraits.open()
        except StoreFailed as failure:
            telemetry.store_failed(str(failure))
        place, terms, way_out = _place(settings), _terms(settings, workers), _ways_out()
        shared = await stack.enter_async_context(
            open_shared(place, terms, telemetry=telemetry, clocks=clocks)
        )
        studio = await stack.enter_async_context(Studio(threads=_cores(), queue=RENDER_QUEUE))
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
                _hourly(settings, workers), refused=telemetry.newcomer_refused, ticks=clocks.ticks
            ),
            patience=settings.deadline,
            clock=clock,
        )
        stack.push_async_callback(inquiry.aclose)
        drawings = Drawings(
            renditions,
            Artist(
                WatchedStudio(studio, telemetry), custom=custom_fallback(settings.fallback_image)
            ),
            seed=portraits.digest,
        )
        stack.push_async_callback(drawings.aclose)
        avatars = Avatars(renditions, inquiry, drawings, deadline=settings.deadline, clock=clock)
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
            avatars=avatars,
            drawings=drawings,
            documents=Documents(avatars, inquiry, drawings, deadline=settings.deadline),
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


def custom_fallback(path: Path | None) -> bytes | None:
    """Read and clean the operator's own fallback; raises `InvalidSettings` for a bad one."""
    if path is None:
        return None
    try:
        return clean(path.read_bytes())
    except (OSError, Undecodable):
        raise InvalidSettings(
            "GATEWAY_FALLBACK_IMAGE takes a PNG, JPEG, WebP or GIF of at most 2 MiB"
        ) from None


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


def _portraits(settings: Settings) -> PortraitStore:
    try:
        objects = open_objects(settings.store)
    except StoreFailed as failure:
        raise InvalidSettings(f"GATEWAY_STORE cannot be opened: {failure}") from None
    return PortraitStore(
        objects,
        namespace=namespace_of(settings),
        lifetimes=Lifetimes(
            photo=settings.photo_ttl,
            none=settings.none_ttl,
            stale=settings.stale_ttl,
            confirm=settings.confirm_delay,
        ),
        timeout=STORE_TIMEOUT,
        capacity=settings.cache_size if settings.store == "memory:" else None,
    )


def _place(settings: Settings) -> Place:
    try:
        directory = directory_of(settings.store)
    except StoreFailed as failure:
        raise InvalidSettings(f"GATEWAY_STORE cannot be opened: {failure}") from None
    valkey = settings.valkey_url
    return Place(
        directory,
        settings.store,
        namespace_of(settings),
        None if valkey is None else valkey.get_secret_value(),
    )


def _terms(settings: Settings, workers: int) -> Terms:
    rate = None if settings.upstream_rate is None else Rate(*settings.upstream_rate)
    return Terms(rate, workers, young=settings.deadline, timeout=settings.upstream_timeout)


def _hourly(settings: Settings, workers: int) -> float | None:
    """What the upstream bears in an hour, for each of `workers`."""
    rate = _terms(settings, workers).rate
    return None if rate is None else 3600 / rate.pace / workers


def _ways_out() -> Callable[[AddressGuard], Outbound]:
    """Make ways out: one to each API and one to the CDN, so that none that hangs holds up another.

    None trusts what the operator named for another.
    """
    names, tls = Names(system_lookup()), tls_context()
    return lambda guard: Outbound(Transport(Dialer(names, guard, tls)))


def _cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
