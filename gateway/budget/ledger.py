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
    """Counts the queries of all who share it."""

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

    async def may_retry(self) -> bool:
        """Note one retry if the last minute's queries leave room for it."""

    async def status(self) -> LedgerStatus:
        """Say how things stand."""
