"""What is known of contacts, wherever that is kept: here, in Valkey, in the store.

Reading never fails: what is broken knows nothing. An erasure reaches every copy: it is told to all
workers before the store is changed, so that a late run puts nothing back, and again after that,
for those who read the old portrait meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import StoreFailed
from gateway.model import Absence, Photo
from gateway.portraits import decode, encode, is_suppression
from gateway.telemetry import Cause
from gateway.unsaved import Unsaved

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.erasures import Erasures
    from gateway.model import ContactId, Portrait, Sighting, Standing
    from gateway.portraits import PortraitStore
    from gateway.telemetry import Telemetry

BLIND: Final = 1.0
"""Seconds after a failure to read for which nobody who has waited for it waits again."""

HOT: Final = 3600.0
"""Seconds for which Valkey keeps a portrait that somebody wanted."""


class Masters(Protocol):
    """Portraits of contacts that some machine wanted a short time ago; never raises."""

    async def get(self, key: str) -> bytes | None:
        """Return the record; None if there is none."""

    async def put(self, key: str, record: bytes, ttl: float) -> bool:
        """Keep it for `ttl` seconds; not if the contact was just erased."""

    async def delete(self, key: str) -> None:
        """Forget it."""


class Archive:
    """Portraits by contact; `clock` gives Unix seconds, `wait` sleeps before another try."""

    def __init__(
        self,
        portraits: PortraitStore,
        erasures: Erasures,
        *,
        masters: Masters | None,
        telemetry: Telemetry,
        clock: Callable[[], float],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._portraits = portraits
        self._erasures = erasures
        self._masters = masters
        self._telemetry = telemetry
        self._clock = clock
        self._unsaved = Unsaved(portraits, erasures, telemetry=telemetry, wait=wait)
        self._blind_until = 0.0

    async def aclose(self) -> None:
        """Let writes end that are under way, and offer what the store refused a last time."""
        await self._unsaved.aclose()

    def key(self, contact: ContactId) -> str:
        """64 hexadecimal digits that name `contact` wherever it is kept or told of."""
        return self._portraits.digest(contact).hex()

    def judge(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
        """Say how `contact` stands by `portrait`.

        A suppression looks like any other settled absence that is asked about again and again. And
        it is looked up again as often, since another machine may have ended it.
        """
        if is_suppression(portrait):
            life = self._portraits.lifetimes.none
            age = (self._clock() - portrait.since) % life
            portrait = Absence(self._clock() - age, certain=True)
        return self._portraits.judge(contact, portrait)

    @property
    def confirm_delay(self) -> float:
        """Seconds until an uncertain absence is asked about again."""
        return self._portraits.lifetimes.confirm

    def is_gone(self, contact: ContactId, began: float) -> bool:
        """Whether a run that began then, in Unix seconds, must not show or keep what it brings."""
        return self._erasures.erased_after(self.key(contact), began)

    async def latest(self, contact: ContactId, *, again: bool = False) -> Portrait | None:
        """Return what is known of `contact`.

        What is on its way to the store counts, also if it comes while the store is read. Who looks
        `again` does not wait once more for a store that has just failed.
        """
        held = self._unsaved.get(contact)
        if held is not None or (again and time.monotonic() < self._blind_until):
            return held
        hot = await self._hot(contact)
        if isinstance(hot, Photo) and self.judge(contact, hot).fresh_until > self._clock():
            return hot
        with self._unsaved.reading(contact):
            stored = await self._stored(contact)
            newer = self._unsaved.get(contact)
        if newer is not None:
            return newer
        if isinstance(stored, Photo) and self._masters is not None and stored != hot:
            self._unsaved.behind(self._heat(contact, stored))
        return stored

    async def keep(self, contact: ContactId, portrait: Portrait, *, began: float) -> bool:
        """Write what a run that began then has brought; False if that must not be shown.

        Returns after the first try: what the store does not take now is offered again behind.
        """
        held = self._unsaved.hold(contact, portrait, began=began)
        shown = await self._unsaved.write(contact, held)
        if shown and isinstance(portrait, Photo):
            await self._heat(contact, portrait)
        return shown

    async def announce(self, contact: ContactId) -> None:
        """Have every worker look again at what is kept of `contact`, though it be fresh.

        They drop their copies as after an erasure; only not while the store holds an older one.
        """
        if not self._unsaved.waits(contact):
            await self._erasures.publish(self.key(contact))

    async def replace(self, contact: ContactId, absence: Absence) -> None:
        """Put `absence` in the place of a photo, and erase every copy of that."""
        self._telemetry.erased(Cause.HIDDEN)
        held = self._unsaved.hold(contact, absence, began=None)
        await self._erasures.publish(self.key(contact))
        await self._unsaved.write(contact, held)
        await self._told(self.key(contact))

    async def erase(self, contact: ContactId) -> None:
        """Forget `contact` everywhere, so that the next view asks; raises `StoreFailed`.

        A suppression stays: it ends when somebody orders a refresh, and not by tidying up.
        """
        await self._order(contact, lambda: self._portraits.delete(contact))
        self._telemetry.erased(Cause.ORDER)

    async def suppress(self, contact: ContactId) -> None:
        """Erase `contact` everywhere and remember to ask nobody; raises `StoreFailed`."""
        since = self._clock()
        await self._order(contact, lambda: self._portraits.suppress(contact, since=since))
        self._telemetry.erased(Cause.SUPPRESSION)

    async def lift(self, contact: ContactId) -> None:
        """End a suppression; raises `StoreFailed`."""
        if is_suppression(await self._portraits.get(contact)):
            await self._order(contact, lambda: self._portraits.unsuppress(contact))

    async def retire(self, key: str) -> None:
        """Erase whose `key` this is everywhere, but no suppression; raises `StoreFailed`."""
        await self._erasures.publish(key)
        await self._portraits.erase(key)
        await self._told(key)
        self._telemetry.erased(Cause.RETENTION)

    async def _order(self, contact: ContactId, change: Callable[[], Awaitable[None]]) -> None:
        """Change the store by order, between two erasures."""
        key = self.key(contact)
        self._unsaved.drop(contact)
        await self._erasures.publish(key)
        try:
            await change()
        finally:
            await self._told(key)

    async def _told(self, key: str) -> None:
        """Tell of an erasure once more, now that the store has forgotten."""
        if self._masters is not None:
            await self._masters.delete(key)
        await self._erasures.publish(key)

    async def _hot(self, contact: ContactId) -> Portrait | None:
        if self._masters is None:
            return None
        key = self.key(contact)
        record = await self._masters.get(key)
        return None if record is None else decode(record, key)

    async def _heat(self, contact: ContactId, photo: Photo) -> None:
        if self._masters is not None:
            key = self.key(contact)
            await self._masters.put(key, encode(photo, key), HOT)

    async def _stored(self, contact: ContactId) -> Portrait | None:
        try:
            known = await self._portraits.get(contact)
        except StoreFailed as failure:
            self._telemetry.store_failed(str(failure))
            self._blind_until = time.monotonic() + BLIND
            return None
        self._telemetry.store_works()
        return known
