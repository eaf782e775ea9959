"""What the workers of one machine share, for minutes, by the real clock."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from gateway.budget import Rate
from tests.budget.crowd import Crowd, closest
from tests.processes import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

LEASES = """
import asyncio, os, sys
from pathlib import Path
from gateway.leases import FileLeases

async def main():
    folder, inside = Path(sys.argv[1]), Path(sys.argv[2])
    async with FileLeases(folder, tell=lambda _: None, patience=60) as leases:
        for number in range(5000):
            key = f"{number % 50:064x}"
            async with leases.lease(key, patience=60) as lease:
                assert lease.held
                os.close(os.open(inside / key, os.O_CREAT | os.O_EXCL))
                (inside / key).unlink()
            if number == 100:
                files = len(os.listdir("/proc/self/fd"))
    assert len(os.listdir("/proc/self/fd")) <= files
    print("done")

asyncio.run(main())
"""


def test_twenty_thousand_leases_over_four_processes_never_meet(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LEASES, str(tmp_path / "locks"), str(tmp_path / "inside")],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    said = [process.communicate()[0] for process in processes]
    assert said == [b"done\n"] * 4
    assert list((tmp_path / "locks").iterdir()) == []


def test_thirty_a_minute_over_four_workers_one_of_which_is_killed(tmp_path: Path) -> None:
    rate, put = Rate(30, 60.0), set[float]()
    with Crowd(tmp_path / "budget.db", rate, workers=4, contacts=20) as crowd:
        began = time.monotonic()
        while any(process.poll() is None for process in crowd.processes):
            if crowd.lines:
                put.update(crowd.put())
            if time.monotonic() - began > 45:
                crowd.processes[0].send_signal(signal.SIGKILL)
            time.sleep(1)
    times = sorted(put)
    assert len(times) >= 60
    assert closest(times, 30) > 60
    assert closest(times, 10) > 20
    assert [crowd.lines.count(f"turn {number}") for number in (1, 2, 3)] == [20, 20, 20]
