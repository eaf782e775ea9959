"""Put one question to the upstream: where the picture is, its bytes, and what they show.

What failed in the quarantine is remembered, so that a picture which is a weapon is neither
fetched nor decoded again for as long as that.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import PhotoGone, Rejected
from gateway.model import Photo, Sighting, version_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gateway.model import ContactId, PhotoUrl, Portrait, Sample

EXPIRY_SKEW: Final = 300.0
"""A URL counts as expired this many seconds before it says so."""

MAX_SAMPLE: Final = 256
"""Most pixels of a first picture. The larger it is the longer it takes, and it is stored."""

REMEMBERED: Final = 3600.0
"""Seconds for which a rejected picture is not looked at again."""


class Resolver(Protocol):
    """Learns where a contact's picture is."""

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return the signed URL; raises `AvatarUnavailable`."""


class Origin(Protocol):
    """Fetches a picture."""

    async def __call__(self, source: PhotoUrl, *, until: float) -> bytes:
        """Return the untrusted bytes; raises `AvatarUnavailable`."""


class Develop(Protocol):
    """Decodes untrusted bytes where they can do no harm."""

    async def __call__(
        self, data: bytes, side: int, *, until: float
    ) -> tuple[Sample, asyncio.Task[bytes]]:
        """Return a first picture of `side` pixels, and the master when it is made.

        Both raise `Rejected` or `Busy`.
        """


@dataclass(frozen=True, slots=True)
class Upstream:
    """The three parts of a question, and the seconds that all of it may take."""

    resolver: Resolver
    origin: Origin
    develop: Develop
    timeout: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """A photo that is being developed: what is known of it, and the master when it is made."""

    sighting: Sighting
    master: asyncio.Task[bytes]


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
        return self._until.get(fingerprint, 0.0) > self._clock()


class Question:
    """Asks `upstream`; `clock` gives Unix seconds."""

    def __init__(self, upstream: Upstream, *, clock: Callable[[], float]) -> None:
        self._upstream = upstream
        self._clock = clock
        self._rejections = Rejections(clock=clock)

    async def __call__(
        self, contact: ContactId, known: Portrait | None, side: int, *, refresh: bool
    ) -> Photo | Arrival:
        """Return the photo that is `known`, confirmed, or another one on its way.

        `side` is how many pixels the first viewer wants; more than `MAX_SAMPLE` have to wait for
        the master. Raises `AvatarUnavailable`.
        """
        resolver, origin = self._upstream.resolver, self._upstream.origin
        until = time.monotonic() + self._upstream.timeout
        source = await resolver(contact, refresh=refresh, until=until)
        if not refresh and self._has_expired(source):
            refresh = True
            source = await resolver(contact, refresh=True, until=until)
        now = self._clock()
        if isinstance(known, Photo) and known.source.fingerprint == source.fingerprint:
            return replace(known, source=source, confirmed=now)
        if source.fingerprint in self._rejections:
            raise Rejected("the picture was rejected within the last hour")
        try:
            try:
                data = await origin(source, until=until)
            except PhotoGone:
                if refresh:
                    raise
                source = await resolver(contact, refresh=True, until=until)
                data = await origin(source, until=until)
            version = version_of(data)
            if isinstance(known, Photo) and known.version == version:
                return replace(known, source=source, fetched=now, confirmed=now)
            develop = self._upstream.develop
            sample, master = await develop(data, min(side, MAX_SAMPLE), until=until)
        except Rejected:
            self.reject(source)
            raise
        return Arrival(Sighting(source, now, now, now, version, sample), master)

    def reject(self, source: PhotoUrl) -> None:
        """Remember that the picture there was rejected."""
        self._rejections.add(source.fingerprint)

    def _has_expired(self, source: PhotoUrl) -> bool:
        return source.expires is not None and source.expires - EXPIRY_SKEW <= self._clock()
