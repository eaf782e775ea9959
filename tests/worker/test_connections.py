"""Who may stay how long, and who goes first when there is no room."""

from __future__ import annotations

import itertools

import pytest

from gateway.worker.connections import (
    ARREARS,
    EVICTABLE,
    HESITATION,
    LIMITS,
    SLICE,
    STALL,
    WAITING,
    Connections,
    Stage,
)
from tests.fakes import Clock


class FakeConnection:
    """Notes what is done to it."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self.promised = False
        self.left = 0
        self.done: list[str] = []

    def expire(self) -> None:
        self.done.append("expired")

    def hang_up(self) -> None:
        self.done.append("hung up")

    def cut(self) -> None:
        self.done.append("cut")

    def unsent(self) -> int:
        return self.left


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connections(clock: Clock) -> Connections:
    return Connections(capacity=3, clock=clock)


def at(connections: Connections, *stages: Stage) -> list[FakeConnection]:
    """New connections at `stages`, in this order."""
    made = [FakeConnection() for _ in stages]
    for connection, stage in zip(made, stages, strict=True):
        connections.enter(connection, stage)
    return made


@pytest.mark.parametrize("stage", LIMITS)
def test_a_stage_has_its_time_and_no_more(
    connections: Connections, clock: Clock, stage: Stage
) -> None:
    [connection] = at(connections, stage)
    clock.advance(LIMITS[stage] - 0.01)
    connections.sweep()
    assert connection.done == []
    clock.advance(0.01)
    connections.sweep()
    assert connection.done == ["expired"]


@pytest.mark.parametrize("stage", set(Stage) - set(LIMITS))
def test_what_the_application_takes_is_its_own_affair(
    connections: Connections, clock: Clock, stage: Stage
) -> None:
    [connection] = at(connections, stage)
    clock.advance(10_000)
    connections.sweep()
    assert connection.done == []


def test_the_time_of_a_stage_begins_with_it(connections: Connections, clock: Clock) -> None:
    [connection] = at(connections, Stage.IDLE)
    clock.advance(4)
    connections.enter(connection, Stage.HEAD)
    clock.advance(4)
    connections.sweep()
    assert connection.done == []
    assert len(connections) == 1


def test_a_crowd_of_late_ones_is_ended_in_slices(clock: Clock) -> None:
    connections = Connections(capacity=1000, clock=clock)
    crowd = at(connections, *[Stage.FRESH] * (SLICE + 1))
    clock.advance(5)
    assert connections.sweep()
    assert sum(each.done == ["expired"] for each in crowd) == SLICE
    for each in crowd:
        if each.done:
            connections.leave(each)
    assert not connections.sweep()
    assert all(each.done == ["expired"] for each in crowd)


def test_there_is_room_until_all_places_are_taken(connections: Connections) -> None:
    at(connections, Stage.BUSY, Stage.BUSY)
    assert connections.make_room()
    at(connections, Stage.BUSY)
    assert not connections.make_room()
    assert (connections.evicted, connections.refused) == (0, 1)


@pytest.mark.parametrize(("first", "second"), list(itertools.pairwise(EVICTABLE)))
def test_who_is_least_worth_keeping_goes_first(
    connections: Connections, first: Stage, second: Stage
) -> None:
    kept, gone, busy = at(connections, second, first, Stage.BUSY)
    assert connections.make_room()
    assert gone.done == ["cut"]
    assert kept.done == busy.done == []
    assert len(connections) == 2
    assert connections.evicted == 1


@pytest.mark.parametrize("stage", EVICTABLE)
def test_of_those_at_a_stage_the_one_that_waits_longest_goes(
    connections: Connections, stage: Stage
) -> None:
    moved, oldest, newest = at(connections, stage, stage, stage)
    connections.enter(moved, stage)
    assert connections.make_room()
    assert oldest.done == ["cut"]
    assert moved.done == newest.done == []


@pytest.mark.parametrize("stage", set(Stage) - set(EVICTABLE))
def test_nobody_in_flight_is_evicted(connections: Connections, stage: Stage) -> None:
    crowd = at(connections, stage, stage, stage)
    assert not connections.make_room()
    assert all(each.done == [] for each in crowd)


def test_who_takes_nothing_of_its_answer_makes_room_at_last(
    connections: Connections, clock: Clock
) -> None:
    taking, refusing, busy = at(connections, Stage.BUSY, Stage.BUSY, Stage.BUSY)
    for each in (taking, refusing):
        each.left = 100
        connections.fall_behind(each)
    assert not connections.make_room()
    clock.advance(HESITATION)
    taking.left -= 1
    connections.sweep()
    assert connections.make_room()
    assert refusing.done == ["cut"]
    assert taking.done == busy.done == []
    assert len(connections) == 2


def test_those_who_may_ask_next_are_known(connections: Connections) -> None:
    crowd = at(connections, *Stage)
    assert {each.stage for each in crowd if each in connections.waiting()} == set(WAITING)
    assert set(connections) == set(crowd)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("promised", [False, True])
def test_another_request_may_come_from_who_waits_or_was_promised_one(
    connections: Connections, stage: Stage, *, promised: bool
) -> None:
    [connection] = at(connections, stage)
    connection.promised = promised
    hears = stage not in (Stage.CLOSING, Stage.DEPARTED)
    assert connections.owed() == (stage in WAITING or (promised and hears))


def test_leaving_twice_is_leaving_once(connections: Connections) -> None:
    [connection] = at(connections, Stage.IDLE)
    connections.leave(connection)
    connections.leave(connection)
    assert len(connections) == 0
    assert connection.stage is None


def test_who_takes_nothing_is_cut(connections: Connections, clock: Clock) -> None:
    [connection] = at(connections, Stage.BUSY)
    connection.left = 100
    connections.fall_behind(connection)
    clock.advance(STALL - 0.01)
    connections.sweep()
    assert connection.done == []
    clock.advance(0.01)
    connections.sweep()
    assert connection.done == ["cut"]
    assert len(connections) == 0


def test_who_takes_something_stays_but_not_for_ever(connections: Connections, clock: Clock) -> None:
    [connection] = at(connections, Stage.BUSY)
    connection.left = 1000
    connections.fall_behind(connection)
    for _ in range(int(ARREARS // 5) - 1):
        clock.advance(5)
        connection.left -= 1
        connections.fall_behind(connection)  # again, and no new time
        connections.sweep()
    assert connection.done == []
    clock.advance(5)
    connection.left -= 1
    connections.sweep()
    assert connection.done == ["cut"]


def test_who_has_caught_up_begins_anew(connections: Connections, clock: Clock) -> None:
    [connection] = at(connections, Stage.BUSY)
    connection.left = 1
    connections.fall_behind(connection)
    connection.left = 0
    connections.sweep()
    clock.advance(STALL)
    connection.left = 1
    connections.fall_behind(connection)
    connections.sweep()
    assert connection.done == []


@pytest.mark.parametrize("stage", [Stage.IDLE, Stage.CLOSING, Stage.HEAD])
def test_a_slow_reader_is_not_idle_but_slow(
    connections: Connections, clock: Clock, stage: Stage
) -> None:
    [connection] = at(connections, stage)
    connection.left = 1
    clock.advance(LIMITS[stage])
    connections.sweep()
    assert connection.done == []
    clock.advance(STALL)
    connections.sweep()
    assert connection.done == ["cut"]


def test_a_body_is_late_even_if_the_peer_reads_nothing(
    connections: Connections, clock: Clock
) -> None:
    [connection] = at(connections, Stage.BODY)
    connection.left = 1
    clock.advance(LIMITS[Stage.BODY])
    connections.sweep()
    assert connection.done == ["expired"]
