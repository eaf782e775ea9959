"""Pictures for findings: photos drawn once for all who want them so, and fallbacks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from gateway.errors import Busy
from gateway.singleflight import Singleflight, within

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gateway.findings import Finding
    from gateway.model import AvatarSpec, Canvas, ContactId, Kind, Photo, Rendition, Sample
    from gateway.renditions import Renditions

MAX_DRAWING: Final = 1.0
"""Seconds a fallback may take to be drawn, beyond the deadline; it takes a few milliseconds."""

PlanT = TypeVar("PlanT", bound="Hashable")


class Artist(Protocol[PlanT]):
    """Makes pictures, off the event loop."""

    async def photo(self, original: bytes, canvas: Canvas) -> Rendition:
        """Draw a clean picture on `canvas`; raises `Busy` or `Undecodable`."""

    async def sample(self, sample: Sample, canvas: Canvas) -> Rendition:
        """Draw pixels that have the canvas's size already; raises `Busy`."""

    def plan(self, kind: Kind, spec: AvatarSpec, seed: bytes) -> PlanT:
        """Name what a fallback would show: equal plans are equal pictures."""

    async def draw(self, plan: PlanT) -> Rendition:
        """Draw the fallback that was planned; raises `Busy`."""

    def blank(self, canvas: Canvas) -> Rendition:
        """Draw nothing, at once: the last resort."""

    def colour(self, sample: Sample | None, seed: bytes) -> str:
        """Return the colour that stands for a photo, or for nobody's, as ``#rrggbb``."""


class Drawings(Generic[PlanT]):
    """Drawings by `artist`, kept in `renditions`; `seed` gives the bytes that colour a contact."""

    def __init__(
        self,
        renditions: Renditions,
        artist: Artist[PlanT],
        *,
        seed: Callable[[ContactId], bytes],
    ) -> None:
        self._renditions = renditions
        self._artist = artist
        self._seed = seed
        self._under_way: Singleflight[Rendition] = Singleflight()

    async def aclose(self) -> None:
        """Drop drawings that are under way."""
        await self._under_way.aclose()

    def photo(
        self, contact: ContactId, canvas: Canvas, finding: Finding
    ) -> asyncio.Task[Rendition]:
        """Draw the photo that was found, once for all; it is kept even if they have left.

        The task raises `AvatarUnavailable`.
        """
        sample, version = finding.sample, finding.standing.version

        async def draw() -> Rendition:
            if sample is not None and sample.side == canvas.pixels:
                # A photo that has just come has no master yet, but this much of it.
                rendition = await self._artist.sample(sample, canvas)
            else:
                original = (await _photo(finding)).original(canvas.pixels)
                rendition = await self._artist.photo(original, canvas)
            self._renditions.add(contact, canvas, rendition, version)
            return rendition

        return self._under_way.join((contact, canvas, version), draw)[0]

    async def fallback(self, contact: ContactId, spec: AvatarSpec) -> Rendition:
        """Return the fallback that `spec` wants for `contact`."""
        return await self.stand_in(contact.kind, spec, self._seed(contact))

    def ready(self, contact: ContactId, spec: AvatarSpec) -> Rendition | None:
        """Return the same, if it has been drawn."""
        plan = self._artist.plan(contact.kind, spec, self._seed(contact))
        return self._renditions.drawn(plan)

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

        try:
            return await within(self._under_way.join(plan, draw)[0], MAX_DRAWING)
        except (Busy, TimeoutError):
            return self._artist.blank(spec.canvas)

    def colour(self, contact: ContactId, finding: Finding) -> str:
        """Return what may be shown in the place of a picture until it has come: ``#rrggbb``."""
        return self._artist.colour(finding.sample, self._seed(contact))


async def _photo(finding: Finding) -> Photo:
    """Wait for the photo, and leave it alone."""
    assert finding.photo is not None  # noqa: S101 - whoever draws a photo has found one
    await asyncio.wait((finding.photo,))
    return finding.photo.result()
