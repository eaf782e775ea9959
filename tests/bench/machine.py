"""What the operating system tells of processes: their CPU time, their memory, their cores."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")

CORES: Final = sorted(os.sched_getaffinity(0))
SERVED: Final = CORES[0]
"""The core that every server has to itself; whoever asks it runs on another, if there is one."""

ASKING: Final = CORES[-1]


def pinned(cores: list[int], command: list[str]) -> list[str]:
    """`command`, on `cores` alone."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for each in found:
        found += _children(each)
    return found


def cpu(pid: int) -> float:
    """Seconds of processor time that a process and all below it have used, ended ones included."""
    return sum(_seconds(each) for each in tree(pid))


def command(pid: int) -> bytes:
    """The command line that a process was started with; nothing if it has ended."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def memory(pid: int) -> float:
    """MiB that a process alone answers for: its own pages, and its share of common ones (PSS)."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0.0
    return (
        next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
    )


def description() -> dict[str, str]:
    """The machine, as far as figures depend on it."""
    model = next(
        (line.split(": ")[1] for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return {
        "processor": model.strip(),
        "cores": str(len(CORES)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _children(pid: int) -> Iterator[int]:
    for task in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            yield from map(int, task.read_text().split())
        except OSError:
            continue


def _seconds(pid: int) -> float:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0.0
    # Behind the name, which may hold anything: user, system, and both of ended children.
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
