"""Who counts through numbers is slowed down; who opens a dashboard is not."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.newcomers import BURST, MOST_ADMITTED, MOST_NETWORKS, SHARE, Newcomers
from tests.fakes import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR = 3600.0
ORDINARY = 1800.0
"""What 30 questions a minute are in an hour."""

OFFICE, HOME = "203.0.113.0/24", "2001:db8:1::/48"


class Door:
    """Newcomers, each of whom comes once unless named."""

    def __init__(self, hourly: float | None = ORDINARY) -> None:
        self.clock = Clock()
        self.refused = 0
        self.newcomers = Newcomers(hourly, refused=self._refuse, ticks=self.clock)
        self._keys = (str(number) for number in count())

    def _refuse(self) -> None:
        self.refused += 1

    def admits(self, *networks: str | None, key: str = "") -> bool:
        return self.newcomers.admit(key or next(self._keys), networks)

    def admitted(self, networks: Iterable[str]) -> int:
        """How many newcomers get in, one for each of `networks`."""
        return sum(self.admits(each) for each in networks)


def test_an_office_may_open_a_dashboard_of_two_hundred_people_at_once() -> None:
    door = Door()
    assert door.admitted([OFFICE] * 200) == 200
    assert door.refused == 0


def test_who_counts_through_numbers_gets_a_burst_and_then_as_many_an_hour() -> None:
    door = Door()
    assert door.admitted([OFFICE] * 10_000) == BURST
    assert door.refused == 10_000 - BURST
    door.clock.advance(HOUR / 10)
    assert door.admitted([OFFICE] * 10_000) == BURST / 10
    door.clock.advance(100 * HOUR)
    assert door.admitted([OFFICE] * 10_000) == BURST


def test_one_network_takes_nothing_from_another() -> None:
    door = Door()
    door.admitted([OFFICE] * 10_000)
    assert door.admitted([HOME] * 200) == 200


def test_all_networks_together_get_an_hours_questions_and_then_half_of_them() -> None:
    door = Door()
    many = [f"net {number}" for number in range(5_000)]
    assert door.admitted(many) == ORDINARY
    door.clock.advance(HOUR)
    assert door.admitted(many) == ORDINARY * SHARE


def test_a_slow_upstream_still_lets_an_office_open_its_dashboard() -> None:
    door = Door(hourly=60.0)
    assert door.admitted([OFFICE] * 1_000) == BURST
    door.clock.advance(HOUR)
    assert door.admitted([OFFICE] * 1_000) == 30


def test_without_a_limit_on_questions_there_is_none_on_newcomers() -> None:
    door = Door(hourly=None)
    assert door.admitted([OFFICE] * 10_000) == 10_000


def test_who_may_ask_about_anybody_pays_nothing_and_is_never_refused() -> None:
    door = Door()
    assert all(door.admits(None) for _ in range(10_000))
    assert all(door.admits(OFFICE, None) for _ in range(10_000))
    assert door.admitted([OFFICE] * 10_000) == BURST


def test_who_was_admitted_may_be_asked_about_again_by_anybody() -> None:
    door = Door()
    assert door.admits(OFFICE, key="Maya")
    door.admitted([OFFICE] * 10_000)
    door.admitted([HOME] * 10_000)
    for _ in range(1_000):
        assert door.admits(OFFICE, key="Maya")
        assert door.admits(HOME, key="Maya")


def test_the_first_who_can_pay_pays_for_all_who_wait() -> None:
    door = Door()
    door.admitted([OFFICE] * BURST)
    assert not door.admits(OFFICE, key="Maya")
    assert door.admits(OFFICE, HOME, key="Maya")
    assert door.admitted([HOME] * 10_000) == BURST - 1


def test_a_refusal_costs_nobody_anything() -> None:
    door = Door(hourly=60.0)
    door.admitted([OFFICE] * 10_000)
    assert not door.admits(HOME), "the one for all is empty"
    door.clock.advance(HOUR)
    assert door.admitted([HOME] * 1_000) == 30


def test_time_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    door = Door()
    door.admitted([OFFICE] * 10_000)
    door.clock.advance(-HOUR)
    assert door.admitted([OFFICE] * 10) == 0
    door.clock.advance(HOUR)
    assert door.admitted([OFFICE] * 1_000) == BURST


def test_what_is_remembered_is_bounded_however_many_come() -> None:
    door = Door(hourly=10.0**9)
    assert door.admitted(f"net {number}" for number in range(MOST_NETWORKS + 500)) > MOST_NETWORKS
    assert len(door.newcomers._networks) == MOST_NETWORKS  # noqa: SLF001 - the bound itself
    assert len(door.newcomers._admitted) == MOST_ADMITTED  # noqa: SLF001 - as above


@pytest.mark.parametrize("networks", [1, 7, 300])
@given(st.lists(st.tuples(st.integers(0, 299), st.floats(0, 600)), max_size=20))
@settings(deadline=None)
def test_never_more_get_in_than_the_buckets_hold(
    networks: int, steps: list[tuple[int, float]]
) -> None:
    door, passed, admitted = Door(hourly=60.0), 0.0, 0
    for network, pause in steps:
        door.clock.advance(pause)
        passed += pause
        admitted += door.admitted([str(network % networks)] * 40)
        # What is full does not become fuller: a bound from above.
        assert admitted <= BURST + passed * 60.0 * SHARE / HOUR + 1e-6
