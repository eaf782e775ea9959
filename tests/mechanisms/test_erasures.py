"""Erasures reach every worker of a machine, and nothing that was erased comes back."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from gateway.erasures import FileErasures
from gateway.flocks import hold, let_go
from gateway.journal import Journal
from tests.fakes import DAY, T0, Clock
from tests.processes import ROOT, environment, open_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

MAYA_KEY, LEON_KEY = "a" * 64, "b" * 64
PUBLISHES = """
import asyncio, sys
from pathlib import Path
from gateway.erasures import FileErasures

async def main():
    name, path, number = sys.argv[1:]
    async with FileErasures(Path(path), life=60, tell=lambda _: None) as erasures:
        print("ready", flush=True)
        sys.stdin.readline()
        for each in range(int(number)):
            await erasures.publish(f"{int(name) * 100_000 + each:064x}")

asyncio.run(main())
"""


class Machine:
    """Workers of one machine with one pair of clocks; what they tell goes to `told`."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.path = folder / "erasures"
        self.wall = Clock()
        self.ticks = Clock(5000.0)
        self.told: list[str | None] = []
        self._stack = stack

    async def worker(self, *, capacity: int = 64) -> FileErasures:
        erasures = FileErasures(
            self.path,
            life=60.0,
            tell=self.told.append,
            clock=self.wall,
            ticks=self.ticks,
            capacity=capacity,
        )
        return await self._stack.enter_async_context(erasures)

    def pass_by(self, seconds: float) -> None:
        self.wall.advance(seconds)
        self.ticks.advance(seconds)


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with AsyncExitStack() as stack:
        yield Machine(tmp_path, stack)


async def noticed(condition: Callable[[], bool], *, machine: Machine | None = None) -> None:
    """Wait for what a worker does behind its callers; half a second passes on its clocks."""
    if machine is not None:
        machine.pass_by(0.51)
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.005)


def key(number: int) -> str:
    return f"{number:064x}"


async def test_nothing_is_heard_while_nobody_is_erased(machine: Machine) -> None:
    worker = await machine.worker()
    assert list(worker.since()) == []
    assert not worker.lost()
    assert not worker.erased_after(MAYA_KEY, T0 - 10)


async def test_every_worker_hears_of_an_erasure_and_once(machine: Machine) -> None:
    workers = [await machine.worker() for _ in range(4)]
    await workers[0].publish(MAYA_KEY)
    for worker in workers:
        assert set(worker.since()) == {MAYA_KEY}
        assert list(worker.since()) == []
        assert not worker.lost()


async def test_the_worker_that_erases_is_told_before_anybody_else(machine: Machine) -> None:
    worker = await machine.worker()
    publishing = asyncio.create_task(worker.publish(MAYA_KEY))
    await asyncio.sleep(0)
    assert list(worker.since()) == [MAYA_KEY]
    assert worker.erased_after(MAYA_KEY, T0)
    await publishing


async def test_erasures_are_heard_in_their_order(machine: Machine) -> None:
    one, other = await machine.worker(), await machine.worker()
    for number in range(20):
        await one.publish(key(number))
    assert list(other.since()) == [key(number) for number in range(20)]


async def test_a_worker_that_starts_late_has_missed_nothing(machine: Machine) -> None:
    early = await machine.worker()
    await early.publish(MAYA_KEY)
    late = await machine.worker()
    assert list(late.since()) == []
    assert not late.lost()
    await early.publish(LEON_KEY)
    assert list(late.since()) == [LEON_KEY]


async def test_the_journal_goes_round_and_nobody_misses_a_turn(machine: Machine) -> None:
    one, other = await machine.worker(capacity=8), await machine.worker(capacity=8)
    heard: list[str] = []
    for number in range(100):
        await one.publish(key(number))
        if number % 5 == 0:
            heard += other.since()
    heard += other.since()
    assert heard == [key(number) for number in range(100)]
    assert not other.lost()


@pytest.mark.parametrize(("erased", "lost"), [(7, False), (8, True), (9, True), (30, True)])
async def test_a_worker_that_lags_behind_the_journal_must_drop_everything(
    machine: Machine, erased: int, *, lost: bool
) -> None:
    one, other = await machine.worker(capacity=8), await machine.worker(capacity=8)
    for number in range(erased):
        await one.publish(key(number))
    heard = list(other.since())
    assert heard == ([] if lost else [key(number) for number in range(erased)])
    assert other.lost() == lost
    assert not other.lost()
    await one.publish(MAYA_KEY)
    assert list(other.since()) == [MAYA_KEY]


