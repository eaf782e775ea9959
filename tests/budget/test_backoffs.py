"""Back-off: longer after each failure, never too long, never for ever."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import MAX_BACKOFF, Backoff, Backoffs
from gateway.errors import Reason
from gateway.model import ContactId
from tests.fakes import LEON, MAYA, T0, Clock


def backoffs(
    clock: Clock, *, first: float = 20.0, jitter: float = 0.0, capacity: int = 100
) -> Backoffs:
    return Backoffs(first=first, clock=clock, capacity=capacity, jitter=lambda: jitter)


def contact(number: int) -> ContactId:
    return ContactId.parse(f"1555{number:07}")


def test_a_contact_without_failures_may_be_asked_about() -> None:
    found = backoffs(Clock())
    assert found.current(MAYA) is None
    assert found.last(MAYA) is None


def test_a_failure_says_until_when_why_and_how_often() -> None:
    found = backoffs(Clock())
    assert found.fail(MAYA, Reason.TIMEOUT) == Backoff(T0 + 20, Reason.TIMEOUT, 1)
    assert found.fail(MAYA, Reason.UPSTREAM) == Backoff(T0 + 40, Reason.UPSTREAM, 2)
    assert found.current(MAYA) == found.last(MAYA) == Backoff(T0 + 40, Reason.UPSTREAM, 2)
    assert found.current(LEON) is None


def test_each_failure_doubles_the_pause_up_to_ten_minutes() -> None:
    clock = Clock()
    found = backoffs(clock)
    pauses = []
    for _ in range(8):
        pauses.append(found.fail(MAYA, Reason.UPSTREAM).until - clock.now)
        clock.advance(3600)
    assert pauses == [20, 40, 80, 160, 320, 600, 600, 600]
    assert MAX_BACKOFF == 600


def test_a_first_pause_longer_than_that_is_kept() -> None:
    found = backoffs(Clock(), first=900.0)
    assert [found.fail(MAYA, Reason.UPSTREAM).until - T0 for _ in range(3)] == [900, 900, 900]


def test_two_thousand_failures_are_counted_and_overflow_nothing() -> None:
    found = backoffs(Clock(), first=0.001)
    for _ in range(2000):
        last = found.fail(MAYA, Reason.UPSTREAM)
    assert last.failures == 2000
    assert 0 < last.until - T0 <= MAX_BACKOFF


def test_a_back_off_ends_at_its_time() -> None:
    clock = Clock()
    found = backoffs(clock)
    failed = found.fail(MAYA, Reason.UPSTREAM)
    clock.advance(20 - 0.01)
    assert found.current(MAYA) == failed
    clock.advance(0.01)
    assert found.current(MAYA) is None


def test_a_back_off_that_is_over_is_still_the_last() -> None:
    clock = Clock()
    found = backoffs(clock)
    failed = found.fail(MAYA, Reason.NONE)
    clock.advance(86_400)
    assert found.current(MAYA) is None
    assert found.last(MAYA) == failed
    assert found.fail(MAYA, Reason.UPSTREAM).failures == 2


def test_a_success_forgets_all_failures_of_the_contact_alone() -> None:
    found = backoffs(Clock())
    for _ in range(5):
        found.fail(MAYA, Reason.UPSTREAM)
        found.fail(LEON, Reason.UPSTREAM)
    found.clear(MAYA)
    assert found.current(MAYA) is None
    assert found.last(MAYA) is None
    assert found.fail(MAYA, Reason.UPSTREAM) == Backoff(T0 + 20, Reason.UPSTREAM, 1)
    assert found.fail(LEON, Reason.UPSTREAM).failures == 6
    found.clear(contact(1))  # never failed


@pytest.mark.parametrize(
    ("pause", "length"),
    [(0.0, 0.0), (0.5, 0.5), (30.0, 30.0), (600.0, 600.0), (601.0, 600.0), (1e10, 600.0)],
)
def test_a_pause_that_was_asked_for_replaces_the_computed_one(pause: float, length: float) -> None:
    found = backoffs(Clock())
    found.fail(MAYA, Reason.UPSTREAM)
    failed = found.fail(MAYA, Reason.BUDGET, pause=pause)
    assert failed == Backoff(T0 + length, Reason.BUDGET, 2)
    assert found.current(MAYA) == (failed if length else None)


def test_a_pause_that_was_asked_for_counts_as_a_failure() -> None:
    found = backoffs(Clock())
    found.fail(MAYA, Reason.BUDGET, pause=1.0)
    assert found.fail(MAYA, Reason.UPSTREAM).until == T0 + 40


@pytest.mark.parametrize("pause", [None, 60.0, 5000.0])
@pytest.mark.parametrize("failures", [1, 3, 30])
def test_chance_adds_a_tenth_at_most(pause: float | None, failures: int) -> None:
    def length(jitter: float) -> float:
        found = backoffs(Clock(), jitter=jitter)
        for _ in range(failures):
            last = found.fail(MAYA, Reason.UPSTREAM, pause=pause)
        return last.until - T0

    assert length(0.5) == pytest.approx(1.05 * length(0.0))
    assert length(1.0) == pytest.approx(1.10 * length(0.0))


def test_chance_spreads_contacts_that_failed_together() -> None:
    clock = Clock()
    found = Backoffs(first=20.0, clock=clock)
    ends = {found.fail(contact(number), Reason.UPSTREAM).until for number in range(100)}
    assert len(ends) > 50
    assert all(T0 + 20 <= end <= T0 + 22 for end in ends)


@given(
    st.floats(0.001, 5000),
    st.floats(0, 1, exclude_max=True),
    st.lists(st.none() | st.floats(0, 1e10), min_size=1, max_size=40),
)
def test_no_row_of_failures_leaves_the_bounds(
    first: float, jitter: float, pauses: list[float | None]
) -> None:
    found = backoffs(Clock(), first=first, jitter=jitter)
    for pause in pauses:
        until = found.fail(MAYA, Reason.UPSTREAM, pause=pause).until
        assert math.isfinite(until)
        assert T0 <= until <= T0 + 1.1 * max(first, MAX_BACKOFF) + 0.001


def test_the_contact_that_failed_longest_ago_makes_room() -> None:
    found = backoffs(Clock(), capacity=3)
    for number in (1, 2, 3, 1, 4):  # the first failed again: the second is the oldest
        found.fail(contact(number), Reason.UPSTREAM)
    assert [number for number in range(1, 5) if found.last(contact(number))] == [1, 3, 4]
    assert found.fail(contact(1), Reason.UPSTREAM).failures == 3
    assert found.fail(contact(2), Reason.UPSTREAM).failures == 1


def test_looking_saves_nobody_from_making_room() -> None:
    found = backoffs(Clock(), capacity=2)
    found.fail(contact(1), Reason.UPSTREAM)
    found.fail(contact(2), Reason.UPSTREAM)
    found.current(contact(1))
    found.last(contact(1))
    found.fail(contact(3), Reason.UPSTREAM)
    assert found.last(contact(1)) is None
    assert found.last(contact(2)) is not None


def test_a_thousand_contacts_take_the_room_of_ten() -> None:
    found = backoffs(Clock(), capacity=10)
    contacts = [contact(number) for number in range(1000)]
    for each in contacts:
        found.fail(each, Reason.UPSTREAM)
    assert [each for each in contacts if found.last(each)] == contacts[-10:]


def test_a_rest_is_no_failure_of_the_contact() -> None:
    clock = Clock()
    found = backoffs(clock)
    assert found.rest(MAYA, Reason.UPSTREAM, pause=5.0) == Backoff(T0 + 5, Reason.UPSTREAM, 0)
    clock.advance(5)
    assert found.current(MAYA) is None
    assert found.fail(MAYA, Reason.TIMEOUT).failures == 1
    assert found.rest(MAYA, Reason.UPSTREAM, pause=5.0).failures == 1


def test_what_another_process_noted_is_taken_over() -> None:
    found = backoffs(Clock())
    found.adopt(MAYA, Backoff(T0 + 70, Reason.BUDGET, 3))
    assert found.current(MAYA) == Backoff(T0 + 70, Reason.BUDGET, 3)
    assert found.fail(MAYA, Reason.BUDGET) == Backoff(T0 + 160, Reason.BUDGET, 4)
