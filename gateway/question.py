"""Put one question to the upstream: where the picture is, its bytes, and what they show.

What failed in the quarantine is remembered, so that a picture which is a weapon is neither
fetched nor decoded again for as long as that.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import NoPhoto, PhotoGone, Rejected
from gateway.model import Photo, Sighting, version_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gateway.model import ContactId, Master, PhotoUrl, Portrait, Sample

CACHE_LIFE: Final = 24 * 3600.0
"""Seconds for which the API gives its own earlier answer again, if it is not told to refresh."""

MAX_SAMPLE: Final = 256
"""Most pixels of a first picture. The larger it is the longer it takes, and it is stored."""

REMEMBERED: Final = 3600.0
"""Seconds for which a rejected picture is not looked at again."""


class Ask(Protocol):
    """Puts one query to the API."""

    async def __call__(self, contact: ContactId, *, refresh: bool) -> PhotoUrl:
        """Return the signed URL; raises `AvatarUnavailable`."""


class Alias(Protocol):
    """Knows the other name of a person who has two: a lid and a phone number."""

    async def __call__(self, contact: ContactId, *, until: float) -> ContactId | None:
        """Return it, soon; None without one. Never raises."""


class Origin(Protocol):
    """Fetches a picture."""

    async def __call__(self, source: PhotoUrl, *, until: float) -> bytes:
        """Return the untrusted bytes; raises `AvatarUnavailable`."""


class Develop(Protocol):
    """Decodes untrusted bytes where they can do no harm."""

    async def __call__(
        self, data: bytes, side: int, *, until: float
    ) -> tuple[Sample, asyncio.Task[Master]]:
        """Return a first picture of `side` pixels, and the master when it is made.

        Both raise `Rejected` or `Busy`.
        """


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: about whom, what is `known`, and whether the API's cache is bypassed.

    `side` is how many pixels the first viewer wants; more than `MAX_SAMPLE` have to wait for the
    master. All must be over at `until` (`time.monotonic`).
    """

    contact: ContactId
    known: Portrait | None
    side: int
    refresh: bool
    until: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """A photo that is being developed: what is known of it, and the master when it is made."""

    sighting: Sighting
    master: asyncio.Task[Master]


class Rejections:
    """Fingerprints of pictures that were rejected less than `REMEMBERED` seconds ago.

    Keeps the `capacity` most recent; `clock` gives Unix seconds.
    """

    def __init__(self, *, clock: Callable[[], float], capacity: int = 10_000) -> None:
        self._clock = clock
        self._capacity = capacity
        self._until: OrderedDict[str, float] = OrderedDict()

    def add(self, fingerprint: str) -> None:
        """Remember a rejection from now on."""
        self._until[fingerprint] = self._clock() + REMEMBERED
        self._until.move_to_end(fingerprint)
        if len(self._until) > self._capacity:
            self._until.popitem(last=False)

    def __contains__(self, fingerprint: str) -> bool:
        return 0 < self._until.get(fingerprint, 0.0) - self._clock() <= REMEMBERED


class Question:
    """Asks the API by `ask`, fetches from `origin`; `clock` gives Unix seconds.

    `alias` is asked who is behind a lid that seems to have no picture.
    """

    def __init__(
        self, origin: Origin, develop: Develop, *, alias: Alias, clock: Callable[[], float]
    ) -> None:
        self._origin = origin
        self._develop = develop
        self._alias = alias
        self._clock = clock
        self._rejections = Rejections(clock=clock)

    async def __call__(self, asked: Asked, ask: Ask) -> Photo | Arrival:
        """Return the photo that is known, perhaps confirmed, or another one on its way.

        Raises `AvatarUnavailable`.
        """
        contact, refresh = asked.contact, asked.refresh
        try:
            source = await ask(contact, refresh=refresh)
        except NoPhoto as none:
            contact, source = await self._under_another_name(asked, ask, none)
        if not refresh and source.dead_at(self._clock()) <= self._clock():
            refresh, source = True, await ask(contact, refresh=True)
        if isinstance(asked.known, Photo) and asked.known.source.covers(source):
            return self._confirmed(asked.known, source, refresh=refresh)
        if source.fingerprint in self._rejections:
            raise Rejected("the picture was rejected within the last hour")
        try:
            data = await self._fetch(source, asked)
        except PhotoGone:
            if refresh:
                raise
            source = await ask(contact, refresh=True)
            data = await self._fetch(source, asked)
        return await self._arrival(asked, source, data)

    def reject(self, source: PhotoUrl) -> None:
        """Remember that the picture there was rejected."""
        self._rejections.add(source.fingerprint)

    async def _under_another_name(
        self, asked: Asked, ask: Ask, none: NoPhoto
    ) -> tuple[ContactId, PhotoUrl]:
        """Look under the contact's other name, once; else the first answer stands.

        Without a photo that could be erased, a refresh need not look there: the question that it
        confirms has done so.
        """
        if asked.refresh and not isinstance(asked.known, Photo):
            raise none
        other = asked.contact.variant
        if asked.contact.is_lid:
            other = await self._alias(asked.contact, until=asked.until)
        if other is None:
            raise none
        try:
            return other, await ask(other, refresh=asked.refresh)
        except NoPhoto:
            raise none from None

    def _confirmed(self, known: Photo, source: PhotoUrl, *, refresh: bool) -> Photo:
        """The photo that is known, as the API's word makes it."""
        now = self._clock()
        # The very URL that we have comes from the API's cache, as long as that can have lived.
        cached = source.url == known.source.url and 0 <= now - known.confirmed < CACHE_LIFE
        if cached and not refresh:
            return known
        same = source.fingerprint == known.source.fingerprint
        return replace(known, source=source if same else known.source, confirmed=now)

    async def _fetch(self, source: PhotoUrl, asked: Asked) -> bytes:
        try:
            return await self._origin(source, until=asked.until)
        except Rejected:
            self.reject(source)
            raise

    async def _arrival(self, asked: Asked, source: PhotoUrl, data: bytes) -> Photo | Arrival:
        now, version, known = self._clock(), version_of(data), asked.known
        if isinstance(known, Photo) and known.version == version:
            return replace(known, source=source, fetched=now, confirmed=now)
        side = min(asked.side, MAX_SAMPLE)
        try:
            sample, master = await self._develop(data, side, until=asked.until)
        except Rejected:
            self.reject(source)
            raise
        return Arrival(Sighting(source, now, now, now, version, sample), master)
