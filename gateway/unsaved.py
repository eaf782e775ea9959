"""Portraits on their way to the store: known here at once, offered until it takes them.

What was erased after its run began is neither written nor shown; what had been written before the
erasure was heard is taken back.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.errors import StoreFailed
from gateway.model import Absence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from gateway.erasures import Erasures
    from gateway.model import ContactId, Portrait
    from gateway.portraits import PortraitStore
    from gateway.telemetry import Telemetry

MAX_UNSAVED: Final = 64
"""Most portraits held in memory while the store cannot take them."""

RETRY: Final = 5.0
"""Seconds until a portrait is offered again to a store that did not take it."""

CLOSING: Final = 1.5
"""Seconds that closing may take; a worker that ends has little more."""


@dataclass(slots=True, eq=False)
class Held:
    """A portrait on its way to the store.

    `began` is when its run did, in Unix seconds; None for what no erasure undoes. One that was
    `tried` may be in the store. One that is `saved` stays for those who began to read before.
    """

    portrait: Portrait
    began: float | None
    tried: bool = False
    saved: bool = False


class Unsaved:
    """Portraits that `portraits` has yet to take; `wait` sleeps before another try."""

    def __init__(
        self,
        portraits: PortraitStore,
        erasures: Erasures,
        *,
        telemetry: Telemetry,
        wait: Callable[[float], Awaitable[None]],
    ) -> None:
        self._portraits = portraits
        self._erasures = erasures
        self._telemetry = telemetry
        self._wait = wait
        self._held: OrderedDict[ContactId, Held] = OrderedDict()
        self._readers: Counter[ContactId] = Counter()
        self._late: dict[Held, ContactId] = {}
        self._writes: set[asyncio.Task[bool]] = set()
        self._errands: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Let writes end that are under way, and offer what the store refused a last time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING):
                await self._drop_errands()
                await asyncio.gather(*self._writes, return_exceptions=True)
                await self._offer_all()
        await self._drop_errands()

    def get(self, contact: ContactId) -> Portrait | None:
        """Return what is on its way."""
        held = self._held.get(contact)
        if held is None:
            return None
        if self._is_gone(contact, held):
            self._abandon(contact, held)
            return None
        return held.portrait

    def hold(self, contact: ContactId, portrait: Portrait, *, began: float | None) -> Held:
        """Know `portrait` from now on; `began` is as in `Held`."""
        held = self._held[contact] = Held(portrait, began)
        self._held.move_to_end(contact)
        if len(self._held) > MAX_UNSAVED:
            self._held.popitem(last=False)
        return held

    def waits(self, contact: ContactId) -> bool:
        """Whether the store has yet to take what is on its way."""
        held = self._held.get(contact)
        return held is not None and not held.saved

    def drop(self, contact: ContactId) -> None:
        """Forget what is on its way."""
        held = self._held.get(contact)
        if held is not None:
            self._abandon(contact, held)

    @contextmanager
    def reading(self, contact: ContactId) -> Iterator[None]:
        """Keep what comes while the store is read, whose word will be older."""
        self._readers[contact] += 1
        try:
            yield
        finally:
            self._readers[contact] -= 1
            if not self._readers[contact]:
                del self._readers[contact]
                held = self._held.get(contact)
                if held is not None and held.saved:
                    del self._held[contact]

    async def write(self, contact: ContactId, held: Held) -> bool:
        """Try once, and go on trying behind whoever waits; False if it must not be shown."""
        task = asyncio.ensure_future(self._put(contact, held))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        # Whoever leaves leaves the write alone.
        await asyncio.wait((task,))
        try:
            return task.result()
        except StoreFailed:
            self.behind(self._insist(contact, held))
            return True

    def behind(self, work: Coroutine[object, object, None]) -> None:
        """Do `work` behind whoever waits, for as long as this process lives."""
        task = asyncio.ensure_future(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _offer_all(self) -> None:
        """Offer everything at once: the last failures, by which it is late, say nothing of now."""
        late = [(contact, held) for contact, held in self._held.items() if not held.saved]
        self._portraits.try_again()
        await asyncio.gather(
            *(self._put(contact, held) for contact, held in late),
            *(self._forget(contact, held) for held, contact in self._late.items()),
            return_exceptions=True,
        )

    async def _drop_errands(self) -> None:
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    async def _put(self, contact: ContactId, held: Held) -> bool:
        """Write once, unless the contact was erased since; raises `StoreFailed`."""
        if self._is_gone(contact, held):
            self._let_go(contact, held)
            if held.tried:
                await self._take_back(contact, held)
            return False
        if held.tried and isinstance(held.portrait, Absence):
            # A full store may still forget what must not be shown, if it is left one call.
            await self._portraits.erase(self._key(contact))
        held.tried = True
        try:
            kept = await self._portraits.put(contact, held.portrait)
        except StoreFailed as failure:
            self._telemetry.store_failed(str(failure))
            if isinstance(held.portrait, Absence):
                with suppress(StoreFailed):
                    await self._portraits.erase(self._key(contact))
            raise
        self._telemetry.store_works()
        self._let_go(contact, held)
        if not self._is_gone(contact, held):
            return kept
        await self._take_back(contact, held)
        return False

    def _abandon(self, contact: ContactId, held: Held) -> None:
        """Let go of what was erased; if it was tried, it may come to the store late."""
        del self._held[contact]
        if held.tried and not held.saved:
            self._late[held] = contact
            self.behind(self._go_on_taking_back(contact, held))

    async def _take_back(self, contact: ContactId, held: Held) -> None:
        """Erase what was written over an erasure, now or behind whoever waits."""
        self._late[held] = contact
        try:
            await self._forget(contact, held)
        except StoreFailed:
            self.behind(self._go_on_taking_back(contact, held))

    async def _forget(self, contact: ContactId, held: Held) -> None:
        """Erase it, unless the store has something else by now; raises `StoreFailed`."""
        if await self._portraits.get(contact) == held.portrait:
            await self._portraits.erase(self._key(contact))
        self._late.pop(held, None)

    async def _insist(self, contact: ContactId, held: Held) -> None:
        while True:
            await self._wait(RETRY)
            if self._held.get(contact) is not held:
                return
            with suppress(StoreFailed):
                await self._put(contact, held)
                return

    async def _go_on_taking_back(self, contact: ContactId, held: Held) -> None:
        while True:
            await self._wait(RETRY)
            with suppress(StoreFailed):
                await self._forget(contact, held)
                return

    def _is_gone(self, contact: ContactId, held: Held) -> bool:
        began = held.began
        return began is not None and self._erasures.erased_after(self._key(contact), began)

    def _let_go(self, contact: ContactId, held: Held) -> None:
        held.saved = True
        if self._held.get(contact) is held and contact not in self._readers:
            del self._held[contact]

    def _key(self, contact: ContactId) -> str:
        return self._portraits.digest(contact).hex()
