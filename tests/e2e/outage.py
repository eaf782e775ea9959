"""The API is down for a while, under load: what viewers see, and how often it is asked."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tests.e2e.readers import look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.wire import Received
    from tests.processes import Control, Running

RATE: Final = 200
VIEWERS: Final = 20
CONTACTS: Final = 100
HEALED: Final = 10.0
"""Seconds after which the photos are there again, on a machine that does nothing else."""

_SLICE: Final = 1.0

REST: Final = 5.0
"""Seconds between two questions to an API that is down."""

SETTINGS: Final = {"GATEWAY_PHOTO_TTL": "1s", "GATEWAY_STALE_TTL": "48h"}
"""Whatever is known is due at once, so that there is a reason to ask."""


@dataclass
class Outage:
    """What was seen `during` it and `after`, when the photos were back: `healed` seconds later.

    `calls` are the seconds since the API went down at which it was asked, up to its healing.
    """

    seconds: float
    during: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    calls: list[float] = field(default_factory=list)
    healed: float = 0.0

    async def happen(self, served: Running, control: Control, *, seed: int) -> None:
        """Half of the contacts are known before, and nothing is known of the others."""
        chance = random.Random(seed)  # noqa: S311 - traffic, no secret
        known = [f"1555769{number:03}1" for number in range(CONTACTS // 2)]
        everybody = [*known, *(f"1555769{number:03}2" for number in range(CONTACTS // 2))]
        await look(served.url, [_target(each) for each in known], judge=self._count(Counter()))
        control.default(api="server_error_500")
        down = control.now()
        await self._traffic(served, everybody, self.seconds, chance, self.during)
        healed = control.now()
        control.default()
        began = time.monotonic()
        while not self._are_back() and self.healed <= 2 * HEALED:
            self.healed, self.after = time.monotonic() - began, Counter()
            await self._traffic(served, everybody, _SLICE, chance, self.after)
        times = (float(str(call["at"])) for call in control.calls() if call["kind"] == "picture")
        self.calls = [at - down for at in times if down <= at < healed]

    async def _traffic(
        self,
        served: Running,
        contacts: list[str],
        seconds: float,
        chance: random.Random,
        seen: Counter[str],
    ) -> None:
        until = time.monotonic() + seconds

        def targets() -> Iterator[str]:
            while time.monotonic() < until:
                yield _target(chance.choice(contacts))

        pace = VIEWERS / RATE
        judge = self._count(seen)
        await look(served.url, targets(), at_once=VIEWERS, pace=pace, judge=judge)

    def _are_back(self) -> bool:
        """Whether at least 99 of a hundred answers showed photos, the last time anybody looked."""
        photos = self.after["known photo"] + self.after["new photo"]
        return photos >= 0.99 * self.after.total() > 0

    def _count(self, seen: Counter[str]) -> _Count:
        return _Count(self.statuses, seen)

    def verify(self) -> None:
        """What must hold, however long it lasted."""
        assert set(self.statuses) == {200}
        # All photos of the known half were shown all the time.
        assert self.during["known photo"] > 0
        assert self.during["known fallback"] == 0
        assert self._are_back()
        assert self.healed <= 2 * HEALED
        probes = [at for at in self.calls if at > REST]
        gaps = [late - early for early, late in pairwise(probes)]
        assert min(gaps, default=REST) > REST - 1  # a question may be late on its way
        assert len(probes) <= self.seconds / REST


@dataclass(frozen=True)
class _Count:
    statuses: Counter[int]
    seen: Counter[str]

    def __call__(self, target: str, answer: Received) -> None:
        self.statuses[answer.status] += 1
        whose = "known" if target.endswith("1.png?size=48") else "new"
        self.seen[f"{whose} {answer.headers['avatar-source']}"] += 1


def _target(number: str) -> str:
    return f"/avatar/{number}.png?size=48"
