"""News from the API: have another look at what may have changed, instead of waiting for its age.

Deliveries repeat, come late, out of order, in several workers, and may be forged. So nothing in
them is believed: they only say about whom it is worth to ask. Interleavings for one contact:

1. The first news of a change notes itself and a refresh, for all workers, and asks.
2. The same news again, wherever it comes in within `HEARD` seconds, is dropped.
3. Other news within the minute waits until a refresh is permitted again: the picture may have
   changed once more. If somebody has refreshed meanwhile, that is enough.
4. If the API cannot be asked, the contact is tried again a few times: a photo that was taken away
   must not stay until its age comes up.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

from gateway.budget import Priority
from gateway.errors import Reason, TooSoon
from gateway.model import Tidings
from gateway.portraits import is_suppression

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.archive import Archive
    from gateway.inquiry import Inquiry
    from gateway.model import ContactId, News
    from gateway.pauses import Pauses
    from gateway.refreshes import Refreshes
    from gateway.telemetry import Telemetry

MOST: Final = 1_000
"""News that may be looked into at a time in one worker; what is more waits for its age."""

TRIES: Final = 6
"""How often one piece of news is looked into until the API has answered."""

HEARD: Final = 600.0
"""Seconds for which the same news is not looked into again."""

WRITERS: Final = 10_000
WRITER_LIFE: Final = 3600.0
"""Contacts who have written, and the seconds for which they are not looked up again."""

_SIDE: Final = 256
_RETRY: Final = 60.0
_PATIENCE: Final = 5.0


class Alias(Protocol):
    """Knows the other name of a person who has two: a lid and a phone number."""

    async def __call__(self, contact: ContactId, *, until: float) -> ContactId | None:
        """Return it, soon; None without one. Never raises."""


class Listener:
    """Asks about contacts that are held; `clock` gives Unix seconds, `wait` lets them pass."""

    def __init__(  # noqa: PLR0913 - five collaborators, a witness, a clock and a way to wait
        self,
        archive: Archive,
        inquiry: Inquiry,
        *,
        pauses: Pauses,
        refreshes: Refreshes,
        alias: Alias,
        telemetry: Telemetry,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._archive = archive
        self._inquiry = inquiry
        self._pauses = pauses
        self._refreshes = refreshes
        self._alias = alias
        self._telemetry = telemetry
        self._clock = clock
        self._wait = wait
        self._under_way: set[asyncio.Task[None]] = set()
        self._writers: OrderedDict[ContactId, float] = OrderedDict()

    async def aclose(self) -> None:
        """Drop what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def hear(self, news: Sequence[News]) -> None:
        """Look into `news` behind everybody, within the budget."""
        self._inquiry.warm(
            [
                each.contact
                for each in news
                if each.what is Tidings.MESSAGE and self._has_not_written(each.contact)
            ]
        )
        for each in news:
            if each.what is Tidings.PICTURE and len(self._under_way) < MOST:
                task = asyncio.ensure_future(self._look_into(each, self._clock()))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    def _has_not_written(self, contact: ContactId) -> bool:
        """Whether this is the first message in a while."""
        now, last = self._clock(), self._writers.get(contact)
        if last is not None and 0 <= now - last < WRITER_LIFE:
            return False
        self._writers[contact] = now
        self._writers.move_to_end(contact)
        if len(self._writers) > WRITERS:
            self._writers.popitem(last=False)
        return True

    async def _look_into(self, news: News, heard: float) -> None:
        try:
            for contact in await self._held(news.contact):
                key = self._archive.key(contact)
                if await self._refreshes.is_news(key, news.id, life=HEARD):
                    await self._look_again(contact, key, heard)
        except Exception as error:  # noqa: BLE001 - nobody waits to be told of it
            self._telemetry.bug(error)

    async def _held(self, contact: ContactId) -> list[ContactId]:
        """Under which of its names something is known of `contact`."""
        names = [contact, contact.variant]
        held = [each for each in names if each is not None and await self._holds(each)]
        if held or not (contact.is_phone or contact.is_lid):
            return held
        other = await self._alias(contact, until=time.monotonic() + _PATIENCE)
        return [other] if other is not None and await self._holds(other) else []

    async def _holds(self, contact: ContactId) -> bool:
        known = await self._archive.latest(contact)
        return known is not None and not is_suppression(known)

    async def _look_again(self, contact: ContactId, key: str, heard: float) -> None:
        """Refresh once, as soon as that is permitted, unless somebody does it before."""
        for _ in range(TRIES):
            try:
                await self._refreshes.note(key)
            except TooSoon as early:
                await self._wait(early.seconds)
                if await self._refreshes.latest(key) > heard and not self._failed(contact):
                    return
                continue
            await asyncio.wait((self._inquiry.refresh(contact, _SIDE, Priority.RENEWAL),))
            if not self._failed(contact):
                return
            await self._wait(_RETRY)

    def _failed(self, contact: ContactId) -> bool:
        """Whether the last question came to nothing; a "none" to be confirmed is an answer."""
        pause = self._pauses.holding(contact)
        return pause is not None and pause.reason is not Reason.NONE
