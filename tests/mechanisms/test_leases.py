"""One run for a contact at a time, over tasks and processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.flocks import hold
from gateway.leases import FileLeases
from tests.processes import ROOT, environment, open_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from gateway.leases import Leases

MAYA_KEY, LEON_KEY = "a" * 64, "b" * 64
HOLDS = """
import asyncio, sys
from pathlib import Path
from gateway.leases import FileLeases

async def main():
    async with FileLeases(Path(sys.argv[1]), tell=lambda _: None, patience=30) as leases:
        async with leases.lease(sys.argv[2], patience=30) as lease:
            print(lease.held, flush=True)
            await asyncio.sleep(600)

asyncio.run(main())
"""


@asynccontextmanager
async def file_leases(folder: Path) -> AsyncIterator[FileLeases]:
    async with FileLeases(folder / "locks", tell=lambda _: None, patience=10) as opened:
        yield opened


LEASES: dict[str, Callable[[Path], AbstractAsyncContextManager[Leases]]] = {"file": file_leases}
"""Every kind of leases that must keep the contract; another one is another line."""


@pytest.fixture(params=LEASES)
def kind(request: pytest.FixtureRequest) -> Callable[[Path], AbstractAsyncContextManager[Leases]]:
    return LEASES[request.param]


@pytest.fixture(params=LEASES)
async def leases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Leases]:
    async with LEASES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture(params=LEASES)
async def others(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Leases]:
    """Another worker's, of the same machine."""
    async with LEASES[request.param](tmp_path) as opened:
        yield opened


async def test_a_lease_that_nobody_holds_is_had_at_once(leases: Leases) -> None:
    async with leases.lease(MAYA_KEY, patience=30) as lease:
        assert (lease.held, lease.waited) == (True, False)


async def test_another_worker_waits_until_it_is_free(leases: Leases, others: Leases) -> None:
    entered: list[bool] = []

    async def wait() -> None:
        async with others.lease(MAYA_KEY, patience=30) as lease:
            entered.append(lease.held)
            assert lease.waited

    async with leases.lease(MAYA_KEY, patience=30):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.1)
        assert entered == []
    await waiting
    assert entered == [True]


async def test_another_contact_waits_for_nobody(leases: Leases, others: Leases) -> None:
    async with (
        leases.lease(MAYA_KEY, patience=30),
        others.lease(LEON_KEY, patience=30) as lease,
    ):
        assert (lease.held, lease.waited) == (True, False)


@pytest.mark.parametrize("patience", [0.2, 0.0, -1.0])
async def test_patience_runs_out(leases: Leases, others: Leases, patience: float) -> None:
    async with leases.lease(MAYA_KEY, patience=30):
        began = time.monotonic()
        async with others.lease(MAYA_KEY, patience=patience) as lease:
            assert (lease.held, lease.waited) == (False, True)
        assert time.monotonic() - began < max(patience, 0) * 2 + 0.4
    async with others.lease(MAYA_KEY, patience=30) as lease:
        assert lease.held


async def test_one_at_a_time_holds_it_of_all_who_want_it(leases: Leases, others: Leases) -> None:
    inside, most, done = 0, 0, 0

    async def run(mine: Leases) -> None:
        nonlocal inside, most, done
        async with mine.lease(MAYA_KEY, patience=30) as lease:
            assert lease.held
            inside, most = inside + 1, max(most, inside + 1)
            await asyncio.sleep(0.001)
            inside, done = inside - 1, done + 1

    await asyncio.gather(*(run(mine) for mine in (leases, others) for _ in range(10)))
    assert (most, done) == (1, 20)


async def test_a_run_that_fails_frees_it(leases: Leases, others: Leases) -> None:
    with pytest.raises(KeyError):
        async with leases.lease(MAYA_KEY, patience=30):
            raise KeyError
    async with others.lease(MAYA_KEY, patience=30) as lease:
        assert lease.held


async def test_whoever_leaves_while_waiting_holds_nothing(leases: Leases, others: Leases) -> None:
    async def wait() -> None:
        async with others.lease(MAYA_KEY, patience=30):
            raise AssertionError

    async with leases.lease(MAYA_KEY, patience=30):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.wait((waiting,))
        assert waiting.cancelled()
    async with leases.lease(MAYA_KEY, patience=30) as lease:
        assert lease.held


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds Maya's lease."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "locks"), MAYA_KEY],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"True\n"
            yield process
        finally:
            process.kill()


