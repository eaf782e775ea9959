"""The fast simulation beside the whole gateway: the same views, the same questions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

from gateway.budget import Rate
from tests.scale.fleet import MIB, Fleet
from tests.scale.reference import Reference
from tests.scale.simulation import Simulation, Terms
from tests.scale.traffic import Traffic

if TYPE_CHECKING:
    from tests.scale.figures import Day

SEED: Final = 7
SIZES: Final = (48, 96)
BODY: Final = 45
"""Bytes of a picture that the reference draws, in words."""


class Both:
    """Both, over the same traffic."""

    def __init__(
        self, traffic: Traffic, *, workers: int, rate: Rate, capacity: int = 16 * MIB
    ) -> None:
        self.whole = Reference(workers, rate, capacity, SIZES)
        self.whole.run(traffic, SEED)
        fleet = Fleet(
            tuple((side, BODY) for side in SIZES),
            workers=workers,
            cache=capacity / MIB,
            hot=False,
        )
        terms = Terms(rate, seed=SEED, most=10**9, watched=None, spread=lambda _: 0.0)
        self.days: list[Day] = asyncio.run(Simulation(traffic, [fleet], terms).run())

    def total(self, name: str) -> int:
        return sum(day.counts.get(name, 0) for day in self.days)

    @property
    def memory(self) -> int:
        """Views from memory in the simulation."""
        seen = [day.fleets[0].counts for day in self.days]
        return sum(each["memory"] + each["stale"] for each in seen)

    @property
    def reads(self) -> int:
        """Look-ups in the simulation."""
        return sum(day.fleets[0].counts["lookups"] + day.counts["reads"] for day in self.days)


def test_two_workers_ask_the_same_and_answer_the_same_from_memory() -> None:
    both = Both(Traffic(3_000, 300), workers=2, rate=Rate(30, 60))
    assert both.total("questions") == len(both.whole.upstream.asked)
    assert both.total("refreshes") == sum(refresh for _, refresh in both.whole.upstream.asked)
    assert both.memory == both.whole.seen["memory"]
    assert both.reads == both.whole.portraits.reads


def test_six_workers_short_of_memory_ask_the_same_over_two_days() -> None:
    both = Both(Traffic(3_000, 300, days=2), workers=6, rate=Rate(30, 60), capacity=200_000)
    assert both.total("questions") == len(both.whole.upstream.asked)
    assert both.memory == pytest.approx(both.whole.seen["memory"], rel=0.02)
    assert both.reads == pytest.approx(both.whole.portraits.reads, rel=0.08)


def test_where_the_rate_is_too_low_they_miss_and_remember_about_the_same() -> None:
    rate = Rate(20, 3600)
    both = Both(Traffic(4_000, 2_000, days=2), workers=3, rate=rate)
    assert both.total("questions") == pytest.approx(len(both.whole.upstream.asked), rel=0.01)
    assert both.memory == pytest.approx(both.whole.seen["memory"], rel=0.03)
    missing = both.total("unknown") - both.total("waited")
    assert missing == pytest.approx(both.whole.seen["budget"], rel=0.1)
    assert both.total("stale") == pytest.approx(both.whole.seen["stale"], rel=0.03)
