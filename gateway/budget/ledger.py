"""What every ledger keeps: the queries that were put, and what they came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gateway.errors import Reason


class Outcome(StrEnum):
    """What a query came to, for the breaker."""

    ANSWERED = "answered"
    """A photo, none, or an error about this contact only."""

    TROUBLE = "trouble"
    """A connection error or 5xx; five in a row open the breaker."""

    REFUSED = "refused"
    """401, 403, 422 or a failed session probe; opens the breaker at once."""

    THROTTLED = "throttled"
    """429, rate-overlimit, 402 or a quota that is used up."""

    DROPPED = "dropped"
    """Nobody knows: whoever had the turn left before the answer. Frees the place in flight."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One query may be put; `probe` says that it is the breaker's single one."""

    id: str
    probe: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: `why` is the budget, or what opened the breaker."""

    seconds: float
    why: Reason


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """How a ledger stands; times are Unix seconds, None where nothing is in the way.

    `left` is how many queries could be put now, None without a rate.
    """

    left: int | None
    paused_until: float | None
    open_since: float | None
    open_until: float | None
    in_flight: int


class Ledger(Protocol):
    """Counts the queries of all who share it, and says when the next one may be put.

    Never more than `rate.limit` queries in any window of `rate.period` seconds and no more than a
    burst in its share of it, retries counted; without a rate only what follows holds. At most 8
    young queries in flight and 32 old ones. A pause ends at what the upstream asked for, 300 s at
    most; unasked it lasts 60 s, doubling to 300 s until a query is answered. Five troubles in a
    row or one refusal open the breaker: for 5 s nobody asks, then one probe at a time and one each
    5 s among all who share it; an answer closes it. What a process had in flight is freed within
    5 s of its death. The rules, for ledgers in this process and on this machine, are in `rules`.
    """

    async def take(self, *, young: float) -> Grant | Wait:
        """Note a query if it may be put now.

        Queries in flight for less than `young` seconds count among the 8, older ones among the 32.
        """

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        """Note what a query came to.

        `reason` is what an opened breaker gives; `pause` is how many seconds the upstream wants to
        be left alone, if it said so.
        """

    async def withdraw(self, grant: Grant) -> None:
        """Give back a grant for a query that was not put: it counts for nothing."""

    async def may_retry(self) -> bool:
        """Note one retry if the last minute's queries leave room for it."""

    async def status(self) -> LedgerStatus:
        """Say how things stand."""
