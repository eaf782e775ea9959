"""One machine and the fleet as one: Valkey's word while it works, this machine's own otherwise."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from gateway.budget import Grant, Wait
from gateway.errors import FleetFailed
from gateway.leases import Lease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.budget import Backoff, Ledger, LedgerStatus, Outcome, SharedBackoffs
    from gateway.erasures import Erasures
    from gateway.errors import Reason
    from gateway.leases import Leases

_BETWEEN: Final = "/"


class JoinedLedger:
    """Both ledgers note every query, and both must grant it.

    So this machine's window holds whatever becomes of the other: when Valkey fails, comes back
    empty or is flushed, no machine puts more than its rate. A fleet that fails is passed over.
    """

    def __init__(self, fleet: Ledger, local: Ledger) -> None:
        self._fleet = fleet
        self._local = local

    async def take(self, *, young: float) -> Grant | Wait:
        """Note a query if it may be put now."""
        try:
            shared = await self._fleet.take(young=young)
        except FleetFailed:
            shared = Grant("", probe=False)
        if isinstance(shared, Wait):
            return shared
        own = await self._local.take(young=young)
        if isinstance(own, Wait):
            if shared.id:
                with suppress(FleetFailed):
                    await self._fleet.withdraw(shared)
            return own
        return Grant(shared.id + _BETWEEN + own.id, probe=shared.probe or own.probe)

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        """Note what a query came to."""
        shared, _, own = grant.id.partition(_BETWEEN)
        await self._local.settle(Grant(own, grant.probe), outcome, reason=reason, pause=pause)
        with suppress(FleetFailed):
            await self._fleet.settle(
                Grant(shared, grant.probe), outcome, reason=reason, pause=pause
            )

    async def withdraw(self, grant: Grant) -> None:
        """Give back a grant for a query that was not put."""
        shared, _, own = grant.id.partition(_BETWEEN)
        await self._local.withdraw(Grant(own, grant.probe))
        if shared:
            with suppress(FleetFailed):
                await self._fleet.withdraw(Grant(shared, grant.probe))

    async def may_retry(self) -> bool:
        """Note one retry if it may be put."""
        with suppress(FleetFailed):
            if not await self._fleet.may_retry():
                return False
        return await self._local.may_retry()

    async def status(self) -> LedgerStatus:
        """Say how things stand, over all machines if they can be asked."""
        with suppress(FleetFailed):
            return await self._fleet.status()
        return await self._local.status()


class JoinedBackoffs:
    """Written to both; the fleet's word counts while it gives one."""

    def __init__(self, fleet: SharedBackoffs, local: SharedBackoffs) -> None:
        self._fleet = fleet
        self._local = local

    async def read(self, key: str) -> Backoff | None:
        """Return the last one of the contact, even if it is over."""
        with suppress(FleetFailed):
            return await self._fleet.read(key)
        return await self._local.read(key)

    async def write(self, key: str, backoff: Backoff) -> None:
        """Replace the contact's."""
        await self._local.write(key, backoff)
        with suppress(FleetFailed):
            await self._fleet.write(key, backoff)

    async def clear(self, key: str) -> None:
        """Forget the contact's."""
        await self._local.clear(key)
        with suppress(FleetFailed):
            await self._fleet.clear(key)


class JoinedLeases:
    """First the machine's lease, then the fleet's: one worker of a machine asks Valkey."""

    def __init__(self, fleet: Leases, local: Leases) -> None:
        self._fleet = fleet
        self._local = local

    @asynccontextmanager
    async def lease(self, key: str, *, patience: float) -> AsyncIterator[Lease]:
        """Hold the lease of the contact while inside; wait `patience` seconds at most."""
        until = time.monotonic() + patience
        async with self._local.lease(key, patience=patience) as own:
            left = max(until - time.monotonic(), 0)
            async with self._fleet.lease(key, patience=left) as shared:
                # Not held and not waited for: Valkey fails, and the machine's lease must do.
                alone = not shared.held and not shared.waited
                yield Lease(
                    held=own.held and (shared.held or alone), waited=own.waited or shared.waited
                )


class JoinedErasures:
    """Told to the machine first, then to the fleet, and heard from both."""

    def __init__(self, fleet: Erasures, local: Erasures) -> None:
        self._fleet = fleet
        self._local = local

    async def publish(self, key: str) -> None:
        """Tell everybody."""
        await self._local.publish(key)
        await self._fleet.publish(key)

    def since(self) -> Sequence[str]:
        """Return what was erased since the last call; a contact may come twice."""
        near, far = self._local.since(), self._fleet.since()
        return [*near, *far] if near and far else near or far

    def lost(self) -> bool:
        """Whether some were missed since the last call: then drop everything."""
        near, far = self._local.lost(), self._fleet.lost()
        return near or far

    def erased_after(self, key: str, when: float) -> bool:
        """Whether a run that began at `when` must not put a photo of the contact back."""
        return self._local.erased_after(key, when) or self._fleet.erased_after(key, when)
