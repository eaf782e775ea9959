"""The numbers of all workers, in memory that they and the server above them share.

Why not the multi-process mode of prometheus_client: it leaves two files for each worker there ever
was, is switched by the environment before the first import, and an increment takes four
microseconds where this takes a fifth of one. Its exposition is used (`exposition`), its counting
is not.

The server makes a `Board` before it forks; nothing has a name, so nothing is left behind. Each
worker writes into a row of its own and into no other, so there are no locks: a number is eight
aligned bytes, written at once. The row of a worker that has ended keeps its counts, and the next
worker goes on with them: so nothing is ever counted twice, and no counter goes down while the
server lives. Of gauges, only those of the living count.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from gateway.telemetry.metrics import METRICS, UNCOUNTED, WORKERS, Kind, Labels, Merge, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def _slots() -> tuple[dict[tuple[Metric, Labels], int], int]:
    """Where each series stands in a row, and how long a row is.

    A histogram takes one number a bucket, one for what is beyond, one for the sum.
    """
    slots, length = {}, 0
    for metric in METRICS:
        if metric.merge is Merge.ASKED:
            continue
        for labels in metric.series:
            slots[metric, labels] = length
            length += len(metric.buckets) + 2 if metric.kind is Kind.HISTOGRAM else 1
    return slots, length


_FOUND = _slots()
SLOTS: Final[Mapping[tuple[Metric, Labels], int]] = _FOUND[0]
LENGTH: Final = _FOUND[1]

_UNCOUNTED: Final = SLOTS[UNCOUNTED, ()]
_GAUGES: Final = {slot: m for (m, _), slot in SLOTS.items() if m.kind is Kind.GAUGE}
_WIDTH: Final = 8


class Board:
    """Rows for at most `rows` workers; the first belongs to the server."""

    def __init__(self, rows: int) -> None:
        memory = mmap.mmap(-1, (1 + rows * LENGTH) * _WIDTH)
        self._cells = memoryview(memory).cast("d")
        self._free = list(range(rows - 1, 0, -1))
        # How many rows were ever used: those who were forked earlier read it here.
        self._cells[0] = 1

    def row(self, number: int) -> memoryview[float]:
        """Return the numbers of one worker, to be written by it alone."""
        start = 1 + number * LENGTH
        return self._cells[start : start + LENGTH]

    def take(self) -> int | None:
        """Give a row to a worker that starts; None if all are taken. The server's to call."""
        if not self._free:
            return None
        number = self._free.pop()
        self._cells[0] = max(self._cells[0], number + 1)
        return number

    def give_back(self, number: int) -> bool:
        """Take back the row of a worker that has ended; True if it ended without having closed."""
        row = self.row(number)
        lost = row[SLOTS[WORKERS, ()]] > 0
        for slot in _GAUGES:
            row[slot] = 0.0
        self._free.append(number)
        return lost

    def totals(self) -> list[float]:
        """Return the numbers of all, the living and the dead."""
        rows = [self.row(number).tolist() for number in range(int(self._cells[0]))]
        totals = [sum(column) for column in zip(*rows, strict=True)]
        for slot, metric in _GAUGES.items():
            if metric.merge is Merge.MAX:
                totals[slot] = max(row[slot] for row in rows)
        return totals


class Tally:
    """What one process counts, in row `number` of `board`; without one, for itself alone."""

    def __init__(self, board: Board | None = None, number: int = 0) -> None:
        self._board = Board(1) if board is None else board
        self._cells = self._board.row(number)

    def add(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Count up."""
        self._cells[SLOTS.get((metric, labels), _UNCOUNTED)] += by

    def set(self, metric: Metric, *labels: str, to: float) -> None:
        """Say how things stand now."""
        self._cells[SLOTS[metric, labels]] = to

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Note one of many values."""
        slot, buckets = SLOTS[metric, labels], metric.buckets
        self._cells[slot + bisect_left(buckets, value)] += 1.0
        self._cells[slot + len(buckets) + 1] += value

    def totals(self) -> Sequence[float]:
        """Return the numbers of all processes, in the order of `SLOTS`."""
        return self._board.totals()
