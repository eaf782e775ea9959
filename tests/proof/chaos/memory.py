"""How much memory gateways take while they are disturbed, minute by minute.

What is looked at is the whole of a gateway: its server and its workers, pages that they share
counted once (PSS, from Linux), without those of files, which others on the machine share too.
Where workers are killed it shows how old they are, more than whether they grow; so it matters most
where they live on, and in the servers, which nobody kills. A moment in which one worker is missing,
one too many or one just begun tells nothing and is left out. Of each minute the median is taken,
and of the minutes the median of the slopes between any two (Theil and Sen), which no odd minute
moves.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.workers import workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.processes import Running

EVERY: Final = 2.0
"""Seconds between two looks."""

WARMING: Final = 2
"""Minutes in which everything is done for the first time, and that do not count."""


SETTLED: Final = 4.0
"""Seconds after which a worker has what it needs for its first answers."""


class Memory:
    """Samples of gateways that have `number` workers each; call `watch` while it matters."""

    def __init__(self, served: Sequence[Running], *, number: int = 2) -> None:
        self._served = served
        self._number = number
        self._seen: dict[int, float] = {}
        # By gateway and minute.
        self._whole: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._server: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        began = time.monotonic()
        while True:
            minute = int((time.monotonic() - began) / 60)
            for each in self._served:
                taken = self._look(each)
                if taken is not None:
                    self._server[each.url][minute].append(taken[0])
                    self._whole[each.url][minute].append(sum(taken))
            await asyncio.sleep(EVERY)

    def _look(self, served: Running) -> tuple[int, int] | None:
        """Bytes of a server and of all its workers; None if they are not all in place."""
        now = time.monotonic()
        try:
            pids = workers(served)
            since = max(self._seen.setdefault(pid, now) for pid in pids)
            if len(pids) != self._number or now - since < SETTLED:
                return None
            return _proportional(served.process.pid), sum(map(_proportional, pids))
        except (OSError, ValueError, StopIteration):  # one of them has just ended, or all have
            return None

    def document(self, names: Sequence[str]) -> dict[str, object]:
        """For a report, in MiB: of the gateways, by their names, and of their servers."""
        found: dict[str, object] = {}
        for name, each in zip(names, self._served, strict=True):
            for part, samples in (("", self._whole[each.url]), (" server", self._server[each.url])):
                found[f"{name}{part}, by minute"] = minutes = _medians(samples)
                found[f"{name}{part}, MiB/min"] = slope(minutes[WARMING:])
        return found


def slope(minutes: Sequence[float]) -> float:
    """By how much it grows in a minute; 0 if there are not two of them."""
    pairs = itertools.combinations(enumerate(minutes), 2)
    slopes = [(late - early) / (then - first) for (first, early), (then, late) in pairs]
    return round(statistics.median(slopes), 2) if slopes else 0.0


def _medians(samples: Mapping[int, Sequence[int]]) -> list[float]:
    return [round(statistics.median(samples[minute]) / 2**20, 1) for minute in sorted(samples)]


def _proportional(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))
