"""The place where things are built: settings are unpacked here and travel no further.

`gateway.foundations` reads values out of them, `gateway.premises` opens what all else stands on,
`gateway.learning` puts together who finds out about contacts.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.archive import Archive
from gateway.avatars import Avatars
from gateway.documents import Documents
from gateway.drawings import Drawings
from gateway.foundations import custom_fallback
from gateway.imaging.artist import Artist
from gateway.keeper import Keeper
from gateway.learning import learning_of
from gateway.listener import Listener
from gateway.lookout import Lookout
from gateway.portraits import Sweeper
from gateway.premises import open_premises
from gateway.refreshes import Refreshes
from gateway.renditions import Renditions
from gateway.sharing import Clocks
from gateway.watches import WatchedStudio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.confirmations import Confirmations
    from gateway.imaging.jobs import Plan
    from gateway.imaging.studio import Studio
    from gateway.learning import Learning
    from gateway.origin import Origin
    from gateway.portraits import PortraitStore
    from gateway.premises import Premises
    from gateway.quarantine.keeper import Quarantine
    from gateway.queries import Way
    from gateway.settings import Settings
    from gateway.sharing import Shared
    from gateway.sources import Source
    from gateway.telemetry import Tally, Telemetry

CLOCKS: Final = Clocks()
"""The machine's own."""


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
    settings.require_upstream()
    async with (
        open_premises(settings, workers=workers, clocks=clocks, tally=tally) as premises,
        AsyncExitStack() as stack,
    ):
        archive = _archive(premises)
        stack.push_async_callback(archive.aclose)
        renditions = _renditions(settings, premises, archive)
        learning = learning_of(
            settings, premises, archive, publish=renditions.stand, workers=workers
        )
        stack.push_async_callback(learning.inquiry.aclose)
        drawings = _drawings(settings, premises, renditions)
        stack.push_async_callback(drawings.aclose)
        refreshes = Refreshes(premises.shared.backoffs, premises.shared.leases, clock=clocks.wall)
        listener = _listener(premises, archive, learning, refreshes)
        stack.push_async_callback(listener.aclose)
        lookout = Lookout(learning.inquiry, deadline=settings.deadline, clock=clocks.wall)
        yield Gateway(
            avatars=Avatars(renditions, learning.inquiry, lookout, drawings, clock=clocks.wall),
            drawings=drawings,
            documents=Documents(learning.inquiry, lookout, drawings),
            keeper=Keeper(archive, learning.inquiry, refreshes),
            listener=listener,
            portraits=premises.portraits,
            renditions=renditions,
            sweeper=_sweeper(settings, premises, archive),
            shared=premises.shared,
            way=learning.way,
            sources=premises.sources,
            origin=premises.origin,
            studio=premises.studio,
            quarantine=premises.quarantine,
            confirmations=learning.confirmations,
            telemetry=premises.telemetry,
        )


def _archive(premises: Premises) -> Archive:
    return Archive(
        premises.portraits,
        premises.shared.erasures,
        masters=premises.shared.masters,
        telemetry=premises.telemetry,
        clock=premises.clocks.wall,
    )


def _renditions(settings: Settings, premises: Premises, archive: Archive) -> Renditions:
    return Renditions(
        capacity=settings.cache_size,
        erasures=premises.shared.erasures,
        key=archive.key,
        clock=premises.clocks.wall,
        pushed_out=premises.telemetry.pushed_out,
    )


def _drawings(settings: Settings, premises: Premises, renditions: Renditions) -> Drawings[Plan]:
    artist = Artist(
        WatchedStudio(premises.studio, premises.telemetry),
        premises.darkroom,
        custom=custom_fallback(settings.fallback_image),
    )
    return Drawings(renditions, artist, seed=premises.portraits.digest)


def _listener(
    premises: Premises, archive: Archive, learning: Learning, refreshes: Refreshes
) -> Listener:
    return Listener(
        archive,
        learning.inquiry,
        pauses=learning.pauses,
        refreshes=refreshes,
        alias=premises.sources[0].resolver.alias,
        telemetry=premises.telemetry,
        clock=premises.clocks.wall,
    )


def _sweeper(settings: Settings, premises: Premises, archive: Archive) -> Sweeper:
    return Sweeper(
        premises.portraits.objects,
        retention=settings.store_retention,
        erase=archive.retire,
        telemetry=premises.telemetry,
        clock=premises.clocks.wall,
    )
