"""A ledger in a file: what killed workers, damage and a hung file system do to it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from gateway.budget import Database, FileLedger, Grant, Outcome, Rate, Wait
from gateway.errors import SharingFailed
from tests.processes import ROOT, environment, open_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.budget.places import World

RATE = Rate(30, 60.0)
TAKES_AND_HANGS = """
import asyncio, sys
from pathlib import Path
from gateway.budget import Database, FileLedger

async def main():
    async with Database(Path(sys.argv[1]), patience=30) as database:
        async with FileLedger(database, None) as ledger:
            for _ in range(8):
                await ledger.take(young=60)
            print("taken", flush=True)
            await asyncio.sleep(600)

asyncio.run(main())
"""


@asynccontextmanager
async def ledger_at(
    path: Path, rate: Rate | None = RATE, *, patience: float = 10.0
) -> AsyncIterator[FileLedger]:
    """A ledger by the real clocks."""
    async with (
        Database(path, patience=patience) as database,
        FileLedger(database, rate) as ledger,
    ):
        yield ledger


async def is_granted(ledger: FileLedger) -> bool:
    return isinstance(await ledger.take(young=3.0), Grant)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budget.db"


@pytest.fixture
def hanging_worker(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with eight queries in flight."""
    process = subprocess.Popen(
        [sys.executable, "-c", TAKES_AND_HANGS, str(path)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"taken\n"
            yield process
        finally:
            process.kill()


async def test_what_a_killed_worker_had_in_flight_is_freed(
    path: Path, hanging_worker: subprocess.Popen[bytes]
) -> None:
    async with ledger_at(path, None) as ledger:
        assert not await is_granted(ledger)
        await asyncio.sleep(1.1)
        assert not await is_granted(ledger)  # it lives
        hanging_worker.send_signal(signal.SIGKILL)
        hanging_worker.wait()
        killed = time.monotonic()
        while not await is_granted(ledger):  # noqa: ASYNC110 - a process dies, nobody says so
            await asyncio.sleep(0.05)
        assert time.monotonic() - killed < 5
        assert (await ledger.status()).in_flight == 1
        assert len(list((path.parent / "owners").iterdir())) == 1


async def test_a_ledger_that_is_closed_gives_back_what_was_in_flight(path: Path) -> None:
    async with ledger_at(path, None) as ledger:
        for _ in range(8):
            assert await is_granted(ledger)
    assert list((path.parent / "owners").iterdir()) == []
    async with ledger_at(path, None) as ledger:
        assert (await ledger.status()).in_flight == 0


async def test_a_grant_that_came_too_late_holds_nothing(world: World) -> None:
    async with (
        world.database() as database,
        FileLedger(database, None, ticks=world.ticks) as ledger,
    ):
        for _ in range(8):
            taking = asyncio.create_task(ledger.take(young=3.0))
            await asyncio.sleep(0)
            taking.cancel()
            await asyncio.wait((taking,))
        assert isinstance(await ledger.take(young=3.0), Grant)
        assert (await ledger.status()).in_flight == 1


async def test_a_settlement_that_failed_frees_its_place_at_the_next_query(path: Path) -> None:
    async with ledger_at(path, None, patience=0.2) as ledger:
        grants = [await ledger.take(young=3.0) for _ in range(8)]
        with locked(path):
            for grant in grants:
                assert isinstance(grant, Grant)
                with pytest.raises(SharingFailed):
                    await ledger.settle(grant, Outcome.ANSWERED)
        await asyncio.sleep(0.3)
        assert await is_granted(ledger)
        assert (await ledger.status()).in_flight == 1


def locked(path: Path) -> closing[sqlite3.Connection]:
    """Hold the file's lock, as a worker that was stopped in the middle."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return closing(connection)


async def test_a_stopped_worker_holds_nobody_up(path: Path) -> None:
    async with ledger_at(path, patience=0.2) as ledger:
        assert await is_granted(ledger)
        with locked(path):
            for _ in range(3):
                began = time.monotonic()
                with pytest.raises(SharingFailed):
                    await ledger.take(young=3.0)
                assert time.monotonic() - began < 0.4
        assert await eventually_granted(ledger)


async def test_the_event_loop_goes_on_while_the_file_is_locked(path: Path) -> None:
    async with ledger_at(path, patience=0.4) as ledger:
        assert await is_granted(ledger)
        with locked(path):
            taking = asyncio.create_task(ledger.take(young=3.0))
            for _ in range(50):
                await asyncio.sleep(0.001)
            assert not taking.done()
            with pytest.raises(SharingFailed):
                await taking


async def eventually_granted(ledger: FileLedger, *, tries: int = 20) -> bool:
    """Whether a query is granted before long, though one may fail meanwhile."""
    for _ in range(tries):
        try:
            return await is_granted(ledger)
        except SharingFailed:
            await asyncio.sleep(0.05)
    return False


def overwrite(path: Path) -> None:
    path.write_bytes(b"not a database, but as long as one" * 1000)


def overwrite_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def cut(path: Path) -> None:
    os.truncate(path, 5000)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def remove(path: Path) -> None:
    path.unlink()


def remove_all(path: Path) -> None:
    for file in list(path.parent.iterdir()):
        if file.is_file():
            file.unlink()


def other_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.executescript("DROP TABLE queries; CREATE TABLE queries (moon TEXT);")


def no_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.executescript("DROP TABLE queries; DROP TABLE condition; DROP TABLE flights;")


def nonsense(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.executescript("UPDATE condition SET paused_until = 'moon', throttled = NULL")


DAMAGES: list[Callable[[Path], None]] = [
    overwrite, overwrite_the_middle, cut, empty, remove, remove_all, other_tables, no_tables,
    nonsense,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("while_open", [True, False])
async def test_a_damaged_file_is_replaced(
    path: Path, damage: Callable[[Path], None], *, while_open: bool
) -> None:
    async with ledger_at(path) as ledger, ledger_at(path) as other:
        assert await is_granted(ledger)
        assert await is_granted(other)
        if while_open:
            damage(path)
            assert await eventually_granted(ledger)
            assert await eventually_granted(other)
            before = (await ledger.status()).in_flight
            assert before == (await other.status()).in_flight  # they have the same file
    if not while_open:
        damage(path)
    async with ledger_at(path) as ledger:
        assert await eventually_granted(ledger)


async def test_a_folder_that_is_gone_is_a_failure_until_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    async with ledger_at(folder / "budget.db") as ledger:
        assert await is_granted(ledger)
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(SharingFailed):
            await ledger.take(young=3.0)
        folder.mkdir()
        assert await eventually_granted(ledger)


async def test_failures_name_no_path(tmp_path: Path) -> None:
    async with ledger_at(tmp_path / "missing" / "budget.db") as ledger:
        with pytest.raises(SharingFailed) as caught:
            await ledger.take(young=3.0)
    assert str(tmp_path) not in str(caught.value)


async def test_files_are_for_this_user_alone(path: Path) -> None:
    async with ledger_at(path) as ledger:
        assert await is_granted(ledger)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.rglob("*")}
    assert modes.pop("owners") == 0o700
    assert set(modes.values()) == {0o600}


async def test_a_closed_database_leaves_no_thread_and_no_descriptor(path: Path) -> None:
    async with ledger_at(path) as ledger:
        await is_granted(ledger)
    threads, files = threading.active_count(), open_files()
    for _ in range(50):
        async with ledger_at(path) as ledger:
            await ledger.take(young=3.0)
    assert threading.active_count() == threads
    assert open_files() == files


async def test_workers_that_start_together_make_one_file(path: Path) -> None:
    async def work() -> list[Grant | Wait]:
        async with ledger_at(path) as ledger:
            return [await ledger.take(young=60.0) for _ in range(4)]

    answers = [
        answer for some in await asyncio.gather(*(work() for _ in range(8))) for answer in some
    ]
    # 32 were asked for; how many are in flight at a time depends on who closes when.
    assert sum(isinstance(answer, Grant) for answer in answers) <= 10
    assert any(isinstance(answer, Grant) for answer in answers)
