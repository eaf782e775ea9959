"""The budget of one worker: who may put the next query, and when."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, Self

from gateway.budget.ledger import Grant, Outcome
from gateway.budget.turn import Turn
from gateway.budget.waiting import Priority, WaitingList
from gateway.errors import Disconnected, OverBudget, Reason, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from types import TracebackType

    from gateway.budget.ledger import Ledger, LedgerStatus, Wait
    from gateway.budget.rate import Rate
    from gateway.errors import AvatarUnavailable

MOST_WAITING: Final = 10_000
"""Contacts that may wait in one worker."""

SHORTEST_WAIT: Final = 0.05
"""Seconds between two questions to the ledger, unless it says yes."""

_LATENESS: Final = 0.02
_FAR: Final = 64


class Budget:
    """A waiting list in front of `ledger`, and one task that serves it.

    `young` is as in `Ledger.take`, in seconds; `rate` is the ledger's. Workers that wait for the
    same ledger come a little late at random, so that none is always first, and later with lesser
    queries, so that viewers come first wherever they wait. Open it with ``async with``.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        young: float,
        rate: Rate | None,
        capacity: int = MOST_WAITING,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = ledger
        self._young = young
        self._rate = rate
        self._capacity = capacity
        self._chance = chance
        self._list: WaitingList[asyncio.Future[Grant]] = WaitingList()
        self._pump: asyncio.Task[None] | None = None
        self._settling: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._hasty: dict[asyncio.Future[Grant], str] = {}
        self._ask_at = 0.0
        self._broken: tuple[float, Reason] = (0.0, Reason.UPSTREAM)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send away who waits, and free what is in flight."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait((self._pump,))
        for waiter in self._list.clear():
            waiter.cancel()
        while self._settling:
            await asyncio.wait(self._settling)

    @property
    def waiting(self) -> int:
        """How many contacts wait."""
        return len(self._list)

    @asynccontextmanager
    async def turn(
        self, key: str, priority: Priority, *, at_once: bool = False
    ) -> AsyncIterator[Turn]:
        """Wait for the contact's turn to be asked about, and have it while inside.

        Whoever is cancelled withdraws; a turn that is left unsettled frees its place in flight.
        Raises `OverBudget` if the list is full, or if the turn was wanted `at_once` and no query
        can be put now; and while the breaker is open at once what opened it: `UpstreamFailed`,
        `Disconnected` or `OverBudget`.
        """
        turn = self._turn(await self._wait(key, priority, at_once=at_once))
        try:
            yield turn
        finally:
            if not turn.settled:
                self._drop(turn)

    def hurry(self, key: str) -> None:
        """Let a contact that waits come as a viewer's: somebody looks at it now."""
        self._list.hurry(key, Priority.VIEWER)

    def expected(self, key: str) -> float:
        """At least so many seconds until the contact's turn, or until a new viewer's.

        What other workers take meanwhile is not known here.
        """
        now = asyncio.get_running_loop().time()
        delay = max(self._ask_at - now, 0.0)
        if self._rate is None:
            return delay
        ahead = self._list.ahead(key, most=_FAR)
        return delay + max(ahead + 1 - self._rate.burst, 0) * self._rate.pace

    def waits(self, key: str) -> bool:
        """Whether the contact stands in the waiting list."""
        return key in self._list

    async def may_retry(self) -> bool:
        """Note one more query, for one that ended in 502, 503 or 504, if it may be put."""
        return await self._ledger.may_retry()

    async def status(self) -> LedgerStatus:
        """Say how the ledger stands."""
        return await self._ledger.status()

    async def _wait(self, key: str, priority: Priority, *, at_once: bool) -> Grant:
        loop = asyncio.get_running_loop()
        until, reason = self._broken
        if loop.time() < until:
            raise _left_alone(reason)
        if at_once and loop.time() < self._ask_at:
            raise _none_now()
        waiter: asyncio.Future[Grant] = loop.create_future()
        self._list.add(key, priority, waiter)
        if at_once:
            self._hasty[waiter] = key
        if len(self._list) > self._capacity:
            _fail(self._list.drop_last(), OverBudget("too many contacts wait"))
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._serve())
        try:
            return await waiter
        except asyncio.CancelledError:
            self._list.discard(key, waiter)
            # The turn may have come in the very moment in which its waiter left.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._drop(self._turn(waiter.result()))
            raise
        finally:
            self._hasty.pop(waiter, None)

    async def _serve(self) -> None:
        """Give out what the ledger grants until nobody waits."""
        try:
            contended = False
            while self._list:
                self._ended.clear()
                answer = await self._ledger.take(young=self._young)
                if isinstance(answer, Grant):
                    self._give(answer)
                    if contended:
                        await self._step_aside()
                elif answer.why is Reason.BUDGET:
                    await self._put_off(answer)
                    contended = True
                else:
                    self._send_away(answer)
        except Exception as error:  # noqa: BLE001 - a bug is told to all who would wait for ever
            _fail(self._list.clear(), error)

    def _give(self, grant: Grant) -> None:
        self._ask_at = 0.0
        while self._list:
            waiter = self._list.pop()
            if not waiter.done():
                waiter.set_result(grant)
                return
        self._drop(self._turn(grant))  # whoever it was for has left meanwhile

    async def _put_off(self, wait: Wait) -> None:
        """Wait until the ledger may say yes: when it said so, or when a query of ours has ended."""
        for waiter, key in self._hasty.items():
            self._list.discard(key, waiter)
            _fail([waiter], _none_now())
        first = self._list.first()
        rank = Priority.VIEWER if first is None else first.priority
        late = (rank + self._chance()) * _LATENESS
        now = asyncio.get_running_loop().time()
        self._ask_at = now + max(wait.seconds + late, SHORTEST_WAIT)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._ask_at):
                await self._ended.wait()

    async def _step_aside(self) -> None:
        """Let another worker have the next query of a burst that all have waited for."""
        if self._rate is not None:
            await asyncio.sleep(self._chance() * min(_LATENESS, self._rate.pace))

    def _send_away(self, wait: Wait) -> None:
        now = asyncio.get_running_loop().time()
        self._broken = (now + wait.seconds, wait.why)
        _fail(self._list.clear(), _left_alone(wait.why))

    def _turn(self, grant: Grant) -> Turn:
        return Turn(grant, self._ledger, ended=self._ended)

    def _drop(self, turn: Turn) -> None:
        task = asyncio.get_running_loop().create_task(turn.settle(Outcome.DROPPED))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


def _fail(waiters: Iterable[asyncio.Future[Grant]], error: Exception) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(error)


def _none_now() -> OverBudget:
    return OverBudget("no query is left now")


def _left_alone(reason: Reason) -> AvatarUnavailable:
    match reason:
        case Reason.DISCONNECTED:
            return Disconnected("the instance is left alone until it is linked")
        case Reason.BUDGET:
            return OverBudget("the upstream is left alone until its patience returns")
        case _:
            return UpstreamFailed("the upstream is left alone after failures")
