"""A small cut of the simulation, and what holds at every scale."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from gateway.budget import Rate
from tests.scale.desk import hides
from tests.scale.figures import busiest
from tests.scale.fleet import Fleet
from tests.scale.simulation import Simulation, Terms
from tests.scale.traffic import DAY, Traffic

if TYPE_CHECKING:
    from tests.scale.figures import Day

RATE: Final = Rate(30, 60)
BODIES: Final = ((48, 5_400), (96, 19_400))
ONE: Final = Fleet(BODIES, workers=1)
THREE: Final = Fleet(BODIES, machines=3, workers=1)


def passed(
    traffic: Traffic, *fleets: Fleet, rate: Rate | None = RATE, most: int = 10**9
) -> tuple[Simulation, list[Day]]:
    simulation = Simulation(traffic, fleets or (ONE,), Terms(rate, most=most, watched=None))
    return simulation, asyncio.run(simulation.run())


def distinct(traffic: Traffic) -> set[int]:
    """Who is looked at."""
    return {int(each) for views in traffic.slices(Terms(None).seed) for each in views.contacts}


def test_a_day_is_a_question_for_each_photo_and_two_for_each_that_is_hidden() -> None:
    traffic = Traffic(20_000, 2_000)
    simulation, [day] = passed(traffic)
    seen = distinct(traffic)
    hidden = sum(map(hides, seen))
    shown = len(seen) - hidden
    asked = day.counts["questions"]
    assert shown + hidden <= asked <= 1.02 * shown + 2 * hidden
    assert day.counts["downloads"] == shown
    assert day.views == 20_000
    assert day.counts.get("stale", 0) == 0
    assert len(simulation.desk.asked) == asked


@pytest.mark.parametrize("rate", [RATE, Rate(5, 60), Rate(2, 1)])
def test_no_window_has_more_questions_than_the_rate(rate: Rate) -> None:
    simulation, _ = passed(Traffic(20_000, 20_000, days=2), rate=rate)
    for most, span in rate.windows:
        assert busiest(simulation.desk.asked, span) <= most


def test_the_second_day_asks_about_whom_the_first_one_knew_once_at_most() -> None:
    traffic = Traffic(5_000, 300, days=2)
    _, [first, second] = passed(traffic)
    seen = distinct(traffic)
    photos = len(seen) - sum(map(hides, seen))
    assert second.counts["questions"] <= photos + 2 * (len(seen) - photos)
    assert first.counts["downloads"] + second.counts["downloads"] == photos


def test_machines_that_share_one_truth_ask_once() -> None:
    simulation, [day] = passed(Traffic(20_000, 2_000), ONE, THREE)
    _, [alone] = passed(Traffic(20_000, 2_000), ONE)
    assert day.counts["questions"] == alone.counts["questions"]
    assert len(simulation.watches[1].workers) == 3


def test_machines_read_more_and_hold_less_each() -> None:
    _, [day] = passed(Traffic(20_000, 2_000), ONE, THREE)
    one, three = day.told()["fleets"]
    assert three["reads"] > one["reads"]
    assert three["memory"] < one["memory"]


def test_the_hit_ratio_grows_with_the_views() -> None:
    ratios = [
        day.fleets[0].memory
        for views in (2_000, 8_000, 20_000)
        for day in passed(Traffic(views, 2_000))[1]
    ]
    assert all(few < many for few, many in pairwise(ratios))


def test_a_cache_that_is_too_small_draws_again() -> None:
    small = Fleet(BODIES, workers=1, cache=1)
    _, [day] = passed(Traffic(20_000, 2_000), ONE, small)
    plenty, scarce = day.told()["fleets"]
    assert scarce["drawn"] > 2 * plenty["drawn"]
    assert scarce["entries"] < 100


def test_what_is_beyond_the_rate_is_missing_at_first_and_stale_later() -> None:
    slow = Rate(2, 60)
    _, days = passed(Traffic(20_000, 6_000, days=2), rate=slow)
    first, second = (day.told() for day in days)
    assert first["questions"] <= slow.limit * DAY / slow.period
    assert first["missing"] > 0.1
    assert second["stale"] > first["stale"] == 0
    assert second["age_99"] <= 48.1


def test_a_worker_that_is_watched_now_and_then_sees_what_it_always_sees() -> None:
    traffic = Traffic(60_000, 2_000)
    small = Fleet(BODIES, workers=1, cache=4)
    [always], [sometimes] = passed(traffic, small)[1], passed(traffic, small, most=15_000)[1]
    assert sometimes.fleets[0].views == pytest.approx(15_000, rel=0.01)
    assert sometimes.fleets[0].memory == pytest.approx(always.fleets[0].memory, abs=0.02)


def test_the_same_seed_is_the_same_day() -> None:
    assert passed(Traffic(3_000, 300))[1][0].told() == passed(Traffic(3_000, 300))[1][0].told()


def test_contacts_are_as_popular_as_their_places_say() -> None:
    counts = np.bincount(np.concatenate([each.contacts for each in Traffic(100_000, 10).slices(3)]))
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.05)
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.05)
