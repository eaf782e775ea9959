"""Picture queries within the budget, which hears what each of them came to."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

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
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from gateway.budget import Budget, Priority, Turn
    from gateway.model import ContactId, PhotoUrl
    from gateway.telemetry import Telemetry


T = TypeVar("T")


class Resolver(Protocol):
    """Learns where a contact's picture is."""

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return the signed URL; raises `AvatarUnavailable`."""


class Right(Protocol):
    """The right to put one query."""

    @property
    def probe(self) -> bool:
        """Whether it is the one that finds out for all whether the upstream is back."""

    async def put(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Put it, once; raises `AvatarUnavailable`."""

    async def withdraw(self) -> None:
        """Give it back: nothing was asked."""


class Way(Protocol):
    """A way to the upstream, for each query with a turn."""

    def turn(self, key: str, priority: Priority) -> AbstractAsyncContextManager[Right]:
        """Wait for the turn of the contact with this key; raises `AvatarUnavailable`."""


class Queries:
    """Puts queries to `resolver`, each with a turn of `budget`."""

    def __init__(self, resolver: Resolver, budget: Budget, telemetry: Telemetry) -> None:
        self._resolver = resolver
        self.budget = budget
        self._telemetry = telemetry

    @asynccontextmanager
    async def turn(
        self, key: str, priority: Priority, *, at_once: bool = False
    ) -> AsyncIterator[Query]:
        """Wait for the turn of the contact with this key; see `Budget.turn`."""
        async with self.budget.turn(key, priority, at_once=at_once) as turn:
            yield Query(self, turn)

    async def put(self, turn: Turn, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Put the query of `turn`, and once more if that is worth it and the budget has room.

        All must be over at `until` (`time.monotonic`). Raises `AvatarUnavailable`.
        """
        try:
            try:
                source = await self._resolver(contact, refresh=refresh, until=until)
            except ServerError as failure:
                if not failure.passing or turn.probe or not await self.budget.may_retry():
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


class Query:
    """The right to put one query of `queries`; see `Right`."""

    def __init__(self, queries: Queries, turn: Turn) -> None:
        self._queries = queries
        self._turn = turn

    @property
    def probe(self) -> bool:
        """See `Right`."""
        return self._turn.probe

    async def put(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """See `Right`; all must be over at `until` (`time.monotonic`)."""
        return await self._queries.put(self._turn, contact, refresh=refresh, until=until)

    async def withdraw(self) -> None:
        """See `Right`."""
        await self._turn.withdraw()


class Asking:
    """The queries of one run: the first has its `right` already, each other waits for its own.

    All must be over at `until` (`time.monotonic`).
    """

    def __init__(
        self, way: Way, right: Right, *, key: str, priority: Priority, until: float
    ) -> None:
        self._way = way
        self._right: Right | None = right
        self._key = key
        self._priority = priority
        self.until = until

    async def __call__(self, contact: ContactId, *, refresh: bool) -> PhotoUrl:
        """Return the signed URL; raises `AvatarUnavailable`."""
        right, self._right = self._right, None
        if right is not None:
            return await right.put(contact, refresh=refresh, until=self.until)
        async with in_time(self._way.turn(self._key, self._priority), self.until) as another:
            return await another.put(contact, refresh=refresh, until=self.until)


@asynccontextmanager
async def in_time(turn: AbstractAsyncContextManager[T], until: float) -> AsyncIterator[T]:
    """Wait for `turn` until then (`time.monotonic`); raises `OverBudget` if it does not come."""
    try:
        async with asyncio.timeout(until - time.monotonic()) as patience, turn as right:
            patience.reschedule(None)
            yield right
    except TimeoutError:
        raise OverBudget("no query was left for a second question in time") from None


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
