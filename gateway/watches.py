"""Measures what rooms do, from outside: each has the face of what it watches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from gateway.errors import AvatarUnavailable, Busy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine

    from gateway.imaging.artist import Studio
    from gateway.model import ContactId, Master, PhotoUrl, Sample
    from gateway.telemetry import Telemetry

T = TypeVar("T")

GOOD: Final = "photo"
"""The outcome of what brought what was wanted; every other outcome is a reason."""


class Resolver(Protocol):
    """Learns where a contact's picture is."""

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return the signed URL; raises `AvatarUnavailable`."""


class Origin(Protocol):
    """Fetches a picture."""

    async def __call__(self, source: PhotoUrl, *, until: float) -> bytes:
        """Return the untrusted bytes; raises `AvatarUnavailable`."""


class Develop(Protocol):
    """Decodes a picture."""

    async def __call__(
        self, data: bytes, side: int, *, until: float
    ) -> tuple[Sample, asyncio.Task[Master]]:
        """Return a first picture, and the master when it is made."""


def watched_resolver(resolver: Resolver, name: str, telemetry: Telemetry) -> Resolver:
    """Return `resolver`, whose queries are counted under `name`."""

    async def ask(contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        return await _watched(
            resolver(contact, refresh=refresh, until=until),
            lambda outcome, seconds: telemetry.queried(name, outcome, seconds),
        )

    return ask


def watched_origin(origin: Origin, telemetry: Telemetry) -> Origin:
    """Return `origin`, whose downloads are counted."""

    async def fetch(source: PhotoUrl, *, until: float) -> bytes:
        return await _watched(origin(source, until=until), telemetry.downloaded)

    return fetch


def watched_develop(develop: Develop, telemetry: Telemetry) -> Develop:
    """Return `develop`, which is timed up to the first picture."""

    async def look(data: bytes, side: int, *, until: float) -> tuple[Sample, asyncio.Task[Master]]:
        return await _watched(develop(data, side, until=until), telemetry.decoded)

    return look


class WatchedStudio:
    """`studio`, which is timed: how long pictures wait, and how long they take."""

    def __init__(self, studio: Studio, telemetry: Telemetry) -> None:
        self._studio = studio
        self._telemetry = telemetry

    async def photo(self, work: Callable[[], Coroutine[Any, Any, T]], *, pixels: int) -> T:
        """Do `work` on the photo lane; raises `Busy`."""
        timed = _Timed(work)
        return await self._told("photo", timed, self._studio.photo(timed, pixels=pixels))

    async def fallback(self, work: Callable[[], Coroutine[Any, Any, T]], *, pixels: int) -> T:
        """Do `work` on the fallback lane; raises `Busy`."""
        timed = _Timed(work)
        return await self._told("fallback", timed, self._studio.fallback(timed, pixels=pixels))

    async def _told(self, lane: str, timed: _Timed[T], made: Awaitable[T]) -> T:
        asked = time.monotonic()
        try:
            return await made
        except Busy:
            self._telemetry.render_refused(lane)
            raise
        finally:
            if timed.ended:
                waited, took = timed.began - asked, timed.ended - timed.began
                self._telemetry.rendered(lane, waited=waited, took=took)


class _Timed(Generic[T]):
    """`work`, and when it began and ended."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self.began = self.ended = 0.0

    async def __call__(self) -> T:
        self.began = time.monotonic()
        try:
            return await self._work()
        finally:
            self.ended = time.monotonic()


async def _watched(work: Awaitable[T], note: Callable[[str, float], None]) -> T:
    """Do `work`; `note` hears what it came to and how many seconds it took.

    What is cancelled came to nothing and is not noted; neither is a bug, which is counted as one.
    """
    began = time.monotonic()
    try:
        found = await work
    except AvatarUnavailable as failure:
        note(str(failure.reason), time.monotonic() - began)
        raise
    note(GOOD, time.monotonic() - began)
    return found
