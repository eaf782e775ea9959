"""Calls that may hang, beside the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from gateway.aside import Aside
from gateway.errors import SharingFailed
from tests.fakes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
async def aside() -> AsyncIterator[Aside]:
    async with Aside("test", patience=10) as opened:
        yield opened


@pytest.fixture
async def hasty() -> AsyncIterator[Aside]:
    async with Aside("test", patience=0.1) as opened:
        yield opened


class Gated:
    """A call that waits in its thread until it is let go, then gives `result`."""

    def __init__(self, result: object = "done") -> None:
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.result = result

    def __call__(self) -> object:
        self.begun.set()
        assert self.gate.wait(30)
        return self.result


async def reached(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.005)


async def test_a_call_is_made_in_one_thread_that_is_not_the_loops(aside: Aside) -> None:
    first = await aside(threading.get_ident)
    assert first != threading.get_ident()
    assert await aside(threading.get_ident) == first


async def test_calls_are_made_in_their_order(aside: Aside) -> None:
    done: list[int] = []
    for number in range(50):
        aside.later(lambda number=number: done.append(number))  # type: ignore[misc]
    await aside(lambda: None)
    assert done == list(range(50))


async def test_an_error_reaches_the_caller_and_the_thread_goes_on(aside: Aside) -> None:
    def fail() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await aside(fail)
    assert await aside(lambda: 1) == 1


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError, TimeoutError])
async def test_a_file_systems_error_is_told_without_its_path(
    aside: Aside, error: type[OSError]
) -> None:
    def fail() -> None:
        raise error(0, "refused", "/secret/place")

    with pytest.raises(SharingFailed) as caught:
        await aside(fail)
    assert error.__name__ in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_nobody_waits_for_the_errors_of_what_is_done_later(aside: Aside) -> None:
    def fail() -> None:
        raise OSError

    aside.later(fail)
    assert await aside(lambda: 1) == 1


async def test_a_call_that_hangs_costs_one_wait_and_all_others_none(hasty: Aside) -> None:
    hung = Gated()
    began = time.monotonic()
    with pytest.raises(SharingFailed):
        await hasty(hung)
    assert time.monotonic() - began < 0.2
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(SharingFailed):
            await hasty(lambda: None)
    assert time.monotonic() - began < 0.2
    hung.gate.set()
    await reached(lambda: hasty._late == 0)  # noqa: SLF001 - nobody is told
    assert await hasty(lambda: "works") == "works"


async def test_a_result_that_comes_too_late_is_undone(hasty: Aside) -> None:
    hung, undone = Gated("a lock"), list[object]()
    with pytest.raises(SharingFailed):
        await hasty(hung, undo=undone.append)
    hung.gate.set()
    await reached(lambda: undone == ["a lock"])


async def test_a_call_that_was_not_begun_in_time_is_not_made(hasty: Aside) -> None:
    hung, made = Gated(), list[int]()
    hasty.later(hung)
    with pytest.raises(SharingFailed):
        await hasty(lambda: made.append(1))
    hung.gate.set()
    await reached(lambda: hasty._late == 0)  # noqa: SLF001 - nobody is told
    assert made == []


async def test_a_result_whose_caller_was_cancelled_is_undone(aside: Aside) -> None:
    slow, undone = Gated("a lock"), list[object]()
    caller = asyncio.create_task(aside(slow, undo=undone.append))
    await reached(slow.begun.is_set)
    caller.cancel()
    await asyncio.wait((caller,))
    assert aside._late == 0  # noqa: SLF001 - a leaver is no sign of a hung file system
    slow.gate.set()
    await reached(lambda: undone == ["a lock"])


async def test_a_result_that_comes_as_its_caller_is_cancelled_is_undone(aside: Aside) -> None:
    quick, undone = Gated("a lock"), list[object]()
    caller = asyncio.create_task(aside(quick, undo=undone.append))
    await reached(quick.begun.is_set)
    quick.gate.set()
    time.sleep(0.05)  # noqa: ASYNC251 - the thread ends its call while the loop stands still
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait((caller,))
    assert caller.cancelled()
    await reached(lambda: undone == ["a lock"])


async def test_closing_lets_be_done_what_was_asked_for() -> None:
    done: list[int] = []
    async with Aside("test", patience=10) as aside:
        for number in range(100):
            aside.later(lambda number=number: done.append(number))  # type: ignore[misc]
    assert len(done) == 100


async def test_closing_waits_for_no_call_that_hangs() -> None:
    hung = Gated()
    began = time.monotonic()
    async with Aside("test", patience=0.1) as aside:
        aside.later(hung)
    assert time.monotonic() - began < 0.2
    hung.gate.set()
    await settle()


async def test_a_loop_that_is_gone_is_told_nothing() -> None:
    def use() -> Gated:
        hung = Gated()

        async def call() -> None:
            async with Aside("test", patience=0.01) as aside:
                aside.later(hung)

        asyncio.run(call())
        return hung

    hung = await asyncio.to_thread(use)
    threads = threading.active_count()
    hung.gate.set()
    await reached(lambda: threading.active_count() < threads)
