"""The artist: names what is to be drawn, and has it drawn in the studio.

Pillow is loaded when something is drawn in this process, which is seldom: pictures are drawn in
another one. A worker that does without it starts sooner and is a tenth smaller.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from gateway.imaging.jobs import Draw, Finish, Plan, Print
from gateway.imaging.names import initials
from gateway.imaging.tints import TINTS, tint_of
from gateway.model import Canvas, Fallback, Format, Kind, Rendition

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.imaging.fonts import Fonts
    from gateway.imaging.jobs import Job
    from gateway.model import AvatarSpec, Sample

T = TypeVar("T")

NAMES: Final = 1024
"""Names whose initials are remembered: each is needed more than once, and takes 20 µs."""


class Studio(Protocol):
    """Lets the making of pictures begin."""

    async def photo(self, work: Callable[[], Coroutine[Any, Any, T]], *, pixels: int) -> T:
        """Do `work` on the photo lane; raises `Busy`."""

    async def fallback(self, work: Callable[[], Coroutine[Any, Any, T]], *, pixels: int) -> T:
        """Do `work` on the fallback lane; raises `Busy`."""


class Work(Protocol):
    """Does a job, off the event loop."""

    async def __call__(self, job: Job) -> Rendition:
        """Draw and encode it; raises `Undecodable` or `Busy`."""


class Artist:
    """Has `work` do jobs when `studio` lets them begin.

    Letters are chosen for `fonts` (by default those that ship and the machine's own); `custom` is
    a clean picture shown instead of the silhouette.
    """

    def __init__(
        self,
        studio: Studio,
        work: Work,
        *,
        custom: bytes | None = None,
        fonts: Fonts | None = None,
    ) -> None:
        self._studio = studio
        self._fonts = fonts
        self._work = work
        self._custom = custom
        self._initials = lru_cache(NAMES)(self._letters)

    async def photo(self, original: bytes, canvas: Canvas) -> Rendition:
        """Draw a master or its small copy on `canvas`; raises `Undecodable` or `Busy`."""
        return await self._photo(Print(original, canvas))

    async def sample(self, sample: Sample, canvas: Canvas) -> Rendition:
        """Draw pixels that have the canvas's size already; raises `Busy`."""
        return await self._photo(Finish(sample, canvas))

    def plan(self, kind: Kind, spec: AvatarSpec, seed: bytes) -> Plan:
        """Name the fallback that `spec` wants; initials that cannot be written are a silhouette."""
        match spec.fallback:
            case Fallback.IDENTICON:
                return Plan(spec.canvas, Fallback.IDENTICON, seed=seed[:16])
            case Fallback.BLANK:
                return Plan(spec.canvas, Fallback.BLANK)
            case Fallback.INITIALS if letters := self._initials(spec.name):
                tint = tint_of(seed)
                return Plan(spec.canvas, Fallback.INITIALS, letters=letters, tint=tint)
            case _:
                shown = None if self._custom is not None else kind
                return Plan(spec.canvas, Fallback.SILHOUETTE, kind=shown)

    async def draw(self, plan: Plan) -> Rendition:
        """Draw what `plan` names; raises `Busy`."""
        custom = self._custom if plan.fallback is Fallback.SILHOUETTE else None
        work = partial(self._work, Draw(plan, custom))
        return await self._studio.fallback(work, pixels=plan.canvas.pixels)

    def colour(self, sample: Sample | None, seed: bytes) -> str:
        """Return the average colour of a photo, or without one the tint of `seed`: ``#rrggbb``."""
        if sample is None:
            found = TINTS[tint_of(seed)]
        else:
            from gateway.imaging.rendering import average  # noqa: PLC0415 - Pillow

            found = average(sample)
        return f"#{found.red:02x}{found.green:02x}{found.blue:02x}"

    def blank(self, canvas: Canvas) -> Rendition:
        """Draw nothing, at once and on this thread: the last resort when every lane is full.

        An AVIF would hold all others up for as long as a thousand answers take, so it is a PNG.
        """
        from gateway.imaging.silhouettes import draw_blank  # noqa: PLC0415 - Pillow

        if canvas.format is Format.AVIF:
            canvas = replace(canvas, format=Format.PNG)
        return Rendition.of(draw_blank(canvas), canvas.format)

    def _letters(self, name: str) -> tuple[str, ...]:
        from gateway.imaging.fonts import standard  # noqa: PLC0415 - Pillow

        return initials(name, self._fonts or standard())

    async def _photo(self, job: Print | Finish) -> Rendition:
        return await self._studio.photo(partial(self._work, job), pixels=job.canvas.pixels)
