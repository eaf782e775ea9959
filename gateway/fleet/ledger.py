"""The ledger of all machines: one upstream instance is asked within one budget.

Valkey keeps it and its clock rules, so that the clocks of machines do not matter.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

from gateway.budget import Grant, LedgerStatus, Wait
from gateway.errors import FleetFailed, Reason
from gateway.fleet.scripts import script

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gateway.budget import Outcome, Rate
    from gateway.fleet.client import Fleet
    from gateway.fleet.scripts import Script

MOST_YOUNG: Final = 8
MOST_OLD: Final = 32
"""Queries in flight at a time, by age."""

RETRY_SHARE: Final = 0.1
LONGEST_PAUSE: Final = 300.0

_BEAT: Final = 1.5
_MILLISECOND: Final = 0.001

_TAKE: Final = script("ledger", "take")
_SETTLE: Final = script("ledger", "settle")
_WITHDRAW: Final = script("ledger", "withdraw")
_RETRY: Final = script("ledger", "retry")
_BEATS: Final = script("ledger", "beat")
_STATUS: Final = script("ledger", "status", flags="no-writes")


class ValkeyLedger:
    """A `gateway.budget.Ledger` over all machines; a `rate` of None sets no window.

    What a worker had in flight is forgotten 5 seconds after its death. `clock` gives Unix seconds
    in place of Valkey's own. A clock that is set ahead cannot be told from a rest: what is in the
    window is over then, once.

    All methods raise `FleetFailed`. Open it with ``async with``.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        rate: Rate | None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._worker = secrets.token_hex(8)
        windows = ((0, 0.0), (0, 0.0)) if rate is None else rate.windows
        self._rules = (self._worker, *windows[0], *windows[1])
        self._names = (f"{self._worker}:{number}" for number in count())
        self._keys = tuple(
            fleet.key("ledger", part) for part in ("state", "window", "flight", "owners", "retries")
        )
        self._held: set[str] = set()
        self._heart: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._heart = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._heart.cancel()
        await asyncio.wait((self._heart,))

    async def take(self, *, young: float) -> Grant | Wait:
        """Note a query if it may be put now; see `gateway.budget.Ledger`."""
        name = next(self._names)
        answer = await self._run(_TAKE, name, young, MOST_YOUNG, MOST_OLD)
        match answer:
            case [b"grant", int(probe)]:
                self._held.add(name)
                return Grant(name, probe=bool(probe))
            case [b"wait", bytes(seconds), bytes(why)]:
                return Wait(max(_seconds(seconds), _MILLISECOND), _reason(why))
        raise _unreadable()

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        """Note what a query came to; see `gateway.budget.Ledger`."""
        self._held.discard(grant.id)
        asked = min(pause, LONGEST_PAUSE) if pause is not None and pause > 0 else ""
        await self._run(_SETTLE, grant.id, outcome, reason or Reason.UPSTREAM, asked)

    async def withdraw(self, grant: Grant) -> None:
        """Give back a grant for a query that was not put."""
        self._held.discard(grant.id)
        await self._run(_WITHDRAW, grant.id)

    async def may_retry(self) -> bool:
        """Note one retry if it may be put; it needs room in the window like any query."""
        return bool(await self._run(_RETRY, next(self._names), RETRY_SHARE) == 1)

    async def status(self) -> LedgerStatus:
        """Say how things stand, by this machine's clock."""
        match await self._run(_STATUS):
            case [left, bytes(pause), bytes(opened), bytes(closed), int(flight)]:
                return LedgerStatus(
                    left=left if isinstance(left, int) else None,
                    paused_until=self._when(pause),
                    open_since=self._when(opened),
                    open_until=self._when(closed),
                    in_flight=flight,
                )
        raise _unreadable()

    async def beat(self) -> None:
        """Say that this worker lives, and what it holds; done for it while it holds anything."""
        await self._run(_BEATS, *self._held)

    async def _run(self, script: Script, *arguments: str | float) -> Any:  # noqa: ANN401 - what scripts give
        now = "" if self._clock is None else self._clock()
        return await self._fleet.run(script, self._keys, now, *self._rules, *arguments)

    async def _beat(self) -> None:
        """Say that this worker lives while it holds anything."""
        while True:
            await asyncio.sleep(_BEAT)
            if self._held:
                with suppress(FleetFailed):
                    await self.beat()

    def _when(self, seconds: bytes) -> float | None:
        now = time.time() if self._clock is None else self._clock()
        return now + _seconds(seconds) if seconds else None


def _seconds(text: bytes) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise _unreadable() from None
    if not math.isfinite(seconds):
        raise _unreadable()
    return seconds


def _reason(text: bytes) -> Reason:
    try:
        return Reason(text.decode())
    except ValueError:
        return Reason.UPSTREAM


def _unreadable() -> FleetFailed:
    return FleetFailed("Valkey gave an answer that is none")
