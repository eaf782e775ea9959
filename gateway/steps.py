"""What a run does, whoever waits for it.

It goes through these steps, and nobody can cancel it:

1. Wait for a turn within the budget: viewers first. Several workers may wait for one contact.
2. Take the contact's lease, so that only one of them goes on at a time.
3. Look again at what is known: whoever came second finds the answer, and gives the turn back.
4. Ask. Whoever is erased meanwhile is looked up and asked about once more.
5. Tell who waits. A photo is told as soon as there is something to see.
6. Develop and keep it. Only then is the lease free, so that step 3 finds it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from gateway.budget import Priority
from gateway.errors import AvatarUnavailable, NoPhoto, Rejected
from gateway.findings import Finding
from gateway.orders import unwatched
from gateway.portraits import is_suppression
from gateway.queries import Asking
from gateway.question import Arrival, Asked

if TYPE_CHECKING:
    import asyncio

    from gateway.archive import Archive
    from gateway.leases import Leases
    from gateway.model import Photo, Portrait
    from gateway.orders import Run
    from gateway.pauses import Pauses
    from gateway.queries import Right, Way
    from gateway.question import Question
    from gateway.telemetry import Telemetry
    from gateway.verdicts import Verdicts

LOOKS: Final = 2
"""How often a run looks and asks that is overtaken by erasures."""


class Steps:
    """Takes runs through the steps; each may take `timeout` seconds from its turn."""

    def __init__(  # noqa: PLR0913 - six collaborators, a witness and a number
        self,
        archive: Archive,
        *,
        leases: Leases,
        pauses: Pauses,
        way: Way,
        question: Question,
        verdicts: Verdicts,
        telemetry: Telemetry,
        timeout: float,
    ) -> None:
        self._archive = archive
        self._leases = leases
        self._pauses = pauses
        self._way = way
        self._question = question
        self._verdicts = verdicts
        self._telemetry = telemetry
        self._timeout = timeout

    async def take(self, run: Run) -> None:
        """Steps 1 and 2, and all that follow."""
        order, key = run.order, self._archive.key(run.order.contact)
        ordered = self._verdicts.now()
        if order.priority is not Priority.VIEWER:
            # No viewer has looked just before: perhaps another worker has the answer already.
            answered = await self._answered(run, await self._archive.latest(order.contact))
            if answered is not None:
                run.tell(answered)
                return
        try:
            async with (
                self._way.turn(key, order.priority) as turn,
                self._leases.lease(key, patience=self._timeout),
            ):
                self._telemetry.run_waited(time.monotonic() - run.began)
                await self._look_and_ask(run, turn, key, ordered=ordered)
        except AvatarUnavailable as failure:  # of the turn: what the question fails by ends there
            known = await self._archive.latest(order.contact, again=True)
            run.tell(self._verdicts.left_alone(order.contact, known, failure))

    async def _look_and_ask(self, run: Run, turn: Right, key: str, *, ordered: float) -> None:
        """Step 3; and once more if an erasure came in between, or cannot be ruled out.

        `ordered` is when the run began to wait, in Unix seconds.
        """
        until = time.monotonic() + self._timeout
        asking = Asking(self._way, turn, key=key, priority=run.order.priority, until=until)
        for _ in range(LOOKS):
            began = self._verdicts.now()
            known = await self._archive.latest(run.order.contact, again=True)
            answered = await self._answered(run, known)
            if answered is not None:
                self._telemetry.run_spared()
                await turn.withdraw()
                run.tell(answered)
                return
            settled = None if run.order.refresh else self._verdicts.settled(known, at=ordered)
            if settled is not None:
                await turn.withdraw()
                await self._verdicts.settle(run.order.contact, settled, run.tell, began=began)
                return
            if await self._ask(run, asking, known, turn):
                return
        run.tell(self._verdicts.gone())

    async def _answered(self, run: Run, known: Portrait | None) -> Finding | None:
        """What another run has found out, or failed at, while this one waited."""
        order, contact = run.order, run.order.contact
        if is_suppression(known):
            return self._verdicts.show(contact, known, asked=False)
        if run.confirms and known is None:
            return self._verdicts.gone()
        if order.refresh:
            return None
        if known is not None and self._verdicts.is_fresh(contact, known):
            return self._verdicts.show(contact, known, asked=False)
        pause = await self._pauses.learn(contact)
        return None if pause is None else self._verdicts.remain(contact, known, pause)

    async def _ask(self, run: Run, asking: Asking, known: Portrait | None, turn: Right) -> bool:
        """Steps 4 to 6; False if what came is nothing to show, because of an erasure since."""
        order, began, verdicts = run.order, self._verdicts.now(), self._verdicts
        run.asked_at = began
        asked = Asked(
            order.contact,
            known,
            order.side,
            refresh=order.refresh or verdicts.owes_refresh(order.contact, known),
            until=asking.until,
        )
        try:
            answer = await self._question(asked, asking)
        except NoPhoto as none:
            await verdicts.absent(order.contact, known, none, run.tell, refreshed=asked.refresh)
        except AvatarUnavailable as failure:
            await verdicts.failed(order.contact, known, failure, run.tell, probing=turn.probe)
        else:
            if self._archive.is_gone(order.contact, began):
                return False
            if isinstance(answer, Arrival):
                await self._develop(run, answer, known, began)
            else:
                await verdicts.present(order.contact, answer, run.tell, began=began)
        return True

    async def _develop(
        self, run: Run, arrival: Arrival, known: Portrait | None, began: float
    ) -> None:
        """Tell of a photo before its master is made, which goes on behind the viewers."""
        contact, sighting = run.order.contact, arrival.sighting
        standing = self._verdicts.stand(contact, sighting)
        coming: asyncio.Future[Photo] = unwatched()
        run.tell(
            Finding(standing, coming, asked=True, sample=sighting.sample, fetched=sighting.fetched)
        )
        try:
            photo = sighting.developed(await arrival.master)
        except AvatarUnavailable as failure:
            coming.set_exception(failure)
            if isinstance(failure, Rejected):
                self._question.reject(sighting.source)
            await self._verdicts.failed(contact, known, failure, run.tell)
            return
        except BaseException as error:
            coming.set_exception(error) if isinstance(error, Exception) else coming.cancel()
            raise
        coming.set_result(photo)
        await self._verdicts.keep(contact, photo, began=began, known=known)
