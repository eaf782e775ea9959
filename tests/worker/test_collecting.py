"""When garbage is looked for: at little, often; at everything, seldom and in quiet."""

from __future__ import annotations

import gc
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.worker.collecting import AGE, PERIOD, PILE, Collecting
from tests.fakes import Clock
from tests.worker.ways import PHOTO, Connection, both, get

if TYPE_CHECKING:
    from collections.abc import Iterator


class FakeGarbage:
    """Notes what is done; `pile` is what has come."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.pile = (0, 0)

    def collect(self) -> int:
        self.done.append("collect")
        return 0

    def freeze(self) -> None:
        self.done.append("freeze")

    def unfreeze(self) -> None:
        self.done.append("unfreeze")

    def get_count(self) -> tuple[int, int, int]:
        return (99, *self.pile)

    def told(self) -> str:
        done, self.done = " ".join(self.done), []
        return done


LITTLE = "collect freeze"
EVERYTHING = "unfreeze collect freeze"


def test_a_pile_is_looked_at_and_set_aside() -> None:
    garbage, clock = FakeGarbage(), Clock()
    collecting = Collecting(garbage, clock=clock)
    for pile, done in ((PILE - 1, 0), ""), ((PILE, 0), LITTLE), ((0, 1), LITTLE), ((0, 0), ""):
        garbage.pile = pile
        collecting.tick(quiet=False)
        assert garbage.told() == done


def test_what_is_old_is_looked_at_too() -> None:
    garbage, clock = FakeGarbage(), Clock()
    collecting = Collecting(garbage, clock=clock)
    for seconds, done in ((AGE - 1, ""), (1, LITTLE), (AGE - 1, ""), (1, LITTLE)):
        clock.advance(seconds)
        collecting.tick(quiet=True)
        assert garbage.told() == done


def test_what_is_shared_with_the_parent_is_not_looked_at_when_it_begins() -> None:
    garbage, clock = FakeGarbage(), Clock()
    collecting = Collecting(garbage, clock=clock)
    clock.advance(PERIOD - 1)
    collecting.begin()
    assert garbage.told() == LITTLE
    clock.advance(PERIOD - 1)
    collecting.tick(quiet=True)
    assert garbage.told() == LITTLE


def test_everything_is_looked_at_in_quiet_alone() -> None:
    garbage, clock = FakeGarbage(), Clock()
    collecting = Collecting(garbage, clock=clock)
    collecting.clear()
    assert garbage.told() == EVERYTHING
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


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing goes but by itself."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


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
