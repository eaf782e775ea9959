"""What becomes of a budget whose ledger fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from gateway.budget.ledger import Grant
from gateway.errors import SharingFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.budget.ledger import Ledger, LedgerStatus, Outcome, Wait
    from gateway.budget.memory import MemoryLedger
    from gateway.errors import Reason

_REST: Final = 1.0


class ShelteredLedger:
    """The ledger `shared`; while that fails, `alone`, which has a worker's part of the rate.

    So nobody waits for a file that hangs: after a failure `shared` is left alone for a second.
    `alone` counts along, so that a failure gives no worker a fresh allowance. `tell` hears in one
    line what failed, and None when it works. Nothing raises.
    """

    def __init__(
        self,
        shared: Ledger,
        alone: MemoryLedger,
        *,
        tell: Callable[[str | None], None],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._alone = alone
        self._tell = tell
        self._ticks = ticks
        self._own: set[str] = set()
        self._rest_until = 0.0

    async def take(self, *, young: float) -> Grant | Wait:
        """See `Ledger`."""
        if self._ticks() >= self._rest_until:
            try:
                answer = await self._shared.take(young=young)
            except SharingFailed as failure:
                self._fail(failure)
            else:
                self._tell(None)
                if isinstance(answer, Grant):
                    self._alone.note()
                return answer
        own = await self._alone.take(young=young)
        if isinstance(own, Grant):
            self._own.add(own.id)
        return own

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        """See `Ledger`; `alone` learns of pauses and the breaker too."""
        await self._alone.settle(grant, outcome, reason=reason, pause=pause)
        if grant.id in self._own:
            self._own.remove(grant.id)
            return
        try:
            await self._shared.settle(grant, outcome, reason=reason, pause=pause)
        except SharingFailed as failure:
            self._fail(failure)

    async def withdraw(self, grant: Grant) -> None:
        """See `Ledger`; what `alone` counted along stays counted: that is on the safe side."""
        if grant.id in self._own:
            self._own.remove(grant.id)
            await self._alone.withdraw(grant)
            return
        try:
            await self._shared.withdraw(grant)
        except SharingFailed as failure:
            self._fail(failure)

    async def may_retry(self) -> bool:
        """See `Ledger`."""
        if self._ticks() >= self._rest_until:
            try:
                return await self._shared.may_retry()
            except SharingFailed as failure:
                self._fail(failure)
        return await self._alone.may_retry()

    async def status(self) -> LedgerStatus:
        """See `Ledger`."""
        if self._ticks() >= self._rest_until:
            try:
                return await self._shared.status()
            except SharingFailed as failure:
                self._fail(failure)
        return await self._alone.status()

    def _fail(self, failure: SharingFailed) -> None:
        self._rest_until = self._ticks() + _REST
        self._tell(str(failure))
