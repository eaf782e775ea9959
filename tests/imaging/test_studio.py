"""The studio: bounded, refusing when full, never confused by callers who leave."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from gateway.errors import Busy
from gateway.imaging.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Gate:
    """Work that waits until it is opened, and says when it has begun."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self._open = threading.Event()
        self.runs = 0

    def work(self) -> str:
        self.runs += 1
        self.begun.release()
        assert self._open.wait(20)
        return "done"

    def open(self) -> None:
        self._open.set()

    async def wait_begun(self, count: int = 1) -> None:
        for _ in range(count):
            await anyio.to_thread.run_sync(self.begun.acquire)


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


def lane(studio: Studio, name: str) -> Callable[[Callable[[], str]], Awaitable[str]]:
    return studio.photo if name == "photo" else studio.fallback


@pytest.mark.parametrize("name", ["photo", "fallback"])
async def test_returns_what_the_work_returns(name: str) -> None:
    async with Studio(threads=1, queue=0) as studio:
        assert await lane(studio, name)(lambda: "picture") == "picture"


@pytest.mark.parametrize("name", ["photo", "fallback"])
async def test_raises_what_the_work_raises(name: str) -> None:
    def broken() -> str:
        raise KeyError("a bug")

    async with Studio(threads=1, queue=0) as studio:
        for _ in range(3):
            with pytest.raises(KeyError):
                await lane(studio, name)(broken)


async def test_works_off_the_event_loop() -> None:
    async with Studio(threads=1, queue=0) as studio:
        assert await studio.photo(threading.get_ident) != threading.get_ident()
        assert await studio.fallback(threading.get_ident) != await studio.photo(threading.get_ident)


async def test_refuses_when_threads_and_queue_are_full() -> None:
    gate = Gate()
    results: list[str] = []

    async def ask(studio: Studio) -> None:
        results.append(await studio.photo(gate.work))

    async with Studio(threads=2, queue=3) as studio, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask, studio)
        await gate.wait_begun(2)
        await settle()
        for _ in range(3):
            with pytest.raises(Busy):
                await studio.photo(gate.work)
        gate.open()
    assert results == ["done"] * 5
    assert gate.runs == 5


async def test_takes_more_once_there_is_room() -> None:
    async with Studio(threads=1, queue=0) as studio:
        for _ in range(50):
            assert await studio.photo(lambda: 1) == 1


async def test_a_full_photo_lane_delays_no_fallback() -> None:
    gate = Gate()
    async with Studio(threads=1, queue=0) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(studio.photo, gate.work)
        await gate.wait_begun()
        with pytest.raises(Busy):
            await studio.photo(lambda: "late")
        assert await studio.fallback(lambda: "silhouette") == "silhouette"
        gate.open()


async def test_the_fallback_lane_is_bounded_too() -> None:
    gate = Gate()
    refused = 0

    async def ask(studio: Studio) -> None:
        nonlocal refused
        try:
            await studio.fallback(gate.work)
        except Busy:
            refused += 1

    async with Studio(threads=1, queue=0) as studio, anyio.create_task_group() as tasks:
        for _ in range(3000):
            tasks.start_soon(ask, studio)
        await gate.wait_begun()
        await settle()
        assert 0 < refused < 3000
        gate.open()
    assert gate.runs + refused == 3000


async def test_who_leaves_early_keeps_the_place_until_the_work_has_left() -> None:
    gate, skipped = Gate(), Gate()
    async with Studio(threads=1, queue=1) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(studio.photo, gate.work)
        await gate.wait_begun()
        async with anyio.create_task_group() as impatient:
            impatient.start_soon(studio.photo, skipped.work)
            await settle()
            impatient.cancel_scope.cancel()
        # The one who left still stands in the queue, so it must not grow by another.
        with pytest.raises(Busy):
            await studio.photo(lambda: "too many")
        gate.open()
    assert skipped.runs == 0


async def test_cancelled_callers_cost_no_places() -> None:
    async with Studio(threads=2, queue=2) as studio:
        for _ in range(20):
            gate = Gate()
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(studio.photo, gate.work)
                await gate.wait_begun(2)
                tasks.cancel_scope.cancel()
            gate.open()
            await drained(studio, 4)


async def drained(studio: Studio, places: int) -> None:
    """Wait until so many can work at a time, by having them do it."""
    while True:
        meeting = threading.Semaphore(0)
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(places):
                    tasks.start_soon(studio.photo, partial(meeting.release))
        except* Busy:
            await settle()
        else:
            return


async def test_a_failure_nobody_waits_for_is_not_reported() -> None:
    gate = Gate()

    def fail() -> str:
        gate.work()
        raise KeyError("nobody looks")

    async with Studio(threads=1, queue=0) as studio, anyio.create_task_group() as tasks:
        tasks.start_soon(studio.photo, fail)
        await gate.wait_begun()
        tasks.cancel_scope.cancel()
        gate.open()


async def test_closing_waits_for_what_runs_and_drops_what_is_queued() -> None:
    gate, queued = Gate(), Gate()
    outcomes: list[str] = []

    async def ask(studio: Studio, work: Callable[[], str]) -> None:
        try:
            outcomes.append(await studio.photo(work))
        except Busy:
            outcomes.append("busy")

    async def open_when_dropped() -> None:
        while not outcomes:
            await anyio.lowlevel.checkpoint()
        gate.open()

    async with anyio.create_task_group() as tasks:
        async with Studio(threads=1, queue=1) as studio:
            tasks.start_soon(ask, studio, gate.work)
            await gate.wait_begun()
            tasks.start_soon(ask, studio, queued.work)
            await settle()
            tasks.start_soon(open_when_dropped)
        await settle()
        assert outcomes == ["busy", "done"]
    assert queued.runs == 0


async def test_a_closed_studio_is_busy() -> None:
    async with Studio(threads=1, queue=1) as studio:
        pass
    with pytest.raises(Busy):
        await studio.photo(lambda: 1)
    with pytest.raises(Busy):
        await studio.fallback(lambda: 1)


async def test_fifty_rounds_leave_no_thread() -> None:
    before = threading.active_count()
    for _ in range(50):
        async with Studio(threads=2, queue=2) as studio:
            await studio.photo(lambda: 1)
            await studio.fallback(lambda: 1)
    # A thread that was told to end may take a moment to be gone.
    for thread in threading.enumerate():
        if thread.name.startswith("studio"):
            thread.join(5)
    assert threading.active_count() <= before
