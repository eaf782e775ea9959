"""Picture queries within the budget, which hears what each of them came to."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from gateway.budget import Outcome
from gateway.errors import (
    AvatarUnavailable,
    Disconnected,
    OverBudget,
    Refused,
    ServerError,
    TimedOut,
    Unreachable,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from gateway.budget import Budget, Priority, Turn
    from gateway.model import ContactId, PhotoUrl
    from gateway.telemetry import Telemetry


class Resolver(Protocol):
    """Learns where a contact's picture is."""

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return the signed URL; raises `AvatarUnavailable`."""


class Queries:
    """Puts queries to `resolver`, each with a turn of `budget`."""

    def __init__(self, resolver: Resolver, budget: Budget, telemetry: Telemetry) -> None:
        self._resolver = resolver
        self._budget = budget
        self._telemetry = telemetry

    def turn(self, key: str, priority: Priority) -> AbstractAsyncContextManager[Turn]:
        """Wait for the turn of the contact with this key; see `Budget.turn`."""
        return self._budget.turn(key, priority)

    async def put(self, turn: Turn, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Put the query of `turn`, and once more if that is worth it and the budget has room.

        All must be over at `until` (`time.monotonic`). Raises `AvatarUnavailable`.
        """
        try:
            try:
                source = await self._resolver(contact, refresh=refresh, until=until)
            except ServerError as failure:
                if not failure.passing or turn.probe or not await self._budget.may_retry():
                    raise
                source = await self._resolver(contact, refresh=refresh, until=until)
        except AvatarUnavailable as failure:
            await self._settle(turn, failure)
            raise
        await turn.settle(Outcome.ANSWERED)
        return source

    async def _settle(self, turn: Turn, failure: AvatarUnavailable) -> None:
        pause = failure.retry_after if isinstance(failure, OverBudget) else None
        await turn.settle(outcome_of(failure), reason=failure.reason, pause=pause)
        if isinstance(failure, Refused):
            self._telemetry.refused(str(failure))


class Asking:
    """The queries of one run: the first has a `turn` already, each other waits for its own.

    All must be over at `until` (`time.monotonic`).
    """

    def __init__(
        self, queries: Queries, turn: Turn, *, key: str, priority: Priority, until: float
    ) -> None:
        self._queries = queries
        self._turn: Turn | None = turn
        self._key = key
        self._priority = priority
        self.until = until

    async def __call__(self, contact: ContactId, *, refresh: bool) -> PhotoUrl:
        """Return the signed URL; raises `AvatarUnavailable`."""
        turn, self._turn = self._turn, None
        if turn is not None:
            return await self._put(turn, contact, refresh=refresh)
        try:
            async with (
                asyncio.timeout(self.until - time.monotonic()) as patience,
                self._queries.turn(self._key, self._priority) as another,
            ):
                patience.reschedule(None)
                return await self._put(another, contact, refresh=refresh)
        except TimeoutError:
            raise OverBudget("no query was left for a second question in time") from None

    async def _put(self, turn: Turn, contact: ContactId, *, refresh: bool) -> PhotoUrl:
        return await self._queries.put(turn, contact, refresh=refresh, until=self.until)


def outcome_of(failure: AvatarUnavailable) -> Outcome:
    """Say what a query that ended in `failure` came to, for the breaker."""
    match failure:
        case OverBudget():
            return Outcome.THROTTLED
        case Refused() | Disconnected():
            return Outcome.REFUSED
        case Unreachable() | ServerError():
            return Outcome.TROUBLE
        case TimedOut():  # about one contact only, and no sign that the API is well
            return Outcome.DROPPED
        case _:
            return Outcome.ANSWERED
