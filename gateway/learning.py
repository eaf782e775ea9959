"""How anything is learned about a contact, built: who is asked, what answers mean, who may ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.budget import Backoffs
from gateway.chain import Chain
from gateway.confirmations import Confirmations
from gateway.foundations import hourly_of
from gateway.inquiry import Inquiry
from gateway.newcomers import Newcomers
from gateway.pauses import Pauses
from gateway.queries import Queries
from gateway.question import Question
from gateway.runs import Runs
from gateway.steps import Steps
from gateway.verdicts import Verdicts
from gateway.watches import watched_develop, watched_origin, watched_resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.archive import Archive
    from gateway.model import ContactId, Standing
    from gateway.premises import Premises
    from gateway.queries import Way
    from gateway.runs import Waiting
    from gateway.settings import Settings
    from gateway.sources import Source
    from gateway.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Learning:
    """Who finds out, and what others need of it."""

    inquiry: Inquiry
    way: Way
    pauses: Pauses
    confirmations: Confirmations


def learning_of(
    settings: Settings,
    premises: Premises,
    archive: Archive,
    *,
    publish: Callable[[ContactId, Standing], None],
    workers: int,
) -> Learning:
    """Build it; whoever does so closes the `inquiry`.

    `publish` hears how a contact stands; `workers` is how many processes of this machine learn.
    """
    telemetry, clock = premises.telemetry, premises.clocks.wall
    pauses = Pauses(
        Backoffs(first=settings.error_ttl, clock=clock), premises.shared.backoffs, key=archive.key
    )
    confirmations = Confirmations()
    verdicts = Verdicts(
        archive,
        pauses,
        confirm=confirmations,
        publish=publish,
        telemetry=telemetry,
        clock=clock,
    )
    way, waiting = _way(premises.sources, telemetry)
    steps = Steps(
        archive,
        leases=premises.shared.leases,
        pauses=pauses,
        way=way,
        question=_question(premises),
        verdicts=verdicts,
        telemetry=telemetry,
        timeout=settings.upstream_timeout,
    )
    runs = Runs(archive, waiting, steps=steps, verdicts=verdicts, telemetry=telemetry)
    inquiry = Inquiry(
        archive,
        runs,
        pauses=pauses,
        verdicts=verdicts,
        confirmations=confirmations,
        newcomers=Newcomers(
            hourly_of(settings, workers),
            refused=telemetry.newcomer_refused,
            ticks=premises.clocks.ticks,
        ),
        patience=settings.deadline,
        clock=clock,
    )
    return Learning(inquiry, way, pauses, confirmations)


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


def _question(premises: Premises) -> Question:
    return Question(
        watched_origin(premises.origin, premises.telemetry),
        watched_develop(premises.quarantine.develop, premises.telemetry),
        alias=premises.sources[0].resolver.alias,
        clock=premises.clocks.wall,
    )
