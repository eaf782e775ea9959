"""Hot masters: portraits of contacts that some machine asked for a short time ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import FleetFailed
from gateway.fleet.scripts import script

if TYPE_CHECKING:
    from gateway.fleet.client import Fleet

MAX_RECORD: Final = 2**21
"""Most bytes of a record; a larger one is not kept."""

_KEEP: Final = script("keep")


def master_key(fleet: Fleet, key: str) -> str:
    """Where a contact's record is."""
    return fleet.key("master", key)


def tombstone_key(fleet: Fleet, key: str) -> str:
    """What says that the contact was just erased."""
    return fleet.key("gone", key)


class ValkeyMasters:
    """Whole records by contact (digest in hex), as the portrait store writes them.

    A record is for its reader to verify. Nothing raises: a Valkey that fails has nothing and takes
    nothing.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def get(self, key: str) -> bytes | None:
        """Return the contact's record; None if there is none."""
        name = master_key(self._fleet, key)
        try:
            # A bounded read: nobody knows what lies under the key.
            record = await self._fleet.call("GETRANGE", name, 0, MAX_RECORD)
        except FleetFailed:
            return None
        return record if isinstance(record, bytes) and 0 < len(record) <= MAX_RECORD else None

    async def put(self, key: str, record: bytes, ttl: float) -> bool:
        """Keep `record` for `ttl` seconds; say whether it is kept.

        It is not if it is too large, if the contact was just erased, or if Valkey fails.
        """
        if len(record) > MAX_RECORD or ttl <= 0:
            return False
        keys = (master_key(self._fleet, key), tombstone_key(self._fleet, key))
        try:
            kept = await self._fleet.run(_KEEP, keys, record, max(int(ttl * 1000), 1))
        except FleetFailed:
            return False
        return bool(kept == 1)

    async def delete(self, key: str) -> None:
        """Forget the contact's record; what must be gone for certain goes by `ValkeyErasures`."""
        try:
            await self._fleet.call("UNLINK", master_key(self._fleet, key))
        except FleetFailed:
            return