async def test_a_holder_that_is_killed_frees_it_at_once(
    tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    async with file_leases(tmp_path) as leases:
        async with leases.lease(MAYA_KEY, patience=0.1) as lease:
            assert not lease.held
        holder.send_signal(signal.SIGKILL)
        began = time.monotonic()
        async with leases.lease(MAYA_KEY, patience=30) as lease:
            assert lease.held
        assert time.monotonic() - began < 2


async def test_what_killed_workers_left_is_removed(
    tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    locks = tmp_path / "locks"
    async with file_leases(tmp_path) as leases, leases.lease(LEON_KEY, patience=30):
        assert {path.name for path in locks.iterdir()} == {MAYA_KEY, LEON_KEY}
        holder.kill()
        holder.wait()
        async with file_leases(tmp_path):
            pass
        assert {path.name for path in locks.iterdir()} == {LEON_KEY}
    assert list(locks.iterdir()) == []


async def test_two_thousand_rounds_leave_no_file_and_no_descriptor(tmp_path: Path) -> None:
    async with file_leases(tmp_path) as leases:
        async with leases.lease(MAYA_KEY, patience=30):
            pass
        files = open_files()
        for number in range(2000):
            async with leases.lease(f"{number:064x}", patience=30) as lease:
                assert lease.held
    assert list((tmp_path / "locks").iterdir()) == []
    assert open_files() <= files


async def test_one_task_watches_all_locks_however_many_wait(tmp_path: Path) -> None:
    keys = [f"{number:064x}" for number in range(200)]
    async with file_leases(tmp_path) as leases:
        locks = [hold(tmp_path / "locks" / key) for key in keys if await ready(tmp_path)]

        async def wait(key: str) -> bool:
            async with leases.lease(key, patience=30) as lease:
                return lease.held and lease.waited

        others = asyncio.all_tasks()
        waiting = [asyncio.create_task(wait(key)) for key in keys]
        others.update(waiting)
        async with asyncio.timeout(20):
            while asyncio.all_tasks() <= others:  # noqa: ASYNC110 - begun elsewhere
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.2)
        assert len(asyncio.all_tasks() - others) == 1
        for lock in locks:
            assert lock is not None
            os.close(lock)
        assert await asyncio.gather(*waiting) == [True] * 200


async def ready(tmp_path: Path) -> bool:
    """Wait until the folder is there."""
    while not (tmp_path / "locks").is_dir():  # noqa: ASYNC110 - made in another thread
        await asyncio.sleep(0.005)
    return True


class Told:
    """What was told of the mechanism."""

    def __init__(self) -> None:
        self.lines: list[str | None] = []

    def __call__(self, line: str | None) -> None:
        self.lines.append(line)


async def test_a_broken_folder_lets_everybody_go_on_alone(tmp_path: Path) -> None:
    told = Told()
    (tmp_path / "locks").touch()
    async with FileLeases(tmp_path / "locks", tell=told, patience=10) as leases:
        async with leases.lease(MAYA_KEY, patience=30) as lease:
            assert (lease.held, lease.waited) == (False, False)
        assert told.lines == ["the runtime directory failed (NotADirectoryError)"]
        (tmp_path / "locks").unlink()
        async with leases.lease(MAYA_KEY, patience=30) as lease:
            assert lease.held
        assert told.lines[-1] is None


async def test_a_folder_that_breaks_while_somebody_waits_ends_with_patience(tmp_path: Path) -> None:
    told = Told()
    async with FileLeases(tmp_path / "locks", tell=told, patience=10) as leases:
        assert await ready(tmp_path)
        lock = hold(tmp_path / "locks" / MAYA_KEY)
        assert lock is not None

        async def wait() -> tuple[bool, bool]:
            async with leases.lease(MAYA_KEY, patience=0.3) as lease:
                return lease.held, lease.waited

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.1)
        shutil.rmtree(tmp_path / "locks")
        (tmp_path / "locks").touch()
        assert await waiting == (False, True)
        assert "the runtime directory failed (NotADirectoryError)" in told.lines
        os.close(lock)


async def test_a_folder_that_was_tidied_away_is_made_again(tmp_path: Path) -> None:
    async with file_leases(tmp_path) as leases:
        assert await ready(tmp_path)
        shutil.rmtree(tmp_path / "locks")
        async with leases.lease(MAYA_KEY, patience=30) as lease:
            assert lease.held


async def test_closing_ends_the_watch(tmp_path: Path) -> None:
    async with file_leases(tmp_path) as holding, holding.lease(MAYA_KEY, patience=30):

        async def wait(leases: FileLeases) -> None:
            async with leases.lease(MAYA_KEY, patience=0.3) as lease:
                assert not lease.held

        async with file_leases(tmp_path) as leases:
            waiting = asyncio.create_task(wait(leases))
            await asyncio.sleep(0.1)
        await waiting
