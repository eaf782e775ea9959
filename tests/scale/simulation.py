"""Days of views over what is known, who asks, and some workers' caches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tests.fakes import T0, Clock
from tests.scale.desk import Desk
from tests.scale.figures import Day, Seen, busiest
from tests.scale.fleet import Watch
from tests.scale.traffic import DAY
from tests.scale.truth import Truth, spread_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.budget import Rate
    from gateway.model import ContactId
    from tests.scale.fleet import Fleet
    from tests.scale.traffic import Floats, Slice, Traffic, Truths

MOST: Final = 200_000
"""Views of a day that a watched worker goes through."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a simulation runs: at most `rate`, and each watched worker sees `most` views of a day.

    `watched` None watches every worker. `spread` is as in `Lifetimes.standing`.
    """

    rate: Rate | None
    seed: int = 1
    most: int = MOST
    watched: int | None = 1
    spread: Callable[[ContactId], float] = spread_of


class Simulation:
    """`traffic` over `fleets`, which all share one truth and are looked at side by side.

    What is known and asked does not depend on how the views are spread over workers: so one pass is
    enough for all fleets.
    """

    def __init__(self, traffic: Traffic, fleets: Sequence[Fleet], terms: Terms) -> None:
        self._traffic = traffic
        self._seed = terms.seed
        self._clock = Clock(T0)
        self.truth = Truth(traffic.contacts, spread=terms.spread)
        # The smallest fleet has the shortest waiting lists.
        workers = min(fleet.all_workers for fleet in fleets)
        self.desk = Desk(self.truth, rate=terms.rate, clock=self._clock, workers=workers)
        self.watches = [
            Watch(
                fleet,
                self.truth,
                clock=self._clock,
                views=traffic.views,
                most=terms.most,
                watched=terms.watched or fleet.all_workers,
            )
            for fleet in fleets
        ]
        self._shown: Counter[str] = Counter()
        self._ages = np.zeros(0, dtype=np.int64)

    async def run(self) -> list[Day]:
        """Let all days pass."""
        days: list[Day] = []
        before, fleets = self._counted(), [watch.tally() for watch in self.watches]
        for views in self._traffic.slices(self._seed):
            if views.times[0] >= DAY * (len(days) + 1):
                days.append(self._day(len(days), before, fleets))
                before, fleets = self._counted(), [watch.tally() for watch in self.watches]
                self._ages = np.zeros(0, dtype=np.int64)
            await self._pass(views)
        days.append(self._day(len(days), before, fleets))
        return days

    async def _pass(self, views: Slice) -> None:
        """Let a slice pass: what is fresh is counted, what is not is looked at one by one."""
        times, contacts, truth = T0 + views.times, views.contacts, self.truth
        fresh = truth.fresh[contacts] > times
        self._shown["fresh"] += int(fresh.sum())
        ages = (times - truth.confirmed[contacts])[fresh]
        self._note_ages(ages[np.isfinite(ages)])
        steps = self._steps(views, fresh)
        whole = len(self.watches) + 1
        for step in steps:
            place, part = divmod(step, whole)
            number = int(contacts[place])
            await self.desk.pass_until(float(times[place]))
            if part < len(self.watches):
                worker = self.watches[part].view(number, float(views.lots[place]))
                if worker is not None:
                    self.desk.follow(number, worker)
            else:
                await self._look(number)
        for watch in self.watches:
            for worker in watch.workers:
                worker.renditions.tidy()

    def _steps(self, views: Slice, fresh: Truths) -> list[int]:
        """Views that are looked at, in their order: by the watched first, then by the desk."""
        whole = len(self.watches) + 1
        parts = [watch.watches(views) * whole + part for part, watch in enumerate(self.watches)]
        parts.append(np.flatnonzero(~fresh) * whole + whole - 1)
        steps: list[int] = np.sort(np.concatenate(parts)).astype(int).tolist()
        return steps

    async def _look(self, number: int) -> None:
        now, truth = self._clock.now, self.truth
        stale, age = truth.fresh[number] <= now, now - truth.confirmed[number]
        if not await self.desk.look(number):
            self._shown["unknown"] += 1
        elif np.isfinite(age):
            self._shown["stale" if stale else "fresh"] += 1
            self._note_ages(np.array([age]))
        else:
            self._shown["unsure" if stale else "fresh"] += 1

    def _note_ages(self, ages: Floats) -> None:
        """Count photos shown by how many minutes ago they were confirmed."""
        minutes = np.bincount((ages // 60).astype(np.int64), minlength=len(self._ages))
        minutes[: len(self._ages)] += self._ages
        self._ages = minutes

    def _counted(self) -> Counter[str]:
        desk = self.desk
        return Counter(
            {
                **self._shown,
                "questions": len(desk.asked),
                "refreshes": desk.refreshes,
                "downloads": desk.downloads,
                "waited": desk.waited,
                "reads": desk.reads,
                "writes": self.truth.writes,
                "sent_away": desk.sent_away,
            }
        )

    def _day(self, number: int, before: Counter[str], fleets: list[Counter[str]]) -> Day:
        after = self._counted()
        after.subtract(before)
        asked = self.desk.asked[before["questions"] :]
        pairs = zip(self.watches, fleets, strict=True)
        return Day(
            number=number + 1,
            counts=dict(after),
            busiest=busiest(asked),
            faces=int((self.truth.expires > self._clock.now).sum()),
            ages=self._ages,
            fleets=[
                Seen(watch.fleet, watch.tally() - earlier, watch.entries)
                for watch, earlier in pairs
            ],
        )
