"""R6: one worker after the other is killed while viewers look."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.proof.chaos.killing import kill_worker
from tests.proof.chaos.tally import Tally
from tests.proof.chaos.viewers import Viewers

if TYPE_CHECKING:
    from tests.proof.chaos.house import House

EVERY: Final = 2.0
"""Seconds between two kills."""


@dataclass
class Kills:
    """So many kills, while `number` viewers ask and rest for `pace` seconds."""

    seed: int
    times: int
    number: int
    pace: float
    tally: Tally = field(default_factory=Tally)
    killed: int = 0

    async def happen(self, house: House) -> None:
        """Kill any of the workers, every two seconds."""
        [served] = house.served
        viewers = Viewers(house, self.tally, number=self.number, pace=self.pace)
        chance = random.Random(self.seed)  # noqa: S311 - a proof must be repeatable
        async with viewers.looking(self.seed):
            for _ in range(self.times):
                await asyncio.sleep(EVERY)
                self.killed += await kill_worker(served, viewers, chance)
            await asyncio.sleep(EVERY)

    def document(self) -> dict[str, object]:
        """All that was found, for a report."""
        return {"seed": self.seed, "kills": self.killed, **self.tally.document()}

    def verify(self) -> None:
        """What must hold, however many there were."""
        self.tally.verify()
        assert self.killed == self.times
