"""Several APIs in order: the next is asked only after an error, and "none" is final.

Each has a budget and a breaker of its own. One that may not be asked now, because its budget is
empty, it wants to be left alone or its breaker is open, counts as one that failed.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from gateway.errors import AvatarUnavailable, Disconnected, NoPhoto, Refused
from gateway.queries import in_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.budget import Priority
    from gateway.model import ContactId, PhotoUrl
    from gateway.queries import Queries, Query


class Chain:
    """A way to the upstream over `links`, the first of which is preferred; see `Way`."""

    def __init__(self, links: Sequence[Queries]) -> None:
        self._links = tuple(links)

    @asynccontextmanager
    async def turn(self, key: str, priority: Priority) -> AsyncIterator[Chained]:
        """Have the turn of the first link that can be asked now, or else of any, when it comes.

        If all breakers are open, raises what the first one's raises.
        """
        async with AsyncExitStack() as stack:
            number, query = await self._enter(stack, key, priority)
            yield Chained(self._links, number, query, key=key, priority=priority)

    def hurry(self, key: str) -> None:
        """Let a contact that waits come as a viewer's, wherever it waits."""
        for link in self._links:
            link.budget.hurry(key)

    def waits(self, key: str) -> bool:
        """Whether the contact stands in a waiting list."""
        return any(link.budget.waits(key) for link in self._links)

    def expected(self, key: str) -> float:
        """At least so many seconds until the contact's turn, whichever link it comes from."""
        budgets = [link.budget for link in self._links]
        waiting = [budget for budget in budgets if budget.waits(key)]
        return min(budget.expected(key) for budget in waiting or budgets)

    async def _enter(
        self, stack: AsyncExitStack, key: str, priority: Priority
    ) -> tuple[int, Query]:
        for number, link in enumerate(self._links):
            with suppress(AvatarUnavailable):
                turn = link.turn(key, priority, at_once=True)
                return number, await stack.enter_async_context(turn)
        return await self._race(stack, key, priority)

    async def _race(self, stack: AsyncExitStack, key: str, priority: Priority) -> tuple[int, Query]:
        """Wait in every list; turns that come beside the first one are given back."""
        racers = [asyncio.create_task(_entered(link, key, priority)) for link in self._links]
        losers, running = list(racers), set(racers)
        try:
            while running:
                _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                winner = next((each for each in racers if _has_won(each)), None)
                if winner is not None:
                    held, query = winner.result()
                    stack.push_async_exit(held)
                    losers.remove(winner)
                    return racers.index(winner), query
            held, query = racers[0].result()  # raises
            return 0, query
        finally:
            await _give_back(losers)


class Chained:
    """The right to put one query to a link of a chain, and after an error to those behind it."""

    def __init__(
        self, links: Sequence[Queries], number: int, query: Query, *, key: str, priority: Priority
    ) -> None:
        self._links = links
        self._number = number
        self._query = query
        self._key = key
        self._priority = priority

    @property
    def probe(self) -> bool:
        """See `Right`; it is that of the link that was asked last."""
        return self._query.probe

    async def withdraw(self) -> None:
        """See `Right`."""
        await self._query.withdraw()

    async def put(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Ask one link after the other until one of them knows, each for its share of the time.

        Raises the gravest of the errors. Who ``me`` is only the first link can say: for others
        that is another account.
        """
        links = self._links[:1] if contact.is_me else self._links
        first = self._number if self._number < len(links) else 0
        if first != self._number:
            await self._query.withdraw()
        failures: list[AvatarUnavailable] = []
        missed: list[AvatarUnavailable] = []
        for number in range(first, len(links)):
            now = time.monotonic()
            end = now + (until - now) / (len(links) - number)
            async with AsyncExitStack() as stack:
                if number != self._number:
                    try:
                        turn = in_time(links[number].turn(self._key, self._priority), end)
                        self._query = await stack.enter_async_context(turn)
                    except AvatarUnavailable as failure:
                        missed.append(failure)
                        continue
                try:
                    return await self._query.put(contact, refresh=refresh, until=end)
                except NoPhoto:
                    raise
                except AvatarUnavailable as failure:
                    failures.append(failure)
        raise _gravest(failures or missed)


def _gravest(failures: Sequence[AvatarUnavailable]) -> AvatarUnavailable:
    """What the contact is left alone for: rather its own fault than that of an API for all.

    Else it would be asked about again with every probe of that API's breaker.
    """
    own = [each for each in failures if not isinstance(each, Refused | Disconnected)]
    return (own or failures)[0]


async def _entered(link: Queries, key: str, priority: Priority) -> tuple[AsyncExitStack, Query]:
    stack = AsyncExitStack()
    return stack, await stack.enter_async_context(link.turn(key, priority))


def _has_won(racer: asyncio.Task[tuple[AsyncExitStack, Query]]) -> bool:
    return racer.done() and not racer.cancelled() and racer.exception() is None


async def _give_back(racers: Sequence[asyncio.Task[tuple[AsyncExitStack, Query]]]) -> None:
    for racer in racers:
        racer.cancel()
    for found in await asyncio.gather(*racers, return_exceptions=True):
        if isinstance(found, tuple):
            held, query = found
            await query.withdraw()
            await held.aclose()
