"""Where a disturbance is played, as what does it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.proof.chaos.house import MACHINES

if TYPE_CHECKING:
    import random

    from tests.machines import Common
    from tests.processes import Control, Running
    from tests.proof.chaos.diary import Diary
    from tests.proof.chaos.house import House
    from tests.proof.chaos.viewers import Viewers


@dataclass(frozen=True, slots=True)
class Scene:
    """One disturbance: `chance` decides all that its kind and `lane` leave open.

    `diary` is told what was done, in the words of the report.
    """

    house: House
    viewers: Viewers
    lane: str
    chance: random.Random
    diary: Diary

    @property
    def control(self) -> Control:
        return self.house.control

    @property
    def served(self) -> Running:
        """The gateway of this lane."""
        return self.house.served[MACHINES.index(self.lane)]

    @property
    def shared(self) -> Common:
        assert self.house.shared is not None
        return self.house.shared
