"""A ledger and back-offs for one process on its own."""

from __future__ import annotations

import secrets
import time
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from gateway.budget.records import Condition
from gateway.budget.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.budget.backoffs import Backoff
    from gateway.budget.ledger import Grant, LedgerStatus, Outcome, Wait
    from gateway.budget.rate import Rate
    from gateway.errors import Reason


class MemoryRecords:
    """Records in lists, oldest first."""

    def __init__(self) -> None:
        self.condition = Condition()
        self._queries: list[float] = []
        self._retries: list[float] = []
        self._flying: dict[str, float] = {}

    def newest(self, number: int) -> float | None:
        """See `Records`."""
        return self._queries[-number] if number <= len(self._queries) else None

    def count(self, after: float, *, retries: bool = False) -> int:
        """See `Records`."""
        times = self._retries if retries else self._queries
        return len(times) - bisect_right(times, after)

    def put(self, when: float, *, retry: bool = False) -> None:
        """See `Records`."""
        self._queries.append(when)
        if retry:
            self._retries.append(when)

    def unput(self, when: float) -> None:
        """See `Records`."""
        if when in self._queries:
            self._queries.remove(when)

    def forget(self, before: float, after: float) -> None:
        """See `Records`."""
        for times in (self._queries, self._retries):
            del times[bisect_right(times, after) :]
            del times[: bisect_left(times, before)]

    def begin(self, grant: str, when: float) -> None:
        """See `Records`."""
        self._flying[grant] = when

    def end(self, grant: str) -> float | None:
        """See `Records`."""
        return self._flying.pop(grant, None)

    def is_flying(self, grant: str) -> bool:
        """See `Records`."""
        return grant in self._flying

    def flying(self, after: float) -> tuple[int, int]:
        """See `Records`."""
        young = sum(since > after for since in self._flying.values())
        return young, len(self._flying) - young

    def shift(self, seconds: float) -> None:
        """Follow a clock that was moved."""
        self._queries = [when + seconds for when in self._queries]
        self._retries = [when + seconds for when in self._retries]
        self._flying = {grant: since + seconds for grant, since in self._flying.items()}
        self.condition.shift(seconds)


class MemoryLedger:
    """A ledger that only this process knows; `clock` gives Unix seconds, `ticks` monotonic ones."""

    def __init__(
        self,
        rate: Rate | None,
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = Rules(rate)
        self._records = MemoryRecords()
        self._clock = clock
        self._ticks = ticks

    async def take(self, *, young: float) -> Grant | Wait:
        """See `Ledger`."""
        grant = secrets.token_hex(8)
        return self._rules.take(self._records, self._now(), young=young, grant=grant)

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        """See `Ledger`."""
        now = self._now()
        self._rules.settle(self._records, now, grant.id, outcome, reason=reason, pause=pause)

    async def withdraw(self, grant: Grant) -> None:
        """See `Ledger`."""
        self._now()
        self._rules.withdraw(self._records, grant.id)

    async def may_retry(self) -> bool:
        """See `Ledger`."""
        return self._rules.may_retry(self._records, self._now())

    async def status(self) -> LedgerStatus:
        """See `Ledger`."""
        return self._rules.status(self._records, self._now())

    def note(self) -> None:
        """Count a query that another ledger granted."""
        self._records.put(self._now())

    def _now(self) -> float:
        wall, ticks = self._clock(), self._ticks()
        jump = self._records.condition.jump(wall, ticks)
        if jump:
            self._records.shift(jump)
        self._records.condition.wall, self._records.condition.ticks = wall, ticks
        return wall


class MemoryBackoffs:
    """Back-offs that only this process knows, the `capacity` most recent."""

    def __init__(self, *, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._entries: dict[str, Backoff] = {}

    async def read(self, key: str) -> Backoff | None:
        """See `SharedBackoffs`."""
        return self._entries.get(key)

    async def write(self, key: str, backoff: Backoff) -> None:
        """See `SharedBackoffs`."""
        self._entries.pop(key, None)
        self._entries[key] = backoff
        if len(self._entries) > self._capacity:
            del self._entries[next(iter(self._entries))]

    async def clear(self, key: str) -> None:
        """See `SharedBackoffs`."""
        self._entries.pop(key, None)
