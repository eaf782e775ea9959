"""The studio: bounded, refusing when full, never confused by callers who leave."""

from __future__ import annotations

import asyncio
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from gateway.errors import Busy
from gateway.imaging.studio import Studio
from tests.fakes import uncollected

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Work = Callable[[], Coroutine[Any, Any, str]]
    Making = Callable[[Work], Coroutine[Any, Any, str]]

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Gate:
    """Work that waits until it is opened, and says when it has begun."""

    def __init__(self) -> None:
        self.begun = anyio.Semaphore(0)
        self._open = anyio.Event()
        self.runs = 0

    async def work(self) -> str:
        self.runs += 1
        self.begun.release()
        with anyio.fail_after(20):
            await self._open.wait()
        return "done"

    def open(self) -> None:
        self._open.set()

    async def wait_begun(self, count: int = 1) -> None:
        for _ in range(count):
            await self.begun.acquire()


async def picture() -> str:
    return "picture"


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


def lane(studio: Studio, name: str) -> Making:
    return partial(studio.photo if name == "photo" else studio.fallback, pixels=96)


def photo(studio: Studio) -> Making:
    return lane(studio, "photo")


@pytest.mark.parametrize("name", ["photo", "fallback"])
async def test_returns_what_the_work_returns(name: str) -> None:
    async with Studio(lines=1, queue=0) as studio:
        assert await lane(studio, name)(picture) == "picture"


@pytest.mark.parametrize("name", ["photo", "fallback"])
async def test_raises_what_the_work_raises(name: str) -> None:
    async def broken() -> str:
        raise KeyError("a bug")

    async with Studio(lines=1, queue=0) as studio:
        for _ in range(3):
            with pytest.raises(KeyError):
                await lane(studio, name)(broken)


async def test_refuses_when_lines_and_queue_are_full() -> None:
    gate = Gate()
    results: list[str] = []

    async def ask(studio: Studio) -> None:
        results.append(await photo(studio)(gate.work))

    async with Studio(lines=2, queue=3) as studio, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask, studio)
        await gate.wait_begun(2)
        await settle()
        for _ in range(3):
            with pytest.raises(Busy):
                await photo(studio)(gate.work)
        gate.open()
    assert results == ["done"] * 5
    assert gate.runs == 5


@pytest.mark.parametrize("name", ["photo", "fallback"])
async def test_small_pictures_go_first_and_equal_ones_in_their_order(name: str) -> None:
    gate = Gate()
    made: list[str] = []

    async def ask(studio: Studio, pixels: int, mark: str) -> None:
        async def note() -> None:
            made.append(mark)

        await (studio.photo if name == "photo" else studio.fallback)(note, pixels=pixels)

    async with Studio(lines=1, queue=9) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(lane(studio, name), gate.work)
        await gate.wait_begun()
        for pixels, mark in [
            (1024, "f"),
            (300, "b"),
            (300, "c"),
            (512, "e"),
            (64, "a"),
            (301, "d"),
        ]:
            tasks.start_soon(ask, studio, pixels, mark)
            await settle()
        gate.open()
    assert "".join(made) == "abcdef"


async def test_for_one_too_many_the_largest_that_waits_is_refused() -> None:
    gate = Gate()
    refused: list[int] = []

    async def ask(studio: Studio, pixels: int) -> None:
        try:
            await studio.photo(picture, pixels=pixels)
        except Busy:
            refused.append(pixels)

    async with Studio(lines=1, queue=2) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(photo(studio), gate.work)
        await gate.wait_begun()
        for pixels in (512, 300, 1024, 96, 96, 128):
            tasks.start_soon(ask, studio, pixels)
            await settle()
        assert refused == [1024, 512, 300, 128]
        assert studio.waiting["photo"] == 3
        gate.open()
    assert refused == [1024, 512, 300, 128]


async def test_who_is_refused_leaves_nothing_to_look_for() -> None:
    gate = Gate()
    async with Studio(lines=1, queue=1) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(photo(studio), gate.work)
        await gate.wait_begun()
        with uncollected():
            waiting = asyncio.create_task(studio.photo(picture, pixels=1024))
            await settle()
            tasks.start_soon(photo(studio), picture)
            await asyncio.wait((waiting,))
            refusal = weakref.ref(waiting.exception() or Busy(""))
            assert isinstance(refusal(), Busy)
            del waiting
            assert refusal() is None
        gate.open()


async def two(
    studio: Studio, gate: Gate, work: Work, steps: int
) -> tuple[asyncio.Task[str], asyncio.Task[str]]:
    """One that works and one that waits for it, so many steps after the first may end."""
    first = asyncio.create_task(photo(studio)(gate.work))
    await gate.wait_begun()
    second = asyncio.create_task(photo(studio)(work))
    await settle()
    gate.open()
    for _ in range(steps):
        await asyncio.sleep(0)
    return first, second


@pytest.mark.parametrize("steps", range(8))
async def test_who_leaves_as_the_turn_comes_passes_it_on(steps: int) -> None:
    gate = Gate()
    async with Studio(lines=1, queue=2) as studio:
        first, leaving = await two(studio, gate, picture, steps)
        leaving.cancel()
        with anyio.fail_after(20):
            assert await photo(studio)(picture) == "picture"
        assert await first == "done"
        await asyncio.wait((leaving,))


