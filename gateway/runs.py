"""One run for a contact at a time, in all workers: it asks the upstream, whoever waits.

A run goes through these steps, and nobody can cancel it:

1. Wait for a turn within the budget: viewers first. Several workers may wait for one contact.
2. Take the contact's lease, so that only one of them goes on at a time.
3. Look again at what is known: whoever came second finds the answer, and gives the turn back.
4. Ask. Whoever is erased meanwhile is looked up and asked about once more.
5. Tell who waits. A photo is told as soon as there is something to see.
6. Develop and keep it. Only then is the lease free, so that step 3 finds it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway.budget import Priority
from gateway.errors import AvatarUnavailable, NoPhoto, Rejected
from gateway.findings import Finding
from gateway.portraits import is_suppression
from gateway.queries import Asking
from gateway.question import Arrival, Asked

if TYPE_CHECKING:
    from gateway.archive import Archive
    from gateway.leases import Leases
    from gateway.model import ContactId, Photo, Portrait
    from gateway.pauses import Pauses
    from gateway.queries import Right, Way
    from gateway.question import Question
    from gateway.telemetry import Telemetry
    from gateway.verdicts import Verdicts

MAX_FINISH: Final = 0.5
"""Seconds that photos in development have when everything closes; they take milliseconds."""

LOOKS: Final = 2
"""How often a run looks and asks that is overtaken by erasures."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is for: `side` is how many pixels a photo is first scaled to.

    `refresh` bypasses the API's cache, and asks whatever is known.
    """

    contact: ContactId
    side: int
    priority: Priority = Priority.VIEWER
    refresh: bool = False


class Run:
    """A run under way: `told` is done when there is something to say, `task` when all is kept."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.began = time.monotonic()
        self.told: asyncio.Future[Finding] = _future()
        self.task: asyncio.Task[None]

    def tell(self, finding: Finding) -> None:
        """Tell who waits; only the first word counts."""
        if not self.told.done():
            self.told.set_result(finding)


class Waiting(Protocol):
    """Who waits for a turn, by the keys of contacts."""

    def hurry(self, key: str) -> None:
        """Let a contact that waits come as a viewer's."""

    def waits(self, key: str) -> bool:
        """Whether the contact waits."""

    def expected(self, key: str) -> float:
        """At least so many seconds until the contact's turn."""


@dataclass(frozen=True, slots=True)
class Commons:
    """What all workers share, as a run needs it."""

    budget: Waiting
    leases: Leases
    pauses: Pauses


