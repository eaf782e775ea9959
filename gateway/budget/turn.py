"""What whoever has waited holds: the right to put one query."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from gateway.budget.ledger import Grant, Ledger, Outcome
    from gateway.errors import Reason


class Turn:
    """The right to put one query, which is to be settled with what it came to."""

    def __init__(self, grant: Grant, ledger: Ledger, *, ended: asyncio.Event) -> None:
        self._grant = grant
        self._ledger = ledger
        self._ended = ended
        self.settled = False

    @property
    def probe(self) -> bool:
        """Whether this is the one query that finds out for all whether the upstream is back."""
        return self._grant.probe

    async def settle(
        self, outcome: Outcome, *, reason: Reason | None = None, pause: float | None = None
    ) -> None:
        """Note what the query came to; only the first word counts.

        `reason` is what viewers are told while the breaker is open; `pause` how many seconds the
        upstream wants to be left alone, if it said so.
        """
        if not self.settled:
            self.settled = True
            await self._ledger.settle(self._grant, outcome, reason=reason, pause=pause)
            self._ended.set()

    async def withdraw(self) -> None:
        """Give the turn back: the query is not put, and counts for nothing."""
        if not self.settled:
            self.settled = True
            await self._ledger.withdraw(self._grant)
            self._ended.set()
