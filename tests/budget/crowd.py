"""Several worker processes with one budget."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from tests.processes import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from gateway.budget import Rate


class Crowd:
    """Workers that begin together; `lines` is all they say, in the order in which they say it."""

    def __init__(self, path: Path, rate: Rate, *, workers: int, contacts: int) -> None:
        self.lines: list[str] = []
        self._path = path
        self.processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.budget.worker", str(path)),
                    *(str(rate.limit), str(rate.period), str(contacts), str(number)),
                ],
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(workers)
        ]
        self._readers = [
            threading.Thread(target=self._read, args=(process,)) for process in self.processes
        ]

    def __enter__(self) -> Self:
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process, reader in zip(self.processes, self._readers, strict=True):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process, reader in zip(self.processes, self._readers, strict=True):
            if kind is not None:
                process.kill()
            process.wait()
            reader.join()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.lines.extend(line.strip() for line in process.stdout)

    def wait(self) -> None:
        for process, reader in zip(self.processes, self._readers, strict=True):
            process.wait()
            reader.join()

    def put(self) -> list[float]:
        """When queries of the last minute were put, by the file's own word."""
        with closing(sqlite3.connect(self._path)) as file:
            return [put for (put,) in file.execute("SELECT put FROM queries ORDER BY put")]


def closest(times: list[float], number: int) -> float:
    """The shortest time in which more than `number` queries were put."""
    return min(late - early for early, late in zip(times, times[number:], strict=False))
