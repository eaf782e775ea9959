"""What is known of contacts, wherever that is kept: here, in Valkey, in the store.

Reading never fails: what is broken knows nothing. Writing goes on until it works or is overtaken.
An erasure reaches every copy: it is told to all workers before the store is changed, so that a
late run puts nothing back, and again after that, for those who read the old portrait meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import StoreFailed
from gateway.model import Absence, Photo
from gateway.portraits import decode, encode, is_suppression
from gateway.telemetry import Cause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from gateway.erasures import Erasures
    from gateway.model import ContactId, Portrait, Sighting, Standing
    from gateway.portraits import PortraitStore
    from gateway.telemetry import Telemetry

MAX_UNSAVED: Final = 64
"""Most portraits held in memory while the store cannot take them."""

RETRY: Final = 5.0
"""Seconds until a portrait is offered again to a store that did not take it."""

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


@dataclass(slots=True, eq=False)
class _Held:
    """A portrait on its way to the store.

    `began` is when its run did, in Unix seconds; None for what no erasure undoes. One that is
    `saved` stays for those who began to read the store before.
    """

    portrait: Portrait
    began: float | None
    saved: bool = False


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
        self._wait = wait
        self._held: OrderedDict[ContactId, _Held] = OrderedDict()
        self._blind_until = 0.0
        self._readers: Counter[ContactId] = Counter()
        self._writes: set[asyncio.Task[bool]] = set()
        self._errands: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Let writes end that are under way; what the store refused is not offered again."""
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._writes, *self._errands, return_exceptions=True)

    def key(self, contact: ContactId) -> str:
        """64 hexadecimal digits that name `contact` wherever it is kept or told of."""
        return self._portraits.digest(contact).hex()

    def judge(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
        """Say how `contact` stands by `portrait`."""
        standing = self._portraits.judge(contact, portrait)
        if is_suppression(portrait):
            # Looked up again now and then: another machine may have ended it.
            return replace(standing, fresh_until=self._clock() + self._portraits.lifetimes.none)
        return standing

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
        held = self._on_the_way(contact)
        if held is not None or (again and time.monotonic() < self._blind_until):
            return held
        hot = await self._hot(contact)
        if isinstance(hot, Photo) and self.judge(contact, hot).fresh_until > self._clock():
            return hot
        self._readers[contact] += 1
        try:
            stored = await self._stored(contact)
            newer = self._on_the_way(contact)
        finally:
            self._stop_reading(contact)
        if newer is not None:
            return newer
        if isinstance(stored, Photo) and self._masters is not None and stored != hot:
            self._behind(self._heat(self.key(contact), stored))
        return stored

    async def keep(self, contact: ContactId, portrait: Portrait, *, began: float) -> bool:
        """Write what a run that began then has brought; False if that must not be shown.

        Returns after the first try: what the store does not take now is offered again behind.
        """
        return await self._write(contact, _Held(portrait, began))

    async def replace(self, contact: ContactId, absence: Absence) -> None:
        """Put `absence` in the place of a photo, and erase every copy of that."""
        self._telemetry.erased(Cause.HIDDEN)
        held = _Held(absence, None)
        self._hold(contact, held)
        await self._erasures.publish(self.key(contact))
        await self._write(contact, held)
        await self._forget_master(self.key(contact))
        await self._erasures.publish(self.key(contact))

    async def erase(self, contact: ContactId) -> None:
        """Forget `contact` everywhere, so that the next view asks; raises `StoreFailed`."""
        await self._order(contact, self._portraits.delete(contact))
        self._telemetry.erased(Cause.ORDER)

    async def suppress(self, contact: ContactId) -> None:
        """Erase `contact` everywhere and remember to ask nobody; raises `StoreFailed`."""
        await self._order(contact, self._portraits.suppress(contact, since=self._clock()))
        self._telemetry.erased(Cause.SUPPRESSION)

    async def lift(self, contact: ContactId) -> None:
        """End a suppression; raises `StoreFailed`."""
        if is_suppression(await self._portraits.get(contact)):
            await self._order(contact, self._portraits.unsuppress(contact))

    async def retire(self, key: str) -> None:
        """Erase whose `key` this is everywhere, but no suppression; raises `StoreFailed`."""
        await self._erasures.publish(key)
        await self._portraits.erase(key)
        await self._forget_master(key)
        await self._erasures.publish(key)
        self._telemetry.erased(Cause.RETENTION)

    async def _order(self, contact: ContactId, change: Awaitable[None]) -> None:
        """Change the store by order, between two erasures."""
        key = self.key(contact)
        self._held.pop(contact, None)
        await self._erasures.publish(key)
        try:
            await change
        finally:
            await self._forget_master(key)
            await self._erasures.publish(key)

    async def _forget_master(self, key: str) -> None:
        if self._masters is not None:
            await self._masters.delete(key)

    def _on_the_way(self, contact: ContactId) -> Portrait | None:
        held = self._held.get(contact)
        if held is None:
            return None
        if held.began is not None and self.is_gone(contact, held.began):
            del self._held[contact]
            return None
        return held.portrait

    async def _hot(self, contact: ContactId) -> Portrait | None:
        if self._masters is None:
            return None
        key = self.key(contact)
        record = await self._masters.get(key)
        return None if record is None else decode(record, key)

    async def _stored(self, contact: ContactId) -> Portrait | None:
        try:
            known = await self._portraits.get(contact)
        except StoreFailed as failure:
            self._telemetry.store_failed(str(failure))
            self._blind_until = time.monotonic() + BLIND
            return None
        self._telemetry.store_works()
        return known

    def _hold(self, contact: ContactId, held: _Held) -> None:
        self._held[contact] = held
        self._held.move_to_end(contact)
        if len(self._held) > MAX_UNSAVED:
            self._held.popitem(last=False)

    async def _write(self, contact: ContactId, held: _Held) -> bool:
        """Try once; if the store fails, go on trying behind whoever waits."""
        self._hold(contact, held)
        task = asyncio.ensure_future(self._put(contact, held))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        # Whoever leaves leaves the write alone.
        await asyncio.wait((task,))
        try:
            return task.result()
        except StoreFailed:
            self._behind(self._insist(contact, held))
            return True

    async def _insist(self, contact: ContactId, held: _Held) -> None:
        while True:
            await self._wait(RETRY)
            if self._held.get(contact) is not held:
                return
            with suppress(StoreFailed):
                await self._put(contact, held)
                return

    async def _put(self, contact: ContactId, held: _Held) -> bool:
        """Write once, unless the contact was erased since; raises `StoreFailed`."""
        key, began = self.key(contact), held.began
        if began is not None and self.is_gone(contact, began):
            self._let_go(contact, held)
            return False
        try:
            kept = await self._portraits.put(contact, held.portrait)
        except StoreFailed as failure:
            self._telemetry.store_failed(str(failure))
            if isinstance(held.portrait, Absence):
                # A full store may still forget what must not be shown.
                with suppress(StoreFailed):
                    await self._portraits.erase(key)
            raise
        self._telemetry.store_works()
        self._let_go(contact, held)
        if began is not None and self.is_gone(contact, began):
            await self._remove(key)
            return False
        if kept and isinstance(held.portrait, Photo):
            await self._heat(key, held.portrait)
        return kept

    async def _remove(self, key: str) -> None:
        """Take back what was written over an erasure."""
        try:
            await self._portraits.erase(key)
        except StoreFailed:
            self._behind(self._go_on_removing(key))

    async def _go_on_removing(self, key: str) -> None:
        while True:
            await self._wait(RETRY)
            with suppress(StoreFailed):
                await self._portraits.erase(key)
                return

    async def _heat(self, key: str, photo: Photo) -> None:
        if self._masters is not None:
            await self._masters.put(key, encode(photo, key), HOT)

    def _let_go(self, contact: ContactId, held: _Held) -> None:
        held.saved = True
        if self._held.get(contact) is held and contact not in self._readers:
            del self._held[contact]

    def _stop_reading(self, contact: ContactId) -> None:
        self._readers[contact] -= 1
        if not self._readers[contact]:
            del self._readers[contact]
            held = self._held.get(contact)
            if held is not None and held.saved:
                del self._held[contact]

    def _behind(self, work: Coroutine[object, object, None]) -> None:
        """Do `work` behind whoever waits, for as long as this process lives."""
        task = asyncio.ensure_future(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
