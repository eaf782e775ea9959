"""The service: an avatar for a contact, always, in time. The page to read first.

`Avatars.get` is the way of a request: what this worker holds ready → what is known of the
contact, or the upstream → the renderer; and a fallback wherever that ends in `AvatarUnavailable`.
Nobody who asks can cancel what goes on: a viewer waits until the deadline, then gets the fallback,
while the run goes on and fills the cache.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Generic

from gateway.drawings import PlanT
from gateway.errors import AvatarUnavailable, Busy, Reason, TimedOut
from gateway.findings import Finding, passing
from gateway.model import Avatar, Fallback, Path, Standing
from gateway.singleflight import within
from gateway.telemetry.stopwatch import IDLE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from gateway.drawings import Drawings
    from gateway.inquiry import Inquiry
    from gateway.model import AvatarSpec, ContactId, Rendition
    from gateway.renditions import Renditions
    from gateway.telemetry.stopwatch import Laps

MAX_VIEWERS: Final = 2048
"""Viewers who may wait for runs at a time; one more is answered at once, as busy."""


class Avatars(Generic[PlanT]):
    """Avatars within `deadline` seconds.

    At most `viewers` wait at a time for what is not known yet. `clock` gives Unix seconds.
    """

    def __init__(
        self,
        renditions: Renditions,
        inquiry: Inquiry,
        drawings: Drawings[PlanT],
        *,
        deadline: float,
        viewers: int = MAX_VIEWERS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._renditions = renditions
        self._inquiry = inquiry
        self._drawings = drawings
        self._deadline = deadline
        self._room = viewers
        self._clock = clock

    async def get(
        self,
        contact: ContactId,
        spec: AvatarSpec,
        *,
        network: str | None = None,
        watch: Laps = IDLE,
    ) -> Avatar:
        """Return the avatar of `contact` as `spec` wants it: the photo, or a fallback and why.

        `network` is where a stranger asks from, who may not have everybody looked up; `watch`
        learns how long was looked, waited and drawn.
        """
        until = time.monotonic() + self._deadline
        reason = reason_without_asking(contact, spec)
        if reason is not None:
            return await self._fallback(contact, spec, _lasting(reason), Path.HIT)
        with watch.lap("cache"):
            held = self._held(contact, spec)
        if held is not None:
            rendition, standing = held
            if rendition is not None:
                return Avatar(rendition, standing, Path.HIT)
            return await self._fallback(contact, spec, standing, Path.HIT)
        with watch.lap("wait"):
            side = spec.canvas.pixels
            finding, path = await self.look(contact, side, until, network=network)
        with watch.lap("draw"):
            return await self._show(contact, spec, finding, path, until)

    def ready(self, contact: ContactId, spec: AvatarSpec) -> Avatar | None:
        """Return what `get` would without waiting or asking anybody, if it will not change soon."""
        reason = reason_without_asking(contact, spec)
        standing = self._renditions.standing(contact) if reason is None else _lasting(reason)
        if standing is None or standing.fresh_until <= self._clock():
            return None
        if standing.reason is None:
            rendition = self._renditions.get(contact, spec.canvas)
        elif standing.settled and spec.fallback is not Fallback.NOT_FOUND:
            rendition = self._drawings.ready(contact, spec)
        else:
            return None
        return None if rendition is None else Avatar(rendition, standing, Path.HIT)

    async def refreshed(self, contact: ContactId, spec: AvatarSpec) -> Avatar:
        """Return the avatar after a question past the API's cache, or in time what is known."""
        until = time.monotonic() + self._deadline
        task = self._inquiry.refresh(contact, spec.canvas.pixels)
        try:
            finding = await within(task, until - time.monotonic())
        except (TimeoutError, AvatarUnavailable):
            return await self.get(contact, spec)
        return await self._show(contact, spec, finding, Path.MISS, until)

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

    async def look(
        self, contact: ContactId, side: int, until: float, *, network: str | None = None
    ) -> tuple[Finding, Path]:
        """Find out how `contact` stands; after `until` (`time.monotonic`) that is not known."""
        try:
            with self._seated():
                task, joined = self._inquiry.find(contact, side, network)
                finding = await within(task, until - time.monotonic())
        except Busy:
            return Finding(self._passing(Reason.BUSY), asked=True), Path.MISS
        except TimeoutError:
            late = self._inquiry.waits_for_budget(contact)
            why = Reason.BUDGET if late else TimedOut.reason
            return Finding(self._passing(why), asked=True), _path(joined=joined)
        return finding, _path(joined=joined) if finding.asked else Path.HIT

    async def _show(
        self, contact: ContactId, spec: AvatarSpec, finding: Finding, path: Path, until: float
    ) -> Avatar:
        """Draw what was found, before `until`."""
        if finding.photo is None:
            return await self._fallback(contact, spec, finding.standing, path)
        drawing: asyncio.Task[Rendition] = self._drawings.photo(contact, spec.canvas, finding)
        try:
            with self._seated():
                rendition = await within(drawing, until - time.monotonic())
        except AvatarUnavailable as failure:
            return await self._fallback(contact, spec, self._passing(failure.reason), path)
        except TimeoutError:
            return await self._fallback(contact, spec, self._passing(TimedOut.reason), path)
        return Avatar(rendition, finding.standing, path)

    async def _fallback(
        self, contact: ContactId, spec: AvatarSpec, standing: Standing, path: Path
    ) -> Avatar:
        if spec.fallback is Fallback.NOT_FOUND:
            return Avatar(None, standing, path)
        return Avatar(await self._drawings.fallback(contact, spec), standing, path)

    @contextmanager
    def _seated(self) -> Iterator[None]:
        """Take one of the seats for those who wait; raises `Busy` if there is none."""
        if not self._room:
            raise Busy("too many viewers wait")
        self._room -= 1
        try:
            yield
        finally:
            self._room += 1

    def _passing(self, reason: Reason) -> Standing:
        return passing(reason, self._clock())


def reason_without_asking(contact: ContactId, spec: AvatarSpec) -> Reason | None:
    """Why nobody is asked about `contact`, if that depends on the request alone."""
    if spec.forced:
        return Reason.FORCED
    return None if contact.can_have_photo else Reason.UNSUPPORTED


def _lasting(reason: Reason) -> Standing:
    """A fallback that depends on the request alone and never changes."""
    return Standing(float("inf"), float("inf"), reason=reason, settled=True)


def _path(*, joined: bool) -> Path:
    return Path.COLLAPSED if joined else Path.MISS
