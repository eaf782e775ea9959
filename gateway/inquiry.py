"""Find out how a contact stands: look at what is known, and have the upstream asked if need be.

Nobody who waits owns what goes on: it goes on when they leave, and tells `publish` what it found.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.budget import Priority
from gateway.errors import Reason
from gateway.findings import Finding, passing
from gateway.orders import Order
from gateway.singleflight import Singleflight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.archive import Archive
    from gateway.confirmations import Confirmations
    from gateway.model import ContactId, Portrait
    from gateway.newcomers import Newcomers
    from gateway.orders import Run
    from gateway.pauses import Pauses
    from gateway.runs import Runs
    from gateway.verdicts import Verdicts

MOST_WARMED: Final = 10_000
"""Contacts that may wait to be warmed in one worker."""

_WARMING: Final = 4
_MOMENT: Final = 0.1  # after which the budget has said when the next query may be put
_SIDE: Final = 256


class Inquiry:
    """What is known first, then the upstream.

    A viewer who could not be answered within `patience` seconds, because of the budget, is not kept
    waiting for nothing. `clock` gives Unix seconds.

    Whether the upstream may be asked about a contact of whom nobody knows anything is for
    `newcomers` to say, by who waits for it. Interleavings, all on one event loop:

    1. The first viewer starts a look-up; whoever comes while it reads what is known joins it, and
       is noted as one who waits. What is known is shown to all of them, whoever they are.
    2. If nothing is known, the question is judged once for all who wait by then: one who may ask
       is enough, so that nobody is refused for coming behind somebody who may not.
    3. If none of them may, the look-up ends in that very step. Whoever comes later starts another
       one and is judged for themselves; nothing is noted about the contact.
    4. If one may, a run begins in that very step. Whoever comes later joins it and is not judged.
    """

    def __init__(  # noqa: PLR0913 - six collaborators, a number and a clock
        self,
        archive: Archive,
        runs: Runs,
        *,
        pauses: Pauses,
        verdicts: Verdicts,
        confirmations: Confirmations,
        newcomers: Newcomers,
        patience: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._archive = archive
        self._runs = runs
        self._pauses = pauses
        self._verdicts = verdicts
        self._confirmations = confirmations
        self._newcomers = newcomers
        self._patience = patience
        self._clock = clock
        self._lookups: Singleflight[Finding] = Singleflight()
        self._waiting: dict[ContactId, dict[str | None, None]] = {}
        self._refreshes: Singleflight[Finding] = Singleflight()
        self._warm: dict[ContactId, None] = {}
        self._warmers: set[asyncio.Task[None]] = set()
        confirmations.call(lambda contact: self.renew(contact, _SIDE, confirms=True))

    async def aclose(self) -> None:
        """Drop what is under way, but keep photos that have come."""
        self._confirmations.close()
        for warmer in self._warmers:
            warmer.cancel()
        await self._lookups.aclose()
        await self._refreshes.aclose()
        await self._runs.aclose()
        await asyncio.gather(*self._warmers, return_exceptions=True)

    def find(
        self, contact: ContactId, side: int, network: str | None = None
    ) -> tuple[asyncio.Task[Finding], bool]:
        """Return the look-up that finds out, and whether one was under way already.

        If that leads to a question, `side` is how many pixels a photo is first scaled to. `network`
        is where a stranger asks from; None is for who may ask about anybody.
        """
        run = self._runs.under_way(contact)
        self._waiting.setdefault(contact, {})[network] = None
        task, joined = self._lookups.join(contact, lambda: self._look(contact, side))
        if joined:
            self._runs.hurry(contact)
        return task, joined or run is not None

    def renew(self, contact: ContactId, side: int, *, confirms: bool = False) -> None:
        """Have the upstream asked behind a stale answer, unless it is to be left alone.

        What only `confirms` leaves those alone who have been erased since.
        """
        told = self._told(contact)
        if told is not None and told.standing.fresh_until > self._clock():
            return
        if self._pauses.holding(contact) is None:
            self._runs.join(Order(contact, side, Priority.RENEWAL, confirms=confirms))

    def refresh(
        self, contact: ContactId, side: int, priority: Priority = Priority.VIEWER
    ) -> asyncio.Task[Finding]:
        """Have the upstream asked now, past its cache, whatever is known."""
        order = Order(contact, side, priority, refresh=True)
        task, joined = self._refreshes.join(contact, lambda: self._refresh(order))
        if joined and priority is Priority.VIEWER:
            self._runs.hurry(contact)
        return task

    async def known(self, contact: ContactId) -> Finding | None:
        """Return what is known and may be shown, and ask nobody."""
        known = await self._showable(contact)
        return None if known is None else self._verdicts.show(contact, known, asked=False)

    def waits_for_budget(self, contact: ContactId) -> bool:
        """Whether it is the budget that keeps the contact's question from being put."""
        return self._runs.waits(contact) and self._runs.expected(contact) > 0

    async def learn(self, contact: ContactId) -> Finding:
        """Return what is known and may be shown, or else what the upstream says, in its turn.

        Whoever waits for this waits behind all viewers, until it is kept as well.
        """
        known = await self.known(contact)
        if known is not None:
            return known
        pause = await self._pauses.learn(contact)
        if pause is not None:
            return Finding(passing(pause.reason, pause.until))
        run = self._runs.join(Order(contact, _SIDE, Priority.WARMING))
        finding = await _told(run)
        await asyncio.wait((run.task,))
        return finding

    def warm(self, contacts: Iterable[ContactId]) -> int:
        """Learn about `contacts` behind everybody, as the budget allows; return how many wait.

        Contacts beyond `MOST_WARMED` are not taken.
        """
        for contact in contacts:
            if len(self._warm) < MOST_WARMED:
                self._warm[contact] = None
        while len(self._warmers) < min(_WARMING, len(self._warm)):
            warmer = asyncio.create_task(self._go_on_warming())
            self._warmers.add(warmer)
            warmer.add_done_callback(self._warmers.discard)
        return len(self._warm)

    async def _go_on_warming(self) -> None:
        while self._warm:
            contact = next(iter(self._warm))
            del self._warm[contact]
            if contact.can_have_photo:
                with suppress(Exception):  # told by the run itself
                    await self.learn(contact)

    async def _refresh(self, order: Order) -> Finding:
        run = await self._runs.begin(order)
        return await _told(run)

    async def _look(self, contact: ContactId, side: int) -> Finding:
        try:
            return await self._find(contact, side)
        finally:
            del self._waiting[contact]

    async def _find(self, contact: ContactId, side: int) -> Finding:
        known = None if self._told(contact) else await self._archive.latest(contact)
        found = self._told(contact)  # newer than what was read meanwhile
        if found is None and known is not None and self._may_be_shown(contact, known):
            found = self._verdicts.show(contact, known, asked=False)
        if found is not None:
            if found.standing.fresh_until <= self._clock():
                self.renew(contact, side)
            return found
        pause = await self._pauses.learn(contact)
        if pause is not None:
            return Finding(passing(pause.reason, pause.until))
        if known is None and not self._may_be_asked_about(contact):
            return Finding(passing(Reason.BUDGET, self._clock()), asked=True)
        run = self._runs.join(Order(contact, side))
        await asyncio.wait((run.told,), timeout=_MOMENT)
        if self._runs.waits(contact) and self._runs.expected(contact) > self._patience:
            return Finding(passing(Reason.BUDGET, self._clock()), asked=True)
        return await _told(run)

    def _may_be_asked_about(self, contact: ContactId) -> bool:
        """Whether one of those who wait for a contact that nobody knows may have it looked up."""
        if self._runs.under_way(contact) is not None:
            return True
        return self._newcomers.admit(self._archive.key(contact), self._waiting[contact])

    def _told(self, contact: ContactId) -> Finding | None:
        """What a run has found out that has not yet been kept, as long as it is true."""
        run = self._runs.under_way(contact)
        if run is None or not _is_told(run):
            return None
        found, asked = run.told.result(), run.asked_at
        if found.photo and asked is not None and self._archive.is_gone(contact, asked):
            return None  # erased before it was kept
        return found if found.standing.expires > self._clock() else None

    async def _showable(self, contact: ContactId) -> Portrait | None:
        """What is known and may be shown."""
        known = await self._archive.latest(contact)
        return known if known is not None and self._may_be_shown(contact, known) else None

    def _may_be_shown(self, contact: ContactId, known: Portrait) -> bool:
        return self._archive.judge(contact, known).expires > self._clock()


def _is_told(run: Run) -> bool:
    return run.told.done() and not run.told.cancelled() and run.told.exception() is None


async def _told(run: Run) -> Finding:
    """Wait for what `run` has to tell, and leave it alone."""
    await asyncio.wait((run.told,))
    return run.told.result()
