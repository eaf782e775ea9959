"""The service: an avatar for a contact, always, in time. The page to read first.

`Avatars.get` is the way of a request: what this worker holds ready → what is known of the
contact, or the upstream → the renderer; and a fallback wherever that ends in `AvatarUnavailable`.
Nobody who asks can cancel a run: a viewer waits until the deadline, then gets the fallback, while
the run goes on and fills the cache.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from gateway.errors import AvatarUnavailable, Busy, Reason, TimedOut
from gateway.model import Avatar, Fallback, Path, Standing
from gateway.singleflight import Singleflight, within

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gateway.inquiry import Finding, Inquiry
    from gateway.model import AvatarSpec, Canvas, ContactId, Kind, Photo, Rendition, Sample
    from gateway.renditions import Renditions


MAX_DRAWING: Final = 1.0
"""Seconds a fallback may take to be drawn, beyond the deadline; it takes a few milliseconds."""

MAX_VIEWERS: Final = 2048
"""Viewers who may wait for runs at a time; one more is answered at once, as busy."""

PlanT = TypeVar("PlanT", bound="Hashable")


class Artist(Protocol[PlanT]):
    """Makes pictures, off the event loop."""

    async def photo(self, master: bytes, canvas: Canvas) -> Rendition:
        """Draw a clean master on `canvas`; raises `Busy` or `Undecodable`."""

    async def sample(self, sample: Sample, canvas: Canvas) -> Rendition:
        """Draw pixels that have the canvas's size already; raises `Busy`."""

    def plan(self, kind: Kind, spec: AvatarSpec, seed: bytes) -> PlanT:
        """Name what a fallback would show: equal plans are equal pictures."""

    async def draw(self, plan: PlanT) -> Rendition:
        """Draw the fallback that was planned; raises `Busy`."""

    def blank(self, canvas: Canvas) -> Rendition:
        """Draw nothing, at once: the last resort."""


class Avatars(Generic[PlanT]):
    """Avatars within `deadline` seconds; `seed` turns a contact into the bytes that colour it.

    At most `viewers` wait at a time for what is not known yet.
    """

    def __init__(  # noqa: PLR0913 - four collaborators, two numbers and a clock
        self,
        renditions: Renditions,
        inquiry: Inquiry,
        artist: Artist[PlanT],
        *,
        seed: Callable[[ContactId], bytes],
        deadline: float,
        viewers: int = MAX_VIEWERS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._renditions = renditions
        self._inquiry = inquiry
        self._artist = artist
        self._seed = seed
        self._deadline = deadline
        self._room = viewers
        self._clock = clock
        self._drawing: Singleflight[Rendition] = Singleflight()

    async def aclose(self) -> None:
        """Drop drawings that are under way."""
        await self._drawing.aclose()

    async def get(self, contact: ContactId, spec: AvatarSpec) -> Avatar:
        """Return the avatar of `contact` as `spec` wants it: the photo, or a fallback and why."""
        if spec.forced:
            return await self._fallback(contact, spec, _lasting(Reason.FORCED), Path.HIT)
        if not contact.can_have_photo:
            return await self._fallback(contact, spec, _lasting(Reason.UNSUPPORTED), Path.HIT)
        until = time.monotonic() + self._deadline
        held = self._held(contact, spec)
        if held is not None:
            rendition, standing = held
            if rendition is not None:
                return Avatar(rendition, standing, Path.HIT)
            return await self._fallback(contact, spec, standing, Path.HIT)
        if not self._room:
            return await self._fallback(contact, spec, self._passing(Reason.BUSY), Path.MISS)
        self._room -= 1
        try:
            return await self._look(contact, spec, until)
        finally:
            self._room += 1

    def _held(
        self, contact: ContactId, spec: AvatarSpec
    ) -> tuple[Rendition | None, Standing] | None:
        """What this worker knows: a rendition, a reason to have none, or nothing (None).

        Stale answers are given too, at once; a newer one is sought behind them.
        """
        standing = self._renditions.standing(contact)
        if standing is None:
            return None
        rendition = None
        if standing.reason is None:
            rendition = self._renditions.get(contact, spec.canvas)
            if rendition is None:
                return None
        if standing.fresh_until <= self._clock():
            self._inquiry.renew(contact, spec.canvas.pixels)
        return rendition, standing

    async def _look(self, contact: ContactId, spec: AvatarSpec, until: float) -> Avatar:
        """Wait for the run that finds out, and draw what it found, all before `until`."""
        task, joined = self._inquiry.find(contact, spec.canvas.pixels)
        path = Path.COLLAPSED if joined else Path.MISS
        try:
            finding = await within(task, until - time.monotonic())
            path = path if finding.asked else Path.HIT
            if finding.photo is None:
                return await self._fallback(contact, spec, finding.standing, path)
            drawing = self._draw(contact, spec.canvas, finding, finding.photo)
            rendition = await within(drawing, until - time.monotonic())
            return Avatar(rendition, finding.standing, path)
        except AvatarUnavailable as failure:
            return await self._fallback(contact, spec, self._passing(failure.reason), path)
        except TimeoutError:
            return await self._fallback(contact, spec, self._passing(TimedOut.reason), path)

    def _draw(
        self, contact: ContactId, canvas: Canvas, finding: Finding, photo: asyncio.Future[Photo]
    ) -> asyncio.Task[Rendition]:
        """Draw what was found, once for all who want it so; it is kept even if they have left."""
        sample, version = finding.sample, finding.standing.version

        async def draw() -> Rendition:
            if sample is not None and sample.side == canvas.pixels:
                # A photo that has just come has no master yet, but this much of it.
                rendition = await self._artist.sample(sample, canvas)
            else:
                await asyncio.wait((photo,))
                rendition = await self._artist.photo(photo.result().master, canvas)
            self._renditions.add(contact, canvas, rendition, version)
            return rendition

        return self._drawing.join((contact, canvas, version), draw)[0]

    async def _fallback(
        self, contact: ContactId, spec: AvatarSpec, standing: Standing, path: Path
    ) -> Avatar:
        if spec.fallback is Fallback.NOT_FOUND:
            return Avatar(None, standing, path)
        return Avatar(await self.stand_in(contact.kind, spec, self._seed(contact)), standing, path)

    async def stand_in(self, kind: Kind, spec: AvatarSpec, seed: bytes = b"") -> Rendition:
        """Return the fallback that `spec` wants; drawn once for everybody it looks the same for."""
        plan = self._artist.plan(kind, spec, seed)
        found = self._renditions.drawn(plan)
        if found is not None:
            return found

        async def draw() -> Rendition:
            rendition = await self._artist.draw(plan)
            self._renditions.keep(plan, rendition)
            return rendition

        task, _ = self._drawing.join(plan, draw)
        try:
            return await within(task, MAX_DRAWING)
        except (Busy, TimeoutError):
            return self._artist.blank(spec.canvas)

    def _passing(self, reason: Reason) -> Standing:
        now = self._clock()
        return Standing(fresh_until=now, expires=now, reason=reason)


def _lasting(reason: Reason) -> Standing:
    """A fallback that depends on the request alone and never changes."""
    return Standing(float("inf"), float("inf"), reason=reason, settled=True)
