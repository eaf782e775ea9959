"""The rules of a ledger, whatever keeps its records; `gateway.budget.ledger` says what they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.budget.ledger import Grant, LedgerStatus, Outcome, Wait
from gateway.budget.records import JUMP
from gateway.errors import Reason

if TYPE_CHECKING:
    from gateway.budget.rate import Rate
    from gateway.budget.records import Condition, Records

MOST_YOUNG: Final = 8
MOST_OLD: Final = 32
"""Queries in flight at a time, by age."""

TROUBLES: Final = 5
REST: Final = 5.0
"""Failures in a row that open the breaker, and the seconds that it stays so."""

FIRST_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 300.0
"""Seconds of silence after a 429."""

_MINUTE: Final = 60.0
_RETRY_SHARE: Final = 0.1
# How soon to look again for what nobody can foretell: that another query ends.
_MOMENT: Final = 0.1
_ROUNDING: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Rules:
    """`rate` is None where no window holds."""

    rate: Rate | None

    def take(self, records: Records, now: float, *, young: float, grant: str) -> Grant | Wait:
        """Note the query `grant` if it may be put now."""
        condition = self._sane(records, now)
        if condition.reason:
            rest = condition.open_until - now
            if rest > _ROUNDING:
                return Wait(rest, _reason(condition))
            if records.is_flying(condition.probe):
                return Wait(_MOMENT, _reason(condition))
        wait = self._room(records, now)
        youths, elders = records.flying(now - young)
        if youths >= MOST_YOUNG or elders >= MOST_OLD:
            wait = max(wait, _MOMENT)
        if wait > _ROUNDING:
            return Wait(wait, Reason.BUDGET)
        records.put(now)
        records.begin(grant, now)
        if condition.reason:
            condition.probe, condition.open_until = grant, now + REST
        return Grant(grant, probe=bool(condition.reason))

    def settle(
        self,
        records: Records,
        now: float,
        grant: str,
        outcome: Outcome,
        *,
        reason: Reason | None,
        pause: float | None,
    ) -> None:
        """Note what the query `grant` came to."""
        condition = records.condition
        since = records.end(grant)
        if since is None:
            since = now
        probing = bool(condition.reason) and grant == condition.probe
        match outcome:
            case Outcome.DROPPED:
                return
            case Outcome.TROUBLE:
                condition.troubles += 1
                opens = condition.troubles >= TROUBLES
            case Outcome.REFUSED:
                opens = True
            case Outcome.ANSWERED | Outcome.THROTTLED:
                condition.troubles, opens = 0, False
        if opens or (probing and outcome is Outcome.TROUBLE):
            self._open(condition, now, reason or Reason.UPSTREAM, probing=probing)
        elif probing:
            condition.reason = condition.probe = ""
        if outcome is Outcome.THROTTLED:
            self._pause(condition, now, since, pause)
        elif outcome is Outcome.ANSWERED and since >= condition.paused_at:
            condition.throttled = 0

    def withdraw(self, records: Records, grant: str) -> None:
        """Forget a query that was granted and not put."""
        since = records.end(grant)
        if since is not None:
            records.unput(since)
        condition = records.condition
        if condition.reason and grant == condition.probe:
            condition.probe, condition.open_until = "", condition.open_since

    def may_retry(self, records: Records, now: float) -> bool:
        """Note one retry if it may be put; it needs room like any other query."""
        minute = now - _MINUTE
        most = max(1, math.floor(records.count(minute) * _RETRY_SHARE))
        if records.condition.reason or records.count(minute, retries=True) >= most:
            return False
        if self._room(records, now) > _ROUNDING:
            return False
        records.put(now, retry=True)
        return True

    def status(self, records: Records, now: float) -> LedgerStatus:
        """Say how things stand."""
        condition = records.condition
        paused, is_open = condition.paused_until > now, bool(condition.reason)
        left = None
        if self.rate is not None:
            room = (most - records.count(now - span) for most, span in self._windows())
            left = max(min(room), 0)
        return LedgerStatus(
            left=0 if paused else left,
            paused_until=condition.paused_until if paused else None,
            open_since=condition.open_since if is_open else None,
            open_until=condition.open_until if is_open else None,
            in_flight=sum(records.flying(now)),
        )

    def _sane(self, records: Records, now: float) -> Condition:
        """Forget what is over, and what cannot be: that may have come from anywhere."""
        longest = max([_MINUTE, *(span for _, span in self._windows())])
        records.forget(now - longest, now + JUMP)
        condition = records.condition
        condition.paused_until = min(condition.paused_until, now + LONGEST_PAUSE)
        condition.open_until = min(condition.open_until, now + REST)
        return condition

    def _windows(self) -> tuple[tuple[int, float], ...]:
        return self.rate.windows if self.rate is not None else ()

    def _room(self, records: Records, now: float) -> float:
        """Seconds until one more query may be put."""
        wait = records.condition.paused_until - now
        for most, span in self._windows():
            put = records.newest(most)
            if put is not None:
                wait = max(wait, put + span - now)
        return wait

    def _open(self, condition: Condition, now: float, reason: Reason, *, probing: bool) -> None:
        """Open the breaker, or leave it open; what was in flight before changes nothing."""
        if condition.reason and not probing:
            return
        condition.open_since = condition.open_since if condition.reason else now
        condition.open_until, condition.reason, condition.probe = now + REST, str(reason), ""

    def _pause(self, condition: Condition, now: float, since: float, pause: float | None) -> None:
        """Pause for as long as the upstream said; it says nothing by no, or by absurd seconds."""
        if pause is None or not pause > 0:
            # Queries that were in flight together are told off together: that counts once.
            if since >= condition.paused_at:
                condition.throttled += 1
            pause = FIRST_PAUSE * 2 ** min(max(condition.throttled - 1, 0), 8)
        until = now + min(pause, LONGEST_PAUSE)
        condition.paused_at = now
        condition.paused_until = max(condition.paused_until, until)


def _reason(condition: Condition) -> Reason:
    try:
        return Reason(condition.reason)
    except ValueError:  # written by another version
        return Reason.UPSTREAM
