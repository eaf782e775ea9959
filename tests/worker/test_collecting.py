"""When garbage is looked for: at little, often; at everything, seldom and in quiet."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from gateway.worker.collecting import AGE, PERIOD, Collecting
from tests.fakes import Clock, uncollected
from tests.worker.ways import PHOTO, Connection, both, get

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.worker.collecting import Phase


class FakeGarbage:
    """Notes what is done, and tells of it as Python does."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.callbacks: list[Callable[[Phase, dict[str, int]], object]] = []

    def collect(self) -> int:
        for tell in self.callbacks:
            tell("start", {})
        self.done.append("collect")
        for tell in self.callbacks:
            tell("stop", {})
        return 0

    def freeze(self) -> None:
        self.done.append("freeze")

    def unfreeze(self) -> None:
        self.done.append("unfreeze")

    def told(self) -> str:
        done, self.done = " ".join(self.done), []
        return done


LITTLE = "collect freeze"
EVERYTHING = "unfreeze collect freeze"


@pytest.fixture
def garbage() -> FakeGarbage:
    return FakeGarbage()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def collecting(garbage: FakeGarbage, clock: Clock) -> Collecting:
    begun = Collecting(garbage, clock=clock)
    begun.begin()
    assert garbage.told() == LITTLE  # and not what is shared with the parent
    return begun


def test_what_a_look_leaves_is_set_aside_whoever_ordered_it(
    garbage: FakeGarbage, collecting: Collecting
) -> None:
    garbage.collect()
    assert garbage.told() == LITTLE
    collecting.end()
    garbage.collect()
    assert garbage.told() == "collect"
    collecting.end()


def test_what_is_old_is_looked_at_even_if_it_is_little(
    garbage: FakeGarbage, clock: Clock, collecting: Collecting
) -> None:
    for seconds, done in ((AGE - 1, ""), (1, LITTLE), (AGE - 1, ""), (1, LITTLE)):
        clock.advance(seconds)
        collecting.tick(quiet=True)
        assert garbage.told() == done


def test_a_look_that_python_took_counts(
    garbage: FakeGarbage, clock: Clock, collecting: Collecting
) -> None:
    clock.advance(AGE - 1)
    garbage.collect()
    garbage.told()
    clock.advance(AGE - 1)
    collecting.tick(quiet=True)
    assert garbage.told() == ""


def test_everything_is_looked_at_in_quiet_alone(
    garbage: FakeGarbage, clock: Clock, collecting: Collecting
) -> None:
    for seconds, quiet, done in (
        (PERIOD - 1, True, LITTLE),
        (1, False, ""),
        (PERIOD, False, LITTLE),
        (0, True, EVERYTHING),
        (0, True, ""),
    ):
        clock.advance(seconds)
        collecting.tick(quiet=quiet)
        assert garbage.told() == done


def test_python_looks_at_nothing_twice() -> None:
    """With the real thing: what is new is set aside by the very look that Python takes itself."""
    collecting = Collecting()
    collecting.begin()
    try:
        before = gc.get_freeze_count()
        held = [[each] for each in range(2 * gc.get_threshold()[0])]
        assert gc.get_freeze_count() - before > len(held) // 4
    finally:
        collecting.end()
        gc.unfreeze()


@pytest.mark.anyio
async def test_a_connection_that_has_ended_leaves_nothing_to_look_for() -> None:
    last = get(PHOTO, "Connection: close")
    async with both() as ways:
        for worker in (ways.hot, ways.cold):
            for said in (get(), get("/nothing"), last, b"nonsense\r\n", b"GET"):
                with uncollected():
                    connection = Connection(worker)
                    gone = weakref.ref(connection.protocol)
                    await connection.say(said, said)
                    await connection.end()
                    worker.protocols.clear()
                    del connection
                    assert gone() is None, said


@pytest.mark.anyio
async def test_who_leaves_before_the_answer_leaves_nothing_to_look_for() -> None:
    async with both() as ways:
        # gunicorn would look again, after so long, whether the request still goes on.
        ways.cold.cfg.set("asgi_disconnect_grace_period", 0)
        with uncollected():
            connection = Connection(ways.cold)
            gone = weakref.ref(connection.protocol)
            connection.protocol.data_received(get())
            await connection.end()
            ways.cold.protocols.clear()
            del connection
            assert gone() is None
