"""The whole gateway on a clock that leaps: what the fast simulation is held against.

Workers are `House`s, with asyncio, look-ups, runs, leases, budget, archive and cache as they are in
the service; all of them share one `Machine`, as they would share Valkey. Only the upstream, the
store's dictionary and the drawing are fakes.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.errors import NoPhoto
from gateway.model import AvatarSpec
from tests.fakes import DAY, T0, Clock, FakePortraits, FakeResolver, House, Machine, signed
from tests.scale.desk import DEADLINE, LATENCY, hides
from tests.scale.truth import contact_of, number_of

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.budget import Rate
    from gateway.model import ContactId, PhotoUrl
    from tests.scale.traffic import Traffic


class _Leap(selectors.DefaultSelector):
    """Moves the clock instead of waiting; `passed` is seconds since the beginning.

    Those are small enough for an event loop to tell one billionth from the next.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.passed += timeout
            self._clock.now = T0 + self.passed
        return super().select(timeout if timeout is None else 0)


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is `clock`'s; whoever waits for time has it at once."""

    def __init__(self, clock: Clock) -> None:
        self._leap = _Leap(clock)
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.passed


class Upstream(FakeResolver):
    """Knows a photo of everybody who does not hide it; signs its URL anew each time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(NoPhoto("unused", confirmed=True))
        self._clock = clock
        self.times: list[float] = []

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        del until
        self.asked.append((contact, refresh))
        self.times.append(self._clock.now)
        await asyncio.sleep(LATENCY)
        number = number_of(contact)
        if hides(number):
            raise NoPhoto("the API knows no picture", confirmed=refresh)
        return signed(f"/v/{number}.jpg", oe=self._clock.now + 7 * DAY)


@dataclass
class Reference:
    """`workers` over one truth, within `rate`, each with a cache of `capacity` bytes.

    `seen` counts views that were answered from memory or not, and what was shown.
    """

    workers: int
    rate: Rate | None
    capacity: int
    sizes: tuple[int, ...]
    clock: Clock = field(default_factory=lambda: Clock(T0))
    seen: Counter[str] = field(default_factory=Counter)

    def run(self, traffic: Traffic, seed: int) -> None:
        """Let all views pass."""
        with asyncio.Runner(loop_factory=lambda: LeapingLoop(self.clock)) as runner:
            runner.run(self._run(traffic, seed))

    async def _run(self, traffic: Traffic, seed: int) -> None:
        machine, self.portraits = Machine(self.clock, self.rate), FakePortraits()
        self.upstream = Upstream(self.clock)
        houses = [
            House(
                self.upstream,
                portraits=self.portraits,
                machine=machine,
                deadline=DEADLINE,
                capacity=self.capacity,
            )
            for _ in range(self.workers)
        ]
        looking: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        for views in traffic.slices(seed):
            for time, number, lot in zip(*(each.tolist() for each in views), strict=True):
                await asyncio.sleep(time - loop.time())
                place, size = divmod(lot * self.workers, 1)
                spec = AvatarSpec(self.sizes[int(size * len(self.sizes))])
                _begin(self._look(houses[int(place)], contact_of(number), spec), looking)
        await asyncio.gather(*looking)
        for house in houses:
            await house.aclose()

    async def _look(self, house: House, contact: ContactId, spec: AvatarSpec) -> None:
        standing = house.renditions.standing(contact)
        held = standing is not None and (
            standing.reason is not None or house.renditions.get(contact, spec.canvas) is not None
        )
        self.seen["memory" if held else "not in memory"] += 1
        avatar = await house.avatars.get(contact, spec)
        shown = avatar.standing
        self.seen[shown.reason or "photo"] += 1
        self.seen["stale"] += shown.reason is None and shown.fresh_until <= self.clock()


def _begin(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
