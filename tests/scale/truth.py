"""What is known of everybody: real records, judged by the real lifetimes, kept in a dictionary.

It stands where `gateway.archive.Archive` does, for the real `Verdicts`.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.model import ContactId, Kind, Photo
from gateway.portraits import record
from tests.fakes import LIFETIMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import Absence, Portrait, Sighting, Standing

FIRST: Final = 15_550_000_000
_DIGEST: Final = "0" * 64


@lru_cache(maxsize=200_000)
def contact_of(number: int) -> ContactId:
    """The contact with this number in `Traffic`."""
    return ContactId(f"{FIRST + number}@c.us", Kind.PERSON)


def number_of(contact: ContactId) -> int:
    """The other way round."""
    return int(contact.value[:-5]) - FIRST


def spread_of(contact: ContactId) -> float:
    """0–1, the same for the same contact; the store takes it from a keyed hash."""
    return (zlib.crc32(contact.value.encode()) & 255) / 255


class Truth:
    """Portraits of so many `contacts`, numbered as in `Traffic`.

    `fresh`, `expires` and `confirmed` are of each of them, in Unix seconds: minus infinity while
    nothing is known. `writes` counts what is kept; look-ups are counted by whoever looks.
    """

    def __init__(self, contacts: int, *, spread: Callable[[ContactId], float] = spread_of) -> None:
        self._spread = spread
        self._records: dict[int, bytes] = {}
        self.standings: dict[int, Standing] = {}
        self.fresh = np.full(contacts, -np.inf)
        self.expires = np.full(contacts, -np.inf)
        self.confirmed = np.full(contacts, -np.inf)
        self.writes = 0

    @property
    def confirm_delay(self) -> float:
        """See `Archive`."""
        return LIFETIMES.confirm

    def key(self, contact: ContactId) -> str:
        """See `Archive`."""
        return contact.value

    def judge(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
        """See `Archive`."""
        return LIFETIMES.standing(portrait, spread=self._spread(contact))

    async def latest(self, contact: ContactId, *, again: bool = False) -> Portrait | None:
        """See `Archive`."""
        del again
        found = self._records.get(number_of(contact))
        return None if found is None else record.decode(found, _DIGEST)

    async def keep(self, contact: ContactId, portrait: Portrait, *, began: float) -> bool:
        """See `Archive`."""
        del began
        number = number_of(contact)
        self.writes += 1
        self._records[number] = record.encode(portrait, _DIGEST)
        standing = self.standings[number] = self.judge(contact, portrait)
        self.fresh[number], self.expires[number] = standing.fresh_until, standing.expires
        if isinstance(portrait, Photo):
            self.confirmed[number] = portrait.confirmed
        return True

    async def replace(self, contact: ContactId, absence: Absence) -> None:
        """See `Archive`."""
        await self.keep(contact, absence, began=absence.since)
