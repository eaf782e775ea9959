"""One run however many wait, and nobody who waits can end it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from gateway.singleflight import Singleflight, within
from tests.fakes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Work:
    """Work that waits at `gate`, counts its runs and then gives their number, or `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.gate = asyncio.Event()
        self.runs = 0
        self.cancelled = 0
        self.error = error

    async def __call__(self) -> int:
        self.runs += 1
        number = self.runs
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return number


@pytest.fixture
async def lost() -> AsyncIterator[list[str]]:
    """What the loop had to report: errors that nobody fetched, callbacks that failed."""
    loop, reports = asyncio.get_running_loop(), list[str]()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reports.append(str(context["message"])))
    yield reports
    loop.set_exception_handler(before)


async def joined(flight: Singleflight[int], work: Work, seconds: float = 20.0) -> int:
    task, _ = flight.join("key", work)
    return await within(task, seconds)


async def test_a_thousand_who_wait_share_one_run() -> None:
    flight, work = Singleflight[int](), Work()
    found = [flight.join("key", work) for _ in range(1000)]
    assert [under_way for _, under_way in found] == [False] + [True] * 999
    assert len({id(task) for task, _ in found}) == 1
    waiting = [asyncio.create_task(within(task, 20)) for task, _ in found]
    await settle()
    assert (work.runs, len(flight)) == (1, 1)
    work.gate.set()
    assert await asyncio.gather(*waiting) == [1] * 1000
    assert (work.runs, len(flight)) == (1, 0)


async def test_each_key_has_a_run_of_its_own() -> None:
    flight = Singleflight[int]()
    works = {key: Work() for key in ("a", "b", ("a", "b"))}
    tasks = [flight.join(key, work)[0] for key, work in works.items()]
    await settle()
    assert [work.runs for work in works.values()] == [1, 1, 1]
    works["b"].gate.set()
    assert await within(tasks[1], 20) == 1
    assert [task.done() for task in tasks] == [False, True, False]
    await flight.aclose()


async def test_an_error_is_shared_by_all_who_wait() -> None:
    flight, work = Singleflight[int](), Work(KeyError("shared"))
    waiting = [asyncio.create_task(joined(flight, work)) for _ in range(100)]
    await settle()
    work.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in found] == [KeyError] * 100
    assert (work.runs, len(flight)) == (1, 0)


async def test_who_leaves_leaves_the_run_to_the_others() -> None:
    flight, work = Singleflight[int](), Work()
    waiting = [asyncio.create_task(joined(flight, work)) for _ in range(10)]
    await settle()
    for leaver in waiting[:9]:  # the one who started it, too
        leaver.cancel()
    await settle()
    assert work.cancelled == 0
    work.gate.set()
    assert await waiting[9] == 1
    assert all(leaver.cancelled() for leaver in waiting[:9])


async def test_a_run_that_everybody_left_still_ends() -> None:
    flight, work = Singleflight[int](), Work()
    task, _ = flight.join("key", work)
    waiting = [asyncio.create_task(joined(flight, work)) for _ in range(10)]
    await settle()
    for leaver in waiting:
        leaver.cancel()
    await settle()
    work.gate.set()
    await settle()
    assert task.result() == 1
    assert len(flight) == 0


async def test_an_error_that_nobody_fetches_is_not_reported_as_lost(lost: list[str]) -> None:
    flight, work = Singleflight[int](), Work(KeyError("nobody looks"))
    gone = weakref.ref(flight.join("key", work)[0])
    work.gate.set()
    await settle()
    gc.collect()
    assert gone() is None
    assert lost == []


async def test_an_error_that_somebody_lets_go_is_reported_as_lost(lost: list[str]) -> None:
    """The test above can fail: the same error in a bare task."""
    work = Work(KeyError("nobody looks"))
    work.gate.set()
    bare = asyncio.create_task(work())
    await settle()
    del bare
    gc.collect()
    assert len(lost) == 1


@pytest.mark.parametrize("error", [None, KeyError("once")])
async def test_who_comes_after_the_end_starts_another_run(error: Exception | None) -> None:
    flight, work = Singleflight[int](), Work(error)
    first, _ = flight.join("key", work)
    work.gate.set()
    while not first.done():  # noqa: ASYNC110 - any event would be one step too late
        await asyncio.sleep(0)
    second, under_way = flight.join("key", work)
    assert not under_way
    assert second is not first
    await settle()
    assert work.runs == 2


async def test_who_wakes_up_first_starts_another_run() -> None:
    flight, work = Singleflight[int](), Work()
    again: list[bool] = []

    async def come_back() -> None:
        await joined(flight, work)
        again.append(flight.join("key", work)[1])

    waiting = [asyncio.create_task(come_back()) for _ in range(3)]
    await settle()
    work.gate.set()
    await asyncio.gather(*waiting)
    await settle()
    assert again[0] is False
    assert work.runs == 2


async def test_a_run_may_start_its_own_successor() -> None:
    flight = Singleflight[int]()

    async def last() -> int:
        return 2

    async def first() -> int:
        task, under_way = flight.join("other key", last)
        assert not under_way
        return await within(task, 20)

    assert await within(flight.join("key", first)[0], 20) == 2
    assert len(flight) == 0


async def test_a_run_that_cannot_begin_gives_its_key_back() -> None:
    flight = Singleflight[int]()

    def broken() -> Work:
        raise KeyError("no coroutine")

    async def start() -> int:
        return await broken()()

    with pytest.raises(KeyError, match="no coroutine"):
        await within(flight.join("key", start)[0], 20)
    assert len(flight) == 0


async def test_closing_drops_what_runs_and_waits_for_its_end(lost: list[str]) -> None:
    flight = Singleflight[int]()
    ending = asyncio.Event()
    ended: list[str] = []

    async def work() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await ending.wait()
            ended.append("ended")
        return 0

    task, _ = flight.join("key", work)
    await settle()
    closing = asyncio.create_task(flight.aclose())
    await settle()
    assert not closing.done()
    ending.set()
    await closing
    assert ended == ["ended"]
    assert task.cancelled()
    assert (len(flight), lost) == (0, [])


async def test_closing_drops_a_run_that_has_not_begun() -> None:
    flight, work = Singleflight[int](), Work()
    task, _ = flight.join("key", work)
    await flight.aclose()
    assert task.cancelled()
    assert (work.runs, len(flight)) == (0, 0)
    work.gate.set()
    assert await joined(flight, work) == 1  # and its key is free


async def test_closing_drops_a_run_that_starts_meanwhile(lost: list[str]) -> None:
    flight, late = Singleflight[int](), Work()
    ending = asyncio.Event()

    async def slow_to_end() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await ending.wait()
        return 0

    flight.join("slow", slow_to_end)
    await settle()
    closing = asyncio.create_task(flight.aclose())
    await settle()
    task, _ = flight.join("late", late)
    await settle()
    ending.set()
    await closing
    assert task.cancelled()
    assert (late.cancelled, len(flight), lost) == (1, 0, [])


async def test_closing_what_is_idle_does_nothing() -> None:
    flight = Singleflight[int]()
    await flight.aclose()
    await flight.aclose()
    assert len(flight) == 0


async def test_who_waits_while_it_closes_is_told() -> None:
    flight, work = Singleflight[int](), Work()
    waiting = asyncio.create_task(joined(flight, work))
    await settle()
    await flight.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting


# ---- within ----


@pytest.mark.parametrize("seconds", [0.0, -1.0, -3600.0, 0.001])
async def test_a_wait_that_is_over_leaves_the_run_alone(seconds: float) -> None:
    flight, work = Singleflight[int](), Work()
    task, _ = flight.join("key", work)
    with pytest.raises(TimeoutError):
        await within(task, seconds)
    assert not task.done()
    work.gate.set()
    assert await within(task, 20) == 1
    assert (work.runs, work.cancelled) == (1, 0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 20.0])
async def test_what_is_done_needs_no_wait(seconds: float) -> None:
    async def quick() -> int:
        return 7

    task = asyncio.create_task(quick())
    await settle()
    assert await within(task, seconds) == 7


async def test_a_wait_passes_on_the_error_of_the_run() -> None:
    work = Work(KeyError("as it was"))
    work.gate.set()
    task = asyncio.create_task(work())
    with pytest.raises(KeyError, match="as it was"):
        await within(task, 20)
    with pytest.raises(KeyError, match="as it was"):
        await within(task, 0)


async def test_who_is_cancelled_while_waiting_leaves_the_run_alone() -> None:
    work = Work()
    task = asyncio.create_task(work())
    waiting = asyncio.create_task(within(task, 20))
    await settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    work.gate.set()
    assert await task == 1


async def test_runs_may_be_given_time_to_end_by_themselves() -> None:
    flight: Singleflight[str] = Singleflight()
    gate = asyncio.Event()

    async def run() -> str:
        await gate.wait()
        return "done"

    task, _ = flight.join("key", run)
    await flight.finish(0.01)
    assert not task.done()
    gate.set()
    await flight.finish(20)
    assert task.result() == "done"
    await flight.finish(20)
