"""The service: an avatar for a contact, always, in time. The page to read first.

`Avatars.get` is the way of a request: what this worker holds ready → what is known of the
contact, or the upstream → the renderer; and a fallback wherever that ends in `AvatarUnavailable`.
Nobody who asks can cancel what goes on: a viewer waits until the deadline, then gets the fallback,
while the run goes on and fills the cache.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic

from gateway.drawings import PlanT
from gateway.errors import AvatarUnavailable
from gateway.findings import known_beforehand, passing
from gateway.model import Avatar, Fallback, Path
from gateway.telemetry.stopwatch import IDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.drawings import Drawings
    from gateway.findings import Finding
    from gateway.inquiry import Inquiry
    from gateway.lookout import Lookout
    from gateway.model import AvatarSpec, ContactId, Rendition, Standing
    from gateway.renditions import Renditions
    from gateway.telemetry.stopwatch import Laps


class Avatars(Generic[PlanT]):
    """Avatars from `renditions`, or from whatever `lookout` has found out; `clock` is Unix time."""

    def __init__(
        self,
        renditions: Renditions,
        inquiry: Inquiry,
        lookout: Lookout,
        drawings: Drawings[PlanT],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._renditions = renditions
        self._inquiry = inquiry
        self._lookout = lookout
        self._drawings = drawings
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
        until = self._lookout.until()
        standing = known_beforehand(contact, forced=spec.forced)
        if standing is not None:
            return await self._fallback(contact, spec, standing, Path.HIT)
        with watch.lap("cache"):
            held = self._held(contact, spec)
        if held is not None:
            rendition, standing = held
            if rendition is not None:
                return Avatar(rendition, standing, Path.HIT)
            return await self._fallback(contact, spec, standing, Path.HIT)
        with watch.lap("wait"):
            side = spec.canvas.pixels
            finding, path = await self._lookout.find(contact, side, until, network=network)
        with watch.lap("draw"):
            return await self._show(contact, spec, finding, path, until)

    def ready(self, contact: ContactId, spec: AvatarSpec) -> Avatar | None:
        """Return what `get` would without waiting or asking anybody, if it will not change soon."""
        standing = known_beforehand(contact, forced=spec.forced)
        if standing is None:
            standing = self._renditions.standing(contact)
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
        until = self._lookout.until()
        task = self._inquiry.refresh(contact, spec.canvas.pixels)
        try:
            finding = await self._lookout.wait(task, until)
        except AvatarUnavailable:
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

    async def _show(
        self, contact: ContactId, spec: AvatarSpec, finding: Finding, path: Path, until: float
    ) -> Avatar:
        """Draw what was found, before `until` (`time.monotonic`)."""
        if finding.photo is None:
            return await self._fallback(contact, spec, finding.standing, path)
        try:
            rendition = await self._lookout.wait(
                self._drawings.photo(contact, spec.canvas, finding), until
            )
        except AvatarUnavailable as failure:
            standing = passing(failure.reason, self._clock())
            return await self._fallback(contact, spec, standing, path)
        return Avatar(rendition, finding.standing, path)

    async def _fallback(
        self, contact: ContactId, spec: AvatarSpec, standing: Standing, path: Path
    ) -> Avatar:
        if spec.fallback is Fallback.NOT_FOUND:
            return Avatar(None, standing, path)
        return Avatar(await self._drawings.fallback(contact, spec), standing, path)
