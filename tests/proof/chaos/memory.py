"""How much memory gateways take while they are disturbed, minute by minute.

Workers come and go, so what is looked at is the whole of a gateway: its server and its workers,
pages that they share counted once (PSS, from Linux). A moment in which one worker is missing, or
one too many, tells nothing and is left out; of each minute the median is taken, and of the minutes
the median of the slopes between any two (Theil and Sen), which no single odd minute moves.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.workers import workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.processes import Running

EVERY: Final = 2.0
"""Seconds between two looks."""

WARMING: Final = 1
"""Minutes in which everything is done for the first time, and that do not count."""


class Memory:
    """Samples of gateways that have `number` workers each; call `watch` while it matters."""

    def __init__(self, served: Sequence[Running], *, number: int = 2) -> None:
        self._served = served
        self._number = number
        self._minutes: list[list[int]] = []
        self._servers: list[list[int]] = []

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        began = time.monotonic()
        while True:
            minute = int((time.monotonic() - began) / 60)
            if len(self._minutes) <= minute:
                self._minutes.append([])
                self._servers.append([])
            found = [_taken(each, self._number) for each in self._served]
            whole = [each for each in found if each is not None]
            if len(whole) == len(found):
                self._minutes[minute].append(sum(server + rest for server, rest in whole))
                self._servers[minute].append(sum(server for server, _ in whole))
            await asyncio.sleep(EVERY)

    @property
    def by_minute(self) -> list[float]:
        """MiB that all gateways took, minute by minute."""
        return _medians(self._minutes)

    @property
    def servers(self) -> list[float]:
        """MiB of that in the servers alone, which nobody kills."""
        return _medians(self._servers)

    def document(self) -> dict[str, object]:
        """For a report, in MiB."""
        return {
            "MiB by minute": self.by_minute,
            "MiB in servers": self.servers,
            "MiB/min": slope(self.by_minute[WARMING:]),
        }


def slope(minutes: Sequence[float]) -> float:
    """By how much it grows in a minute; 0 if there are not two of them."""
    pairs = itertools.combinations(enumerate(minutes), 2)
    slopes = [(late - early) / (then - first) for (first, early), (then, late) in pairs]
    return round(statistics.median(slopes), 2) if slopes else 0.0


def _medians(minutes: Sequence[Sequence[int]]) -> list[float]:
    return [round(statistics.median(each) / 2**20, 1) for each in minutes if each]


def _taken(served: Running, number: int) -> tuple[int, int] | None:
    """Bytes of a server and of all its workers; None if they are not all there."""
    try:
        sizes = [_proportional(pid) for pid in workers(served)]
        return (_proportional(served.process.pid), sum(sizes)) if len(sizes) == number else None
    except (OSError, StopIteration):  # one of them has just ended
        return None


def _proportional(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