@pytest.mark.parametrize("steps", range(8))
async def test_what_has_begun_has_ended_once_it_is_closed(steps: int) -> None:
    gate = Gate()
    seen: list[str] = []

    async def late() -> str:
        seen.append("begun")
        await settle()
        seen.append("ended")
        return "late"

    async with Studio(lines=1, queue=2) as studio:
        first, waiting = await two(studio, gate, late, steps)
    seen.append("closed")
    await asyncio.wait((first, waiting))
    assert seen in (["closed"], ["begun", "ended", "closed"])
    assert isinstance(waiting.exception(), Busy) == (seen == ["closed"])


async def test_who_asks_for_the_smallest_keeps_no_list_waiting() -> None:
    gate = Gate()
    made: list[int] = []

    async def ask(studio: Studio, pixels: int) -> None:
        async def note() -> None:
            made.append(pixels)

        await studio.photo(note, pixels=pixels)

    async with Studio(lines=1, queue=9) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(photo(studio), gate.work)
        await gate.wait_begun()
        for pixels in (256, 96, 16, 257, 48, 16):
            tasks.start_soon(ask, studio, pixels)
            await settle()
        gate.open()
    assert made == [256, 96, 16, 48, 16, 257]


async def test_takes_more_once_there_is_room() -> None:
    async with Studio(lines=1, queue=0) as studio:
        for _ in range(50):
            assert await photo(studio)(picture) == "picture"


async def test_a_full_photo_lane_delays_no_fallback() -> None:
    gate = Gate()
    async with Studio(lines=1, queue=0) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(photo(studio), gate.work)
        await gate.wait_begun()
        with pytest.raises(Busy):
            await photo(studio)(picture)
        assert await lane(studio, "fallback")(picture) == "picture"
        gate.open()


async def test_the_fallback_lane_is_bounded_too() -> None:
    gate = Gate()
    refused = 0

    async def ask(studio: Studio) -> None:
        nonlocal refused
        try:
            await lane(studio, "fallback")(gate.work)
        except Busy:
            refused += 1

    async with Studio(lines=1, queue=0) as studio, anyio.create_task_group() as tasks:
        for _ in range(3000):
            tasks.start_soon(ask, studio)
        await gate.wait_begun()
        await settle()
        assert 0 < refused < 3000
        gate.open()
    assert gate.runs + refused == 3000


async def test_who_leaves_early_keeps_the_place_until_the_work_is_done() -> None:
    gate = Gate()
    async with Studio(lines=1, queue=0) as studio:
        async with anyio.create_task_group() as impatient:
            impatient.start_soon(photo(studio), gate.work)
            await gate.wait_begun()
            impatient.cancel_scope.cancel()
        with pytest.raises(Busy):
            await photo(studio)(picture)
        gate.open()
        await settle()
        assert await photo(studio)(picture) == "picture"


async def test_who_leaves_the_queue_gives_the_place_back_and_nothing_is_made() -> None:
    gate, skipped = Gate(), Gate()
    async with Studio(lines=1, queue=1) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(photo(studio), gate.work)
        await gate.wait_begun()
        for _ in range(5):
            async with anyio.create_task_group() as impatient:
                impatient.start_soon(photo(studio), skipped.work)
                await settle()
                assert studio.waiting["photo"] == 2
                impatient.cancel_scope.cancel()
            await settle()
            assert studio.waiting["photo"] == 1
        gate.open()
    assert skipped.runs == 0


async def test_cancelled_callers_cost_no_places() -> None:
    async with Studio(lines=2, queue=2) as studio:
        for _ in range(20):
            gate = Gate()
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(photo(studio), gate.work)
                await gate.wait_begun(2)
                tasks.cancel_scope.cancel()
            gate.open()
            await settle()
            assert studio.waiting["photo"] == 0


async def test_a_failure_nobody_waits_for_is_not_reported() -> None:
    gate = Gate()

    async def fail() -> str:
        await gate.work()
        raise KeyError("nobody looks")

    async with Studio(lines=1, queue=0) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(photo(studio), fail)
        await gate.wait_begun()
        tasks.cancel_scope.cancel()
        gate.open()


async def test_closing_waits_for_what_runs_and_drops_what_is_queued() -> None:
    gate, queued = Gate(), Gate()
    outcomes: list[str] = []

    async def ask(studio: Studio, work: Work) -> None:
        try:
            outcomes.append(await photo(studio)(work))
        except Busy:
            outcomes.append("busy")

    async def open_when_dropped() -> None:
        while not outcomes:
            await anyio.lowlevel.checkpoint()
        gate.open()

    async with anyio.create_task_group() as tasks:
        async with Studio(lines=1, queue=1) as studio:
            tasks.start_soon(ask, studio, gate.work)
            await gate.wait_begun()
            tasks.start_soon(ask, studio, queued.work)
            await settle()
            tasks.start_soon(open_when_dropped)
        await settle()
        assert outcomes == ["busy", "done"]
    assert queued.runs == 0


async def test_a_closed_studio_is_busy() -> None:
    async with Studio(lines=1, queue=1) as studio:
        pass
    with pytest.raises(Busy):
        await photo(studio)(picture)
    with pytest.raises(Busy):
        await lane(studio, "fallback")(picture)
