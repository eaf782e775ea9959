"""What came of all requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.proof.chaos.diary import Diary
from tests.proof.chaos.judging import fault, shown
from tests.proof.chaos.pressure import KINDS, Pressure

if TYPE_CHECKING:
    from tests.e2e.wire import Received
    from tests.proof.chaos.judging import Request


BUSY: Final = 0.5
"""Of the time, in which something waits for a processor: more, and no deadline can be judged."""


@dataclass
class Tally:
    """Answers by what they show; requests without an answer by why they have none.

    `cut` were in flight in a worker when it was killed, `exposed` are all that were; `lost` have
    no such excuse. `left` are those whose viewer went away, `again` those that were sent over a
    connection after the time for which it was promised. Of those who waited in vain, `late` are
    those on a machine that had time, and `starved` those on one that had none.
    """

    diary: Diary = field(default_factory=Diary)
    pressure: Pressure = field(default_factory=Pressure)
    answers: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    starved: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    left: int = 0
    again: int = 0
    cut: int = 0
    exposed: int = 0

    def judge(self, request: Request, answer: Received, seconds: float) -> None:
        """Count an answer that came after so many seconds."""
        self.answers[shown(answer)] += 1
        self.statuses[answer.status] += 1
        self.seconds.append(seconds)
        if (found := fault(request, answer)) is not None:
            self.wrong.append(f"{self.diary.when()} {request.target}: {found}")

    def wait_in_vain(self, request: Request, meanwhile: Pressure) -> None:
        """Count a request that was not answered in time; `meanwhile` is how the machine was."""
        line = f"{self.diary.when()} {request.target}, cpu {meanwhile.share():.0%}"
        (self.starved if meanwhile.share() > BUSY else self.late).append(line)

    def quantile(self, share: float) -> float:
        """Seconds within which that share of the answers came."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))]

    @property
    def errors(self) -> int:
        """How many answers had a status of 500 or more."""
        return sum(number for status, number in self.statuses.items() if status >= 500)

    def document(self) -> dict[str, object]:
        """All of it for a report; times in milliseconds."""
        unanswered = [*self.late, *self.starved, *self.lost]
        return {
            "requests": len(self.seconds) + self.cut + self.left + len(unanswered),
            "answers": dict(self.answers.most_common()),
            "statuses": {str(status): number for status, number in self.statuses.items()},
            "5xx": self.errors,
            "wrong": self.wrong,
            "late": self.late,
            "late on a machine without time": self.starved,
            "lost": self.lost,
            "cut by kills": self.cut,
            "in flight at kills": self.exposed,
            "machine waited for": {each: f"{self.pressure.share(each):.0%}" for each in KINDS},
            "left by viewers": self.left,
            "asked again": self.again,
            "milliseconds": {
                name: round(1000 * self.quantile(share), 1)
                for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("worst", 1.0))
            },
        }

    def verify(self) -> None:
        """What must hold, whatever was done to the gateway."""
        assert self.errors == 0, self.statuses
        assert self.wrong == []
        assert self.lost == []
        assert self.late == []
        assert self.cut <= self.exposed