class Runs:
    """Runs by contact; each may take `timeout` seconds from its turn."""

    def __init__(  # noqa: PLR0913 - four collaborators, a witness and a number
        self,
        archive: Archive,
        commons: Commons,
        *,
        way: Way,
        question: Question,
        verdicts: Verdicts,
        telemetry: Telemetry,
        timeout: float,
    ) -> None:
        self._archive = archive
        self._budget = commons.budget
        self._leases = commons.leases
        self._pauses = commons.pauses
        self._way = way
        self._question = question
        self._verdicts = verdicts
        self._telemetry = telemetry
        self._timeout = timeout
        self._under_way: dict[ContactId, Run] = {}

    async def aclose(self) -> None:
        """Drop what nobody has been told of; what has come is kept: the next life need not ask."""
        for run in self._under_way.values():
            if not run.told.done():
                run.task.cancel()
        tasks = [run.task for run in self._under_way.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=MAX_FINISH)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def under_way(self, contact: ContactId) -> Run | None:
        """Return the contact's run, if there is one."""
        return self._under_way.get(contact)

    def join(self, order: Order) -> Run:
        """Return the contact's run that has something to tell yet; without one, it begins now.

        One that has told, and only keeps what it found, is waited for first.
        """
        earlier = self._under_way.get(order.contact)
        if earlier is not None and not earlier.told.done():
            self._telemetry.run_joined()
            if order.priority is Priority.VIEWER:
                self.hurry(order.contact)
            return earlier
        self._telemetry.run_begun(_purpose_of(order))
        run = Run(order)
        run.task = asyncio.create_task(self._complete(run, earlier))
        self._under_way[order.contact] = run
        run.task.add_done_callback(lambda _: self._leave(run))
        run.told.add_done_callback(lambda _: self._note(run))
        return run

    async def begin(self, order: Order) -> Run:
        """Return a run of its own for `order`, after the one that is under way."""
        while (run := self._under_way.get(order.contact)) is not None:
            await asyncio.wait((run.task,))
        return self.join(order)

    def hurry(self, contact: ContactId) -> None:
        """Let the contact's run come as a viewer's, if it waits for its turn."""
        self._budget.hurry(self._archive.key(contact))

    def waits(self, contact: ContactId) -> bool:
        """Whether the contact's run waits for the budget."""
        return self._budget.waits(self._archive.key(contact))

    def expected(self, contact: ContactId) -> float:
        """At least so many seconds until a run could ask."""
        return self._budget.expected(self._archive.key(contact))

    def _note(self, run: Run) -> None:
        self._telemetry.run_told(time.monotonic() - run.began)

    def _leave(self, run: Run) -> None:
        if self._under_way.get(run.order.contact) is run:
            del self._under_way[run.order.contact]
        run.told.cancel()  # unless it was told

    async def _complete(self, run: Run, earlier: Run | None) -> None:
        contact = run.order.contact
        try:
            if earlier is not None:
                await asyncio.wait((earlier.task,))
            await self._take_turn(run)
        except Exception as error:  # noqa: BLE001 - a bug must not turn every view into a question
            known = await self._archive.latest(contact, again=True)
            await self._verdicts.broken(contact, known, lambda _: None)
            if run.told.done() or run.order.priority is not Priority.VIEWER:
                self._telemetry.bug(error)  # nobody waits to be told of it
            if not run.told.done():
                run.told.set_exception(error)

    async def _take_turn(self, run: Run) -> None:
        """Steps 1 and 2."""
        order, key = run.order, self._archive.key(run.order.contact)
        if order.priority is not Priority.VIEWER:
            # No viewer has looked just before: perhaps another worker has the answer already.
            answered = await self._answered(order, await self._archive.latest(order.contact))
            if answered is not None:
                run.tell(answered)
                return
        try:
            async with (
                self._way.turn(key, order.priority) as turn,
                self._leases.lease(key, patience=self._timeout),
            ):
                self._telemetry.run_waited(time.monotonic() - run.began)
                await self._look_and_ask(run, turn, key)
        except AvatarUnavailable as failure:  # of the turn: what the question fails by ends there
            known = await self._archive.latest(order.contact, again=True)
            run.tell(self._verdicts.left_alone(order.contact, known, failure))

    async def _look_and_ask(self, run: Run, turn: Right, key: str) -> None:
        """Step 3; and once more if an erasure came in between, or cannot be ruled out."""
        until = time.monotonic() + self._timeout
        asking = Asking(self._way, turn, key=key, priority=run.order.priority, until=until)
        for _ in range(LOOKS):
            known = await self._archive.latest(run.order.contact, again=True)
            answered = await self._answered(run.order, known)
            if answered is not None:
                self._telemetry.run_spared()
                await turn.withdraw()
                run.tell(answered)
                return
            if await self._ask(run, asking, known, turn):
                return
        run.tell(self._verdicts.gone())

    async def _answered(self, order: Order, known: Portrait | None) -> Finding | None:
        """What another run has found out, or failed at, while this one waited."""
        contact = order.contact
        if is_suppression(known):
            return self._verdicts.show(contact, known, asked=False)
        if order.refresh:
            return None
        if known is not None and self._verdicts.is_fresh(contact, known):
            return self._verdicts.show(contact, known, asked=False)
        pause = await self._pauses.learn(contact)
        return None if pause is None else self._verdicts.remain(contact, known, pause)

    async def _ask(self, run: Run, asking: Asking, known: Portrait | None, turn: Right) -> bool:
        """Steps 4 to 6; False if what came is nothing to show, because of an erasure since."""
        order, began, verdicts = run.order, self._verdicts.now(), self._verdicts
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
            await verdicts.absent(order.contact, known, none, run.tell)
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
        coming: asyncio.Future[Photo] = _future()
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


def _purpose_of(order: Order) -> str:
    """Whom a run is for, in the words of `gateway.telemetry.metrics`."""
    return "refresh" if order.refresh else order.priority.name.lower()


def _future() -> asyncio.Future[Any]:
    """A future whose exception need not be fetched by anybody."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
