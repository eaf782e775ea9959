"""Find out how a contact stands: look into the store, and ask the upstream if that is not enough.

One inquiry for a contact at a time. It belongs to nobody who waits for it: it goes on when they
leave, and tells `publish` what it found. A photo that has come is told at once, and developed
behind that; until then whoever asks is given the same finding.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.budget import MAX_BACKOFF
from gateway.errors import (
    AvatarUnavailable,
    NoPhoto,
    OverBudget,
    PhotoGone,
    Reason,
    Rejected,
    StoreFailed,
)
from gateway.model import Absence, Photo, Portrait, Standing
from gateway.portraits import is_suppression
from gateway.question import Arrival, Question
from gateway.singleflight import Singleflight

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.budget import Backoff, Backoffs
    from gateway.model import ContactId, Sample, Sighting
    from gateway.portraits import PortraitStore
    from gateway.question import Upstream
    from gateway.telemetry import Telemetry

MAX_UNSAVED: Final = 64
"""Most portraits held in memory while the store cannot take them."""

MAX_FINISH: Final = 0.5
"""Seconds that photos in development have when everything closes; they take milliseconds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What an inquiry found; `asked` says that the upstream was asked for it.

    A photo that has just come may still be in development: then `photo` is done later, and fails
    if that does. Its `sample` is there at once.
    """

    standing: Standing
    photo: asyncio.Future[Photo] | None
    asked: bool
    sample: Sample | None = None


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
        self._question = Question(upstream, clock=clock)
        self._portraits = portraits
        self._backoffs = backoffs
        self._telemetry = telemetry
        self._publish = publish
        self._clock = clock
        self._lookups: Singleflight[Finding] = Singleflight()
        self._questions: Singleflight[Finding] = Singleflight()
        self._developments: Singleflight[Photo] = Singleflight()
        self._developing: dict[ContactId, Finding] = {}
        self._overtaken: dict[ContactId, Portrait | None] = {}
        self._unsaved: OrderedDict[ContactId, Portrait] = OrderedDict()
        self._saving: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Drop what is under way, but keep photos that have come: the next life need not ask."""
        await self._lookups.aclose()
        await self._questions.aclose()
        await self._developments.finish(MAX_FINISH)
        await self._developments.aclose()
        await asyncio.gather(*self._saving)

    def find(self, contact: ContactId, side: int) -> tuple[asyncio.Task[Finding], bool]:
        """Return the run that finds out, and whether it was under way already.

        If that starts one, `side` is how many pixels a photo is first scaled to.
        """
        run, joined = self._lookups.join(contact, lambda: self._find(contact, side))
        return run, joined or contact in self._developing

    def renew(self, contact: ContactId, side: int) -> None:
        """Ask the upstream behind a stale answer, unless a back-off holds."""
        if self._backoffs.current(contact) is None and contact not in self._developing:
            self._questions.join(contact, lambda: self._ask_known(contact, side))

    async def _find(self, contact: ContactId, side: int) -> Finding:
        known = None if contact in self._developing else await self._latest(contact)
        if contact in self._developing:  # perhaps since the store began to be read
            return self._developing[contact]
        if known is not None:
            standing = self._judge(contact, known)
            if standing.expires > self._clock():
                self._publish(contact, standing)
                if standing.fresh_until <= self._clock():
                    self.renew(contact, side)
                return _finding(standing, known, asked=False)
        backoff = self._backoffs.current(contact)
        if backoff is not None:
            return Finding(_passing(backoff.reason, backoff.until), None, asked=False)
        task, _ = self._questions.join(contact, lambda: self._ask(contact, known, side))
        await asyncio.wait((task,))
        return task.result()

    async def _ask_known(self, contact: ContactId, side: int) -> Finding:
        """Ask behind the viewers, of whom nobody waits to be told of a bug."""
        try:
            known = await self._load(contact)
            if is_suppression(known):
                return self._answer(contact, known)
            return await self._ask(contact, known, side)
        except Exception as error:
            self._telemetry.bug(error)
            raise

    async def _ask(self, contact: ContactId, known: Portrait | None, side: int) -> Finding:
        """Put the question; an error never erases what is known."""
        refresh = self._owes_refresh(contact, known)
        try:
            answer: Portrait | Arrival = await self._question(contact, known, side, refresh=refresh)
        except NoPhoto as none:
            if not none.confirmed and isinstance(known, Photo):
                # The photo stays, as stale, until the absence is confirmed by a refresh.
                pause = self._portraits.lifetimes.confirm
                backoff = self._backoffs.fail(contact, Reason.NONE, pause=pause)
                return self._remain(contact, known, backoff)
            answer = Absence(since=self._clock(), certain=none.confirmed)
        except AvatarUnavailable as failure:
            return self._failed(contact, failure, known)
        except Exception:
            # A bug must not turn every view into a question.
            self._backoffs.fail(contact, Reason.INTERNAL)
            raise
        if isinstance(answer, Arrival):
            return self._develop(contact, known, answer)
        self._keep(contact, answer)
        return self._answer(contact, answer)

    def _develop(self, contact: ContactId, known: Portrait | None, arrival: Arrival) -> Finding:
        """Tell of a photo before its master is made, which goes on behind the viewers."""
        photo, _ = self._developments.join(
            contact, lambda: self._developed(contact, known, arrival)
        )
        standing = self._publish_as(contact, arrival.sighting)
        finding = Finding(standing, photo, asked=True, sample=arrival.sighting.sample)
        self._developing[contact] = finding
        photo.add_done_callback(lambda _: self._developing.pop(contact))
        return finding

    async def _developed(
        self, contact: ContactId, known: Portrait | None, arrival: Arrival
    ) -> Photo:
        try:
            photo = arrival.sighting.developed(await arrival.master)
        except AvatarUnavailable as failure:
            if isinstance(failure, Rejected):
                self._question.reject(arrival.sighting.source)
            self._failed(contact, failure, known)
            raise
        except Exception as error:
            self._telemetry.bug(error)
            self._remain(contact, known, self._backoffs.fail(contact, Reason.INTERNAL))
            raise
        self._keep(contact, photo)
        return photo

    def _owes_refresh(self, contact: ContactId, known: Portrait | None) -> bool:
        """A first "none" is owed one refresh before it is believed."""
        last = self._backoffs.last(contact)
        doubted = last is not None and last.reason is Reason.NONE
        return doubted or (isinstance(known, Absence) and not known.certain)

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
        standing = self._publish_as(contact, portrait)
        return _finding(standing, portrait, asked=True)

    def _publish_as(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
        standing = self._judge(contact, portrait)
        self._publish(contact, standing)
        return standing

    def _keep(self, contact: ContactId, portrait: Portrait) -> None:
        """The question is answered for good: no back-off any more, and it is stored."""
        self._backoffs.clear(contact)
        self._save(contact, portrait)

    def _judge(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
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


def _finding(standing: Standing, portrait: Portrait, *, asked: bool) -> Finding:
    """A finding that nobody has to wait for."""
    if not isinstance(portrait, Photo):
        return Finding(standing, None, asked)
    photo: asyncio.Future[Photo] = asyncio.get_running_loop().create_future()
    photo.set_result(portrait)
    return Finding(standing, photo, asked, portrait.sample)


def _passing(reason: Reason, until: float) -> Standing:
    """A fallback that holds until the back-off ends."""
    return Standing(fresh_until=until, expires=until, reason=reason)
