"""A broken store is left alone for a while, and then probed by one call."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import StoreFailed
from gateway.portraits.breaker import Breaker
from tests.fakes import Clock


class Store:
    """Something behind a breaker; each call ends as `outcome` says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.breaker = Breaker(limit=3, pause=5.0, clock=self.clock)
        self.calls = 0
        self.outcome: BaseException | None = None

    def call(self) -> None:
        with self.breaker.passage():
            self.calls += 1
            if self.outcome is not None:
                raise self.outcome

    def fail(self, times: int, text: str = "broken") -> None:
        self.outcome = StoreFailed(text)
        for _ in range(times):
            with pytest.raises(StoreFailed, match=text):
                self.call()


def test_three_failures_in_a_row_are_enough() -> None:
    store = Store()
    store.fail(100)
    assert store.calls == 3


def test_a_success_between_failures_starts_the_count_anew() -> None:
    store = Store()
    for _ in range(10):
        store.fail(2)
        store.outcome = None
        store.call()
    assert store.calls == 30


def test_while_it_is_open_the_reason_is_the_last_failures() -> None:
    store = Store()
    store.fail(2, "hangs")
    store.fail(1, "is full")
    store.outcome = None
    with pytest.raises(StoreFailed, match="is full"):
        store.call()


def test_after_the_pause_one_call_decides() -> None:
    store = Store()
    store.fail(3)
    store.clock.advance(4.9)
    store.fail(1)
    assert store.calls == 3
    store.clock.advance(0.1)
    store.fail(10)
    assert store.calls == 4
    store.clock.advance(5)
    store.outcome = None
    for _ in range(10):
        store.call()
    assert store.calls == 14


def test_while_one_call_probes_the_others_fail_at_once() -> None:
    store = Store()
    store.fail(3)
    store.clock.advance(5)
    with store.breaker.passage(), pytest.raises(StoreFailed):
        store.call()
    store.outcome = None
    store.call()
    assert store.calls == 4


@pytest.mark.parametrize("end", [asyncio.CancelledError(), KeyError("a bug")])
def test_a_probe_that_was_given_up_says_nothing_and_leaves_room_for_another(
    end: BaseException,
) -> None:
    store = Store()
    store.fail(3)
    store.clock.advance(5)
    store.outcome = end
    for _ in range(2):
        with pytest.raises(type(end)):
            store.call()
    store.outcome = None
    store.call()
    assert store.calls == 6
