"""One run for a contact at a time, in all workers: it asks the upstream, whoever waits.

`gateway.steps` says what a run does. Here is who has one under way, who joins it, and what becomes
of one that fails by a bug.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Protocol

from gateway.budget import Priority
from gateway.orders import Run

if TYPE_CHECKING:
    from gateway.archive import Archive
    from gateway.model import ContactId
    from gateway.orders import Order
    from gateway.steps import Steps
    from gateway.telemetry import Telemetry
    from gateway.verdicts import Verdicts

MAX_FINISH: Final = 0.5
"""Seconds that photos in development have when everything closes; they take milliseconds."""


class Waiting(Protocol):
    """Who waits for a turn, by the keys of contacts."""

    def hurry(self, key: str) -> None:
        """Let a contact that waits come as a viewer's."""

    def waits(self, key: str) -> bool:
        """Whether the contact waits."""

    def expected(self, key: str) -> float:
        """At least so many seconds until the contact's turn."""


class Runs:
    """Runs by contact; those that wait for their turn, wait in `budget`."""

    def __init__(
        self,
        archive: Archive,
        budget: Waiting,
        *,
        steps: Steps,
        verdicts: Verdicts,
        telemetry: Telemetry,
    ) -> None:
        self._archive = archive
        self._budget = budget
        self._steps = steps
        self._verdicts = verdicts
        self._telemetry = telemetry
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
            earlier.confirms &= order.confirms
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
            await self._steps.take(run)
        except Exception as error:  # noqa: BLE001 - a bug must not turn every view into a question
            known = await self._archive.latest(contact, again=True)
            await self._verdicts.broken(contact, known, lambda _: None)
            if run.told.done() or run.order.priority is not Priority.VIEWER:
                self._telemetry.bug(error)  # nobody waits to be told of it
            if not run.told.done():
                run.told.set_exception(error)


def _purpose_of(order: Order) -> str:
    """Whom a run is for, in the words of `gateway.telemetry.metrics`."""
    return "refresh" if order.refresh else order.priority.name.lower()