async def test_a_worker_that_missed_some_puts_back_nobody_who_may_be_among_them(
    machine: Machine,
) -> None:
    one, other = await machine.worker(capacity=8), await machine.worker(capacity=8)
    machine.pass_by(10)
    for number in range(9):
        await one.publish(key(number))
    assert other.erased_after(MAYA_KEY, T0 + 5)
    machine.pass_by(5)
    assert not other.erased_after(MAYA_KEY, T0 + 11)


@pytest.mark.parametrize(
    ("began", "erased"), [(-10.0, True), (0.0, True), (0.1, False), (30.0, False)]
)
async def test_a_run_that_began_before_an_erasure_must_not_put_a_photo_back(
    machine: Machine, began: float, *, erased: bool
) -> None:
    one, other = await machine.worker(), await machine.worker()
    await one.publish(MAYA_KEY)
    machine.pass_by(40)
    for worker in (one, other):
        assert worker.erased_after(MAYA_KEY, T0 + began) == erased
        assert not worker.erased_after(LEON_KEY, T0 + began)


async def test_asking_about_one_contact_takes_no_news_from_the_hits(machine: Machine) -> None:
    one, other = await machine.worker(), await machine.worker()
    await one.publish(MAYA_KEY)
    assert other.erased_after(MAYA_KEY, T0)
    assert list(other.since()) == [MAYA_KEY]


async def test_a_tombstone_outlives_any_run_and_then_goes(machine: Machine) -> None:
    worker = await machine.worker()
    await worker.publish(MAYA_KEY)
    machine.pass_by(59)
    assert worker.erased_after(MAYA_KEY, T0 - 1)
    machine.pass_by(2)
    assert not worker.erased_after(MAYA_KEY, T0 - 1)
    for number in range(2000):
        await worker.publish(key(number))
        machine.pass_by(1)
    assert len(worker._tombstones) <= 61  # noqa: SLF001 - memory is bounded


@pytest.mark.parametrize("jump", [-DAY, DAY])
async def test_no_moved_clock_brings_a_photo_back(machine: Machine, jump: float) -> None:
    """The run began before the erasure; the clock is moved between any two of the three."""
    worker = await machine.worker()
    machine.pass_by(10)
    await worker.publish(MAYA_KEY)
    machine.wall.advance(jump)
    assert worker.erased_after(MAYA_KEY, T0 + 5)
    began = machine.wall()
    machine.wall.advance(jump)
    await worker.publish(LEON_KEY)
    assert worker.erased_after(LEON_KEY, began)


async def test_a_clock_that_is_set_back_keeps_no_later_run_from_its_photo(
    machine: Machine,
) -> None:
    worker = await machine.worker()
    await worker.publish(MAYA_KEY)
    machine.wall.advance(-DAY)
    assert worker.erased_after(MAYA_KEY, machine.wall() - 1)
    machine.pass_by(1)
    assert not worker.erased_after(MAYA_KEY, machine.wall())


async def test_whoever_does_not_look_for_long_drops_everything(machine: Machine) -> None:
    worker = await machine.worker(capacity=8)
    for number in range(10):
        await worker.publish(key(number))
    worker.since()
    assert worker.lost()


def cut(path: Path) -> None:
    """Replaced by a shorter file, as a copy that went wrong."""
    short = path.with_name("short")
    short.write_bytes(path.read_bytes()[:5000])
    short.replace(path)


def overwrite_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * 64)


def remove(path: Path) -> None:
    path.unlink()


def another_capacity(path: Path) -> None:
    path.unlink()
    Journal(path, capacity=8).close()


@pytest.mark.parametrize(
    "damage", [cut, overwrite_head, remove, another_capacity], ids=lambda damage: damage.__name__
)
async def test_a_damaged_journal_is_replaced_and_all_drop_everything(
    machine: Machine, damage: Callable[[Path], None]
) -> None:
    one, other = await machine.worker(), await machine.worker()
    await one.publish(MAYA_KEY)
    damage(machine.path)
    lost = {"one": False, "other": False}

    def both() -> bool:
        one.since(), other.since()
        lost["one"] |= one.lost()
        lost["other"] |= other.lost()
        return all(lost.values())

    await one.publish(LEON_KEY)
    machine.pass_by(0.51)
    await noticed(both)
    while key(7) not in other.since():  # it may have to look again for the new file
        machine.pass_by(0.51)
        await one.publish(key(7))


