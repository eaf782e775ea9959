"""One run for a contact across machines."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from gateway.errors import FleetFailed
from gateway.fleet.scripts import script
from gateway.leases import Lease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.fleet.client import Fleet

LIFE: Final = 4.5
"""Seconds after which a dead holder's lease is free; with the polls it stays below five."""

_EXTEND: Final = 1.5
_POLL: Final = 0.05

_LEASE: Final = script("lease")
_RELEASE: Final = script("release")


class ValkeyLeases:
    """Leases that end by themselves soon after their holder's death.

    redis-py's own `Lock` would wait for ever for a key that lost its expiry, and lose a lease with
    the server's memory; these scripts look, and take a lost one back.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    @asynccontextmanager
    async def lease(self, key: str, *, patience: float) -> AsyncIterator[Lease]:
        """Hold the lease of `key` while inside; wait for it `patience` seconds at most.

        A Valkey that fails gives a lease that is not held.
        """
        name, token = self._fleet.key("lease", key), secrets.token_hex(16)
        lease = await self._acquire(name, token, patience)
        if not lease.held:
            yield lease
            return
        keeper = asyncio.create_task(self._keep(name, token))
        try:
            yield lease
        finally:
            keeper.cancel()
            with suppress(FleetFailed):
                await self._fleet.run(_RELEASE, (name,), token)

    async def _acquire(self, name: str, token: str, patience: float) -> Lease:
        until = time.monotonic() + patience
        waited = False
        try:
            while not await self._take(name, token):
                waited = True
                left = until - time.monotonic()
                if left <= 0:
                    return Lease(held=False, waited=True)
                await asyncio.sleep(min(_POLL, left))
        except FleetFailed:
            return Lease(held=False, waited=waited)
        return Lease(held=True, waited=waited)

    async def _keep(self, name: str, token: str) -> None:
        """Extend the lease, until somebody else has it."""
        kept = True
        while kept:
            await asyncio.sleep(_EXTEND)
            with suppress(FleetFailed):
                kept = await self._take(name, token)

    async def _take(self, name: str, token: str) -> bool:
        return bool(await self._fleet.run(_LEASE, (name,), token, int(LIFE * 1000)) == 1)
