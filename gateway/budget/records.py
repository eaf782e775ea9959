"""What a ledger keeps: queries of the last while, those in flight, and its condition."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Protocol

JUMP: Final = 0.05
"""Seconds by which a wall clock may differ from monotonic time before that counts as a jump."""


@dataclass(slots=True)
class Condition:
    """What a ledger remembers beside its records; times are Unix seconds, 0 for never.

    `wall` and `ticks` are when it was last written, by both clocks; `probe` is the grant that asks
    for all while the breaker is open for `reason`.
    """

    wall: float = 0.0
    ticks: float = 0.0
    paused_at: float = 0.0
    paused_until: float = 0.0
    throttled: int = 0
    troubles: int = 0
    open_since: float = 0.0
    open_until: float = 0.0
    reason: str = ""
    probe: str = ""

    def jump(self, wall: float, ticks: float) -> float:
        """Seconds by which the wall clock was moved since the last writing; 0 if it was not.

        Monotonic time tells, as long as the machine is up; after a new start it begins anew, and
        then no more can be said than that time does not run backwards.
        """
        elapsed = ticks - self.ticks if ticks >= self.ticks else max(wall - self.wall, 0.0)
        moved = wall - self.wall - elapsed
        return moved if self.wall and abs(moved) > JUMP else 0.0

    def shift(self, seconds: float) -> None:
        """Follow a clock that was moved."""
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name != "ticks" and isinstance(value, float) and value:
                setattr(self, each.name, value + seconds)


class Records(Protocol):
    """Queries of the last while and those in flight; times are Unix seconds."""

    condition: Condition

    def newest(self, number: int) -> float | None:
        """When the `number`-th newest query was put, retries counted; None if there is none."""

    def count(self, after: float, *, retries: bool = False) -> int:
        """How many queries were put later than `after`; or how many of them were retries."""

    def put(self, when: float, *, retry: bool = False) -> None:
        """Note a query."""

    def unput(self, when: float) -> None:
        """Drop one query that was put at exactly that time, if there is one."""

    def forget(self, before: float, after: float) -> None:
        """Drop the queries put before the one time, and after the other."""

    def begin(self, grant: str, when: float) -> None:
        """Note that a query is in flight."""

    def end(self, grant: str) -> float | None:
        """Note that it no longer is, and return since when it was."""

    def is_flying(self, grant: str) -> bool:
        """Whether it is in flight."""

    def flying(self, after: float) -> tuple[int, int]:
        """How many are in flight: those begun later than `after`, and the others."""