async def test_a_journal_that_cannot_be_opened_leaves_a_worker_on_its_own_until_it_can(
    machine: Machine,
) -> None:
    machine.path.mkdir()
    worker = await machine.worker()
    assert machine.told == ["the runtime directory failed (IsADirectoryError)"]
    await worker.publish(MAYA_KEY)
    assert list(worker.since()) == [MAYA_KEY]
    assert worker.erased_after(MAYA_KEY, T0)
    machine.path.rmdir()
    other = await machine.worker()
    machine.pass_by(0.51)
    worker.since()
    await noticed(lambda: MAYA_KEY in other.since())
    assert machine.told[-1] is None


async def test_a_stopped_writer_delays_an_erasure_and_loses_none(machine: Machine) -> None:
    one, other = await machine.worker(), await machine.worker()
    lock = hold(machine.path)
    assert lock is not None
    began = time.monotonic()
    await one.publish(MAYA_KEY)
    await one.publish(LEON_KEY)
    assert time.monotonic() - began < 0.4
    assert list(other.since()) == []
    os.close(lock)

    def heard() -> bool:
        machine.pass_by(0.51)
        one.since()
        news.update(other.since())
        return news == {MAYA_KEY, LEON_KEY}

    news = set[str]()
    await noticed(heard)


async def test_more_than_the_journal_holds_makes_all_drop_everything(machine: Machine) -> None:
    one, other = await machine.worker(capacity=8), await machine.worker(capacity=8)
    lock = hold(machine.path)
    assert lock is not None
    for number in range(20):
        await one.publish(key(number))
    assert len(one._untold) == 8  # noqa: SLF001 - memory is bounded
    os.close(lock)

    def lost() -> bool:
        machine.pass_by(0.51)
        one.since()
        other.since()
        return other.lost()

    await noticed(lost)


async def test_the_journal_is_for_this_user_alone(machine: Machine) -> None:
    await machine.worker()
    assert stat.S_IMODE(machine.path.stat().st_mode) == 0o600
    assert [path.name for path in machine.path.parent.iterdir()] == ["erasures"]


async def test_fifty_rounds_leave_no_descriptor(tmp_path: Path) -> None:
    async def round_trip() -> None:
        async with FileErasures(tmp_path / "erasures", life=60, tell=lambda _: None) as worker:
            await worker.publish(MAYA_KEY)

    await round_trip()
    files = open_files()
    for _ in range(50):
        await round_trip()
    assert open_files() <= files


@pytest.fixture
def publishers(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Four processes that are ready to erase 500 contacts each."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHES, str(name), str(tmp_path / "erasures"), "500"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in range(4)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()


async def test_four_processes_erase_at_once_and_all_is_heard(
    tmp_path: Path, publishers: list[subprocess.Popen[bytes]]
) -> None:
    """One of them is killed in the middle; what it has told is heard too, without a hole."""
    heard = set[str]()
    async with FileErasures(tmp_path / "erasures", life=60, tell=lambda _: None) as worker:
        for process in publishers:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        while len(heard) < 100:
            heard.update(worker.since())
            await asyncio.sleep(0.001)
        publishers[0].kill()
        for process in publishers:
            await asyncio.to_thread(process.wait)
        heard.update(worker.since())
        assert not worker.lost()
    wanted = {key(name * 100_000 + each) for name in (1, 2, 3) for each in range(500)}
    assert wanted <= heard
    first = sorted(int(each, 16) for each in heard - wanted)
    assert first == list(range(len(first)))


def test_a_writer_that_is_killed_before_it_has_told_has_told_nothing(tmp_path: Path) -> None:
    """The record lies in its slot, the generation does not count it: the next one takes it."""
    path = tmp_path / "erasures"
    journal = Journal(path, capacity=8)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x01" * 40)
    assert journal.generation[0] == 0
    journal.append([(MAYA_KEY, T0)])
    assert journal.generation[0] == 1
    assert journal.read(0, 1) == [(MAYA_KEY, T0)]
    let_go(hold(path) or -1, path)
    journal.close()
    assert journal.generation[0] == 1
