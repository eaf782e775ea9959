"""R7: viewers look all the time while everything is disturbed; then all faces come back.

Before that, all faces are there: whatever is shown in the meantime, there was something to lose.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.e2e.album import contact_of
from tests.e2e.dashboard import Dashboard
from tests.proof.chaos.house import MACHINES
from tests.proof.chaos.memory import Memory
from tests.proof.chaos.play import play
from tests.proof.chaos.schedule import draw
from tests.proof.chaos.tally import Tally
from tests.proof.chaos.viewers import Viewers

if TYPE_CHECKING:
    from tests.proof.chaos.house import House

ABORTS: Final = 0.1
PACE: Final = 0.2
"""Seconds that a viewer rests: less than connections are promised to be kept for."""

AGAIN: Final = 0.5
"""Seconds after which somebody who misses a face looks again."""

BACK: Final = 30.0
"""Seconds after which the last face is there: the longest pause of contacts that failed often."""


@dataclass
class Soak:
    """`seconds` of disturbances, in each lane about `rest` seconds apart; `number` viewers."""

    seed: int
    seconds: float
    rest: float
    number: int
    tally: Tally = field(default_factory=Tally)
    calls: dict[str, int] = field(default_factory=dict)
    healed: float = 0.0
    grown: dict[str, object] = field(default_factory=dict)
    tracebacks: int = 0

    async def run(self, house: House) -> None:
        """Disturb the house, and wait until its faces are back."""
        viewers = Viewers(house, self.tally, number=self.number, pace=PACE, aborts=ABORTS)
        schedule = draw(self.seed, self.seconds, rest=self.rest)
        memory = Memory(house.served)
        watching = asyncio.create_task(memory.watch())
        try:
            async with viewers.looking(self.seed):
                await self._all_seen(house)
                await play(schedule, house, viewers, self.tally.diary)
                self.healed = await self._all_seen(house)
        finally:
            watching.cancel()
        self.calls = {kind: number for kind, number in house.control.counts().items() if number}
        self.grown = memory.document(MACHINES)
        self.tracebacks = house.logs.count("Traceback")

    async def _all_seen(self, house: House) -> float:
        """Look at everybody until every gateway shows all photos; return how long it took."""
        contacts = [contact_of(number) for number in range(house.people)]
        dashboards = [Dashboard(contacts, AGAIN) for _ in house.served]
        async with asyncio.timeout(2 * BACK):
            await asyncio.gather(*map(Dashboard.watch, dashboards, house.served))
        return max(each.seconds for each in dashboards)

    def document(self) -> dict[str, object]:
        """All that was found, for a report."""
        return {
            "seed": self.seed,
            "minutes": round(self.seconds / 60, 2),
            "disturbances": dict(self.tally.diary.counts.most_common()),
            **self.tally.document(),
            "memory": self.grown,
            "upstream calls": self.calls,
            "seconds until all were photos again": round(self.healed, 1),
            "tracebacks": self.tracebacks,
        }

    def verify(self) -> None:
        """What must hold, however long it lasted."""
        self.tally.verify()
        assert self.tracebacks == 0
