"""Find out how a contact stands: look into the store, and ask the upstream if that is not enough.

One inquiry for a contact at a time. It belongs to nobody who waits for it: it goes on when they
leave, and tells `publish` what it found.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from gateway.budget import MAX_BACKOFF
from gateway.errors import (
    AvatarUnavailable,
    NoPhoto,
    OverBudget,
    PhotoGone,
    Reason,
    StoreFailed,
)
from gateway.model import (
    Absence,
    Photo,
    PhotoUrl,
    Portrait,
    Standing,
    version_of,
)
from gateway.portraits import is_suppression
from gateway.singleflight import Singleflight

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.budget import Backoff, Backoffs
    from gateway.model import ContactId
    from gateway.portraits import PortraitStore
    from gateway.telemetry import Telemetry

MAX_UNSAVED: Final = 64
"""Most portraits held in memory while the store cannot take them."""

EXPIRY_SKEW: Final = 300.0
"""A URL counts as expired this many seconds before it says so."""


class Resolver(Protocol):
    """Learns where a contact's picture is."""

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return the signed URL; raises `AvatarUnavailable`."""


class Origin(Protocol):
    """Fetches a picture."""

    async def __call__(self, source: PhotoUrl, *, until: float) -> bytes:
        """Return the untrusted bytes; raises `AvatarUnavailable`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an inquiry found; `asked` says that the upstream was asked for it."""

    standing: Standing
    photo: Photo | None
    asked: bool


@dataclass(frozen=True, slots=True)
class Upstream:
    """The two halves of a question, and the seconds that all of it may take."""

    resolver: Resolver
    origin: Origin
    clean: Callable[[bytes], Awaitable[bytes]]
    timeout: float


class Inquiry:
    """Portraits first, then the upstream; `clock` gives Unix seconds."""

    def __init__(
        self,
        upstream: Upstream,
        portraits: PortraitStore,
        *,
        backoffs: Backoffs,
        telemetry: Telemetry,
        publish: Callable[[ContactId, Standing], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._upstream = upstream
        self._portraits = portraits
        self._backoffs = backoffs
        self._telemetry = telemetry
        self._publish = publish
        self._clock = clock
        self._lookups: Singleflight[Finding] = Singleflight()
        self._questions: Singleflight[Finding] = Singleflight()
        self._overtaken: dict[ContactId, Portrait | None] = {}
        self._unsaved: OrderedDict[ContactId, Portrait] = OrderedDict()
        self._saving: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Drop what is under way, but let portraits that are being written be written."""
        await self._lookups.aclose()
        await self._questions.aclose()
        await asyncio.gather(*self._saving)

    def find(self, contact: ContactId) -> tuple[asyncio.Task[Finding], bool]:
        """Return the run that finds out, and whether it was under way already."""
        return self._lookups.join(contact, lambda: self._find(contact))

    def renew(self, contact: ContactId) -> None:
        """Ask the upstream behind a stale answer, unless a back-off holds."""
        if self._backoffs.current(contact) is None:
            self._questions.join(contact, lambda: self._ask_known(contact))

    async def _find(self, contact: ContactId) -> Finding:
        known = await self._latest(contact)
        if known is not None:
            standing = self._judge(contact, known)
            if standing.expires > self._clock():
                self._publish(contact, standing)
                if standing.fresh_until <= self._clock():
                    self.renew(contact)
                return Finding(standing, _photo(known), asked=False)
        backoff = self._backoffs.current(contact)
        if backoff is not None:
            return Finding(_passing(backoff.reason, backoff.until), None, asked=False)
        task, _ = self._questions.join(contact, lambda: self._ask(contact, known))
        await asyncio.wait((task,))
        return task.result()

    async def _ask_known(self, contact: ContactId) -> Finding:
        """Ask behind the viewers, of whom nobody waits to be told of a bug."""
        try:
            known = await self._load(contact)
            if is_suppression(known):
                return self._answer(contact, known)
            return await self._ask(contact, known)
        except Exception as error:
            self._telemetry.bug(error)
            raise

    async def _ask(self, contact: ContactId, known: Portrait | None) -> Finding:
        """Put the question; an error never erases what is known."""
        try:
            portrait: Portrait = await self._question(contact, known)
        except NoPhoto as none:
            if not none.confirmed and isinstance(known, Photo):
                # The photo stays, as stale, until the absence is confirmed by a refresh.
                pause = self._portraits.lifetimes.confirm
                backoff = self._backoffs.fail(contact, Reason.NONE, pause=pause)
                return self._remain(contact, known, backoff)
            portrait = Absence(since=self._clock(), certain=none.confirmed)
        except AvatarUnavailable as failure:
            return self._failed(contact, failure, known)
        except Exception:
            # A bug must not turn every view into a question.
            self._backoffs.fail(contact, Reason.INTERNAL)
            raise
        self._backoffs.clear(contact)
        self._save(contact, portrait)
        return self._answer(contact, portrait)

    async def _question(self, contact: ContactId, known: Portrait | None) -> Photo:
        resolver, origin = self._upstream.resolver, self._upstream.origin
        until = time.monotonic() + self._upstream.timeout
        refresh = self._owes_refresh(contact, known)
        source = await resolver(contact, refresh=refresh, until=until)
        if not refresh and self._has_expired(source):
            refresh = True
            source = await resolver(contact, refresh=True, until=until)
        now = self._clock()
        if isinstance(known, Photo) and known.source.fingerprint == source.fingerprint:
            return replace(known, source=source, confirmed=now)
        try:
            data = await origin(source, until=until)
        except PhotoGone:
            if refresh:
                raise
            source = await resolver(contact, refresh=True, until=until)
            data = await origin(source, until=until)
        master = await self._upstream.clean(data)
        photo = Photo(
            source=source,
            fetched=now,
            since=now,
            confirmed=now,
            version=version_of(data),
            sample=None,
            master=master,
        )
        if isinstance(known, Photo) and known.version == photo.version:
            return replace(photo, since=known.since)
        return photo

    def _owes_refresh(self, contact: ContactId, known: Portrait | None) -> bool:
        """A first "none" is owed one refresh before it is believed."""
        last = self._backoffs.last(contact)
        doubted = last is not None and last.reason is Reason.NONE
        return doubted or (isinstance(known, Absence) and not known.certain)

    def _has_expired(self, source: PhotoUrl) -> bool:
        return source.expires is not None and source.expires - EXPIRY_SKEW <= self._clock()

    def _failed(
        self, contact: ContactId, failure: AvatarUnavailable, known: Portrait | None
    ) -> Finding:
        # An upstream that wants no pause at all gets ours: else every view were a question.
        pause = failure.retry_after or None if isinstance(failure, OverBudget) else None
        if isinstance(failure, PhotoGone):  # even a fresh signature did not help
            pause = MAX_BACKOFF
        backoff = self._backoffs.fail(contact, failure.reason, pause=pause)
        self._telemetry.run_failed(contact, failure.reason, str(failure))
        return self._remain(contact, known, backoff)

    def _remain(self, contact: ContactId, known: Portrait | None, backoff: Backoff) -> Finding:
        """Answer with what is known for as long as that may be shown, then with a fallback."""
        if known is not None and self._judge(contact, known).expires > self._clock():
            return self._answer(contact, known)
        standing = _passing(backoff.reason, backoff.until)
        self._publish(contact, standing)
        return Finding(standing, None, asked=True)

    def _answer(self, contact: ContactId, portrait: Portrait) -> Finding:
        standing = self._judge(contact, portrait)
        self._publish(contact, standing)
        return Finding(standing, _photo(portrait), asked=True)

    def _judge(self, contact: ContactId, portrait: Portrait) -> Standing:
        standing = self._portraits.judge(contact, portrait)
        if is_suppression(portrait):
            # Looked up again now and then: another machine may have ended it.
            return replace(standing, fresh_until=self._clock() + self._portraits.lifetimes.none)
        return standing

    async def _latest(self, contact: ContactId) -> Portrait | None:
        """What is known; an answer that comes while the store is read is newer than its word."""
        self._overtaken[contact] = None
        try:
            known = await self._load(contact)
        finally:
            newer = self._overtaken.pop(contact)
        return newer or known

    async def _load(self, contact: ContactId) -> Portrait | None:
        """What is known; a store that fails knows nothing."""
        unsaved = self._unsaved.get(contact)
        if unsaved is not None:
            return unsaved
        try:
            known = await self._portraits.get(contact)
        except StoreFailed as failure:
            self._telemetry.store_failed(str(failure))
            return None
        self._telemetry.store_works()
        return known

    def _save(self, contact: ContactId, portrait: Portrait) -> None:
        """Write `portrait` behind the viewer; until it is written it is held here."""
        if contact in self._overtaken:
            self._overtaken[contact] = portrait
        self._unsaved[contact] = portrait
        self._unsaved.move_to_end(contact)
        if len(self._unsaved) > MAX_UNSAVED:
            self._unsaved.popitem(last=False)
        task = asyncio.create_task(self._write(contact, portrait))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    async def _write(self, contact: ContactId, portrait: Portrait) -> None:
        try:
            kept = await self._portraits.put(contact, portrait)
        except StoreFailed as failure:
            self._telemetry.store_failed(str(failure))
            return
        self._telemetry.store_works()
        if not kept:  # suppressed while the upstream was asked
            self._answer(contact, Absence(self._clock(), certain=True, suppressed=True))
        if self._unsaved.get(contact) is portrait:
            del self._unsaved[contact]


def _photo(portrait: Portrait) -> Photo | None:
    return portrait if isinstance(portrait, Photo) else None


def _passing(reason: Reason, until: float) -> Standing:
    """A fallback that holds until the back-off ends."""
    return Standing(fresh_until=until, expires=until, reason=reason)
