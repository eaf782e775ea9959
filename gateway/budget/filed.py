"""The ledger and the back-offs that the workers of one machine share through a file."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from gateway.budget.backoffs import Backoff
from gateway.budget.ledger import Grant
from gateway.budget.rules import Rules
from gateway.errors import Reason, SharingFailed
from gateway.flocks import hold, let_go

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gateway.budget.backoffs import SharedBackoffs
    from gateway.budget.database import Database
    from gateway.budget.ledger import LedgerStatus, Outcome, Wait
    from gateway.budget.rate import Rate
    from gateway.budget.tables import TableRecords

_LOOK: Final = 1.0


class FileLedger:
    """A ledger in `database`, shared by all processes that have the same file.

    Each process holds a file of its own for as long as it lives, and what it had in flight ends
    with it. All methods raise `SharingFailed`. Open it with ``async with``, inside the database.
    """

    def __init__(
        self,
        database: Database,
        rate: Rate | None,
        *,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._rules = Rules(rate)
        self._ticks = ticks
        self._folder = database.folder / "owners"
        self._owner = secrets.token_hex(8)
        self._life: int | None = None
        self._look_at = 0.0
        self._held: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what is in flight."""
        with suppress(SharingFailed):
            await self._database.run(self._leave)

    async def take(self, *, young: float) -> Grant | Wait:
        """See `Ledger`."""
        grant = secrets.token_hex(8)
        self._held.add(grant)
        held = frozenset(self._held)
        found: Grant | Wait | None = None

        def work(records: TableRecords, now: float) -> Grant | Wait:
            self._live(records)
            records.owner = self._owner
            # Whose answer came too late, or was lost on the way to the file, holds nothing.
            records.disown(self._owner, but=held)
            return self._rules.take(records, now, young=young, grant=grant)

        try:
            found = await self._database.run(work)
        finally:
            if not isinstance(found, Grant):
                self._held.discard(grant)
        return found

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        """See `Ledger`."""
        self._held.discard(grant.id)
        await self._database.run(
            lambda records, now: self._rules.settle(
                records, now, grant.id, outcome, reason=reason, pause=pause
            )
        )

    async def withdraw(self, grant: Grant) -> None:
        """See `Ledger`."""
        self._held.discard(grant.id)
        await self._database.run(lambda records, _: self._rules.withdraw(records, grant.id))

    async def may_retry(self) -> bool:
        """See `Ledger`."""
        return await self._database.run(self._rules.may_retry)

    async def status(self) -> LedgerStatus:
        """See `Ledger`."""
        return await self._database.run(self._rules.status)

    def _live(self, records: TableRecords) -> None:
        """Show that this process lives, and end now and then what the dead had in flight."""
        if self._life is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._life = hold(self._folder / self._owner)
        if self._ticks() < self._look_at:
            return
        self._look_at = self._ticks() + _LOOK
        files = {path.name for path in self._folder.iterdir()}
        for owner in files.union(records.owners()) - {self._owner}:
            life = hold(self._folder / owner)
            if life is not None:
                records.disown(owner)
                let_go(life, self._folder / owner)

    def _leave(self, records: TableRecords, _now: float) -> None:
        records.disown(self._owner)
        if self._life is not None:
            let_go(self._life, self._folder / self._owner)


class FileBackoffs:
    """Back-offs in `database`, and in memory as well, for when the file fails.

    `tell` hears in one line why it does, and None when it works.
    """

    def __init__(
        self,
        database: Database,
        alone: SharedBackoffs,
        *,
        tell: Callable[[str | None], None],
    ) -> None:
        self._database = database
        self._alone = alone
        self._tell = tell

    async def read(self, key: str) -> Backoff | None:
        """See `SharedBackoffs`."""
        try:
            row = await self._database.run(lambda records, _: records.backoff(key))
            found = None if row is None else Backoff(row[0], Reason(row[1]), row[2])
        except SharingFailed as failure:
            self._tell(str(failure))
            return await self._alone.read(key)
        except ValueError:  # another version's reason
            return None
        self._tell(None)
        return found

    async def write(self, key: str, backoff: Backoff) -> None:
        """See `SharedBackoffs`."""
        await self._alone.write(key, backoff)
        row = (backoff.until, str(backoff.reason), backoff.failures)
        await self._try(lambda records, _: records.put_backoff(key, *row))

    async def clear(self, key: str) -> None:
        """See `SharedBackoffs`."""
        await self._alone.clear(key)
        await self._try(lambda records, _: records.drop_backoff(key))

    async def _try(self, work: Callable[[TableRecords, float], None]) -> None:
        try:
            await self._database.run(work)
        except SharingFailed as failure:
            self._tell(str(failure))
        else:
            self._tell(None)
