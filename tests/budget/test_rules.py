"""The rules of a ledger, for any sequence of events."""

from __future__ import annotations

from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import Grant, Outcome, Rate, Wait
from gateway.budget.memory import MemoryRecords
from gateway.budget.records import Condition
from gateway.budget.rules import Rules
from gateway.errors import Reason
from tests.fakes import DAY, T0

Step: TypeAlias = tuple[float, Outcome]
STEPS = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from([Outcome.ANSWERED, Outcome.DROPPED])),
    min_size=1,
    max_size=150,
)


def simulated(rate: Rate, steps: list[Step]) -> list[float]:
    """When queries were put by somebody who asks at those times, retries among them."""
    rules, records, now, times = Rules(rate), MemoryRecords(), T0, list[float]()
    for number, (pause, outcome) in enumerate(steps):
        now += pause * rate.period / 60
        name = str(number)
        if isinstance(rules.take(records, now, young=3.0, grant=name), Grant):
            times.append(now)
            rules.settle(records, now, name, outcome, reason=None, pause=None)
        if rules.may_retry(records, now):
            times.append(now)
    return times


@given(st.integers(1, 40), st.sampled_from([1.0, 60.0, 3600.0]), STEPS)
def test_no_window_ever_holds_more_than_the_rate(
    limit: int, period: float, steps: list[Step]
) -> None:
    times = simulated(Rate(limit, period), steps)
    for most, span in ((limit, period), (min(10, limit), period * min(10, limit) / limit)):
        # Any window with more than `most` holds two of them that are `most` apart.
        assert all(late - early > span for early, late in zip(times, times[most:], strict=False))


@given(STEPS)
def test_whoever_waits_as_long_as_told_is_granted(steps: list[Step]) -> None:
    rules, records, now = Rules(Rate(7, 60.0)), MemoryRecords(), T0
    for number, (pause, _) in enumerate(steps):
        now += pause
        name = str(number)
        answer = rules.take(records, now, young=3.0, grant=name)
        if isinstance(answer, Wait):
            now += answer.seconds
            assert isinstance(rules.take(records, now, young=3.0, grant=name), Grant)
        rules.settle(records, now, name, Outcome.ANSWERED, reason=None, pause=None)


EVENTS = st.lists(
    st.tuples(
        st.floats(0, 400),
        st.sampled_from(Outcome),
        st.none() | st.floats(allow_nan=True, allow_infinity=True),
    ),
    max_size=60,
)


@given(EVENTS)
def test_nothing_the_upstream_does_silences_it_for_longer_than_five_minutes(
    events: list[tuple[float, Outcome, float | None]],
) -> None:
    rules, records, now = Rules(None), MemoryRecords(), T0
    for number, (seconds, outcome, pause) in enumerate(events):
        now += seconds
        name = str(number)
        if isinstance(rules.take(records, now, young=3.0, grant=name), Grant):
            rules.settle(records, now, name, outcome, reason=None, pause=pause)
        last = rules.take(records, now + 300.001, young=3.0, grant="last")
        assert isinstance(last, Grant)
        rules.settle(records, now + 300.001, "last", Outcome.DROPPED, reason=None, pause=None)
        now += 300.001


@pytest.mark.parametrize(
    "condition",
    [
        Condition(paused_until=T0 + 10 * DAY),
        Condition(open_since=T0, open_until=T0 + 10 * DAY, reason="upstream"),
        Condition(open_since=T0, open_until=T0 + 10 * DAY, reason="written by another version"),
    ],
)
def test_a_condition_that_cannot_be_ends_as_soon_as_one_that_can(condition: Condition) -> None:
    rules, records = Rules(None), MemoryRecords()
    records.condition = condition
    first = rules.take(records, T0, young=3.0, grant="first")
    assert isinstance(first, Wait)
    assert first.seconds <= 300
    assert first.why in {Reason.BUDGET, Reason.UPSTREAM}
    later = T0 + first.seconds + 0.001
    assert isinstance(rules.take(records, later, young=3.0, grant="second"), Grant)


def test_queries_from_the_future_are_forgotten() -> None:
    rules, records = Rules(Rate(1, 60.0)), MemoryRecords()
    records.put(T0 + DAY)
    assert isinstance(rules.take(records, T0, young=3.0, grant="a"), Grant)
    assert isinstance(rules.take(records, T0, young=3.0, grant="b"), Wait)


@pytest.mark.parametrize(
    ("wall", "ticks", "moved"),
    [
        (T0 + 10, 110.0, 0.0),
        (T0 + 10.04, 110.0, 0.0),
        (T0 + 10 + DAY, 110.0, DAY),
        (T0 + 10 - DAY, 110.0, -DAY),
        (T0 + 500, 1.0, 0.0),
        (T0 - 500, 1.0, -500.0),
    ],
)
def test_a_moved_clock_is_told_by_the_other_one_unless_the_machine_was_started_anew(
    wall: float, ticks: float, moved: float
) -> None:
    assert Condition(wall=T0, ticks=100.0).jump(wall, ticks) == pytest.approx(moved)
    assert Condition().jump(wall, ticks) == 0


@pytest.mark.parametrize(
    ("rate", "workers", "share"),
    [
        (Rate(30, 60.0), 1, Rate(30, 60.0)),
        (Rate(30, 60.0), 4, Rate(7, 60.0)),
        (Rate(4, 1.0), 4, Rate(1, 1.0)),
        (Rate(2, 60.0), 4, Rate(1, 120.0)),
    ],
)
def test_workers_that_know_nothing_of_each_other_keep_to_the_rate_together(
    rate: Rate, workers: int, share: Rate
) -> None:
    assert rate.among(workers) == share
    assert workers * share.limit / share.period <= rate.limit / rate.period
