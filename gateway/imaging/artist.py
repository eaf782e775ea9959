"""The artist: names what is to be drawn, and has it drawn in the studio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from gateway.imaging.fonts import Fonts
from gateway.imaging.identicons import draw_identicon
from gateway.imaging.lettering import draw_initials
from gateway.imaging.names import initials
from gateway.imaging.rendering import average, draw_custom, finish, render
from gateway.imaging.silhouettes import draw_blank, draw_blank_at_once, draw_fallback
from gateway.imaging.tints import TINTS, tint_of
from gateway.model import Canvas, Fallback, Kind, Rendition

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import AvatarSpec, Sample

T = TypeVar("T")


class Studio(Protocol):
    """Where pictures are made, off the event loop."""

    async def photo(self, work: Callable[[], T]) -> T:
        """Run `work` on the photo lane; raises `Busy`."""

    async def fallback(self, work: Callable[[], T]) -> T:
        """Run `work` on the fallback lane; raises `Busy`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A fallback before it is drawn: what is to be seen and nothing about whom it stands for.

    Fields that do not show stay empty, so that equal plans are equal pictures: `kind` is None
    but for a silhouette, `letters` and `tint` belong to initials, `seed` to an identicon.
    """

    canvas: Canvas
    fallback: Fallback
    kind: Kind | None = None
    letters: tuple[str, ...] = ()
    tint: int = 0
    seed: bytes = b""


class Artist:
    """Draws in `studio`, letters with `fonts` (by default those that ship and the machine's own).

    `custom` is a clean picture shown instead of the silhouette.
    """

    def __init__(
        self, studio: Studio, *, custom: bytes | None = None, fonts: Fonts | None = None
    ) -> None:
        self._studio = studio
        self._custom = custom
        self._fonts = fonts or Fonts()

    async def photo(self, original: bytes, canvas: Canvas) -> Rendition:
        """Draw a master or its small copy on `canvas`; raises `Undecodable` or `Busy`."""
        return await self._studio.photo(lambda: _named(render(original, canvas), canvas))

    async def sample(self, sample: Sample, canvas: Canvas) -> Rendition:
        """Draw pixels that have the canvas's size already; raises `Busy`."""
        return await self._studio.photo(lambda: _named(finish(sample, canvas), canvas))

    def plan(self, kind: Kind, spec: AvatarSpec, seed: bytes) -> Plan:
        """Name the fallback that `spec` wants; initials that cannot be written are a silhouette."""
        match spec.fallback:
            case Fallback.IDENTICON:
                return Plan(spec.canvas, Fallback.IDENTICON, seed=seed[:16])
            case Fallback.BLANK:
                return Plan(spec.canvas, Fallback.BLANK)
            case Fallback.INITIALS if letters := initials(spec.name, self._fonts):
                tint = tint_of(seed)
                return Plan(spec.canvas, Fallback.INITIALS, letters=letters, tint=tint)
            case _:
                shown = None if self._custom is not None else kind
                return Plan(spec.canvas, Fallback.SILHOUETTE, kind=shown)

    async def draw(self, plan: Plan) -> Rendition:
        """Draw what `plan` names; raises `Busy`."""
        return await self._studio.fallback(lambda: _named(self._drawn(plan), plan.canvas))

    def colour(self, sample: Sample | None, seed: bytes) -> str:
        """Return the average colour of a photo, or without one the tint of `seed`: ``#rrggbb``."""
        found = TINTS[tint_of(seed)] if sample is None else average(sample)
        return f"#{found.red:02x}{found.green:02x}{found.blue:02x}"

    def blank(self, canvas: Canvas) -> Rendition:
        """Draw nothing, at once and on this thread: the last resort when every lane is full."""
        return _named(draw_blank_at_once(canvas), canvas)

    def _drawn(self, plan: Plan) -> bytes:
        match plan.fallback:
            case Fallback.INITIALS:
                return draw_initials(plan.letters, plan.tint, plan.canvas, fonts=self._fonts)
            case Fallback.IDENTICON:
                return draw_identicon(plan.seed, plan.canvas)
            case Fallback.BLANK:
                return draw_blank(plan.canvas)
            case _ if self._custom is not None:
                return draw_custom(self._custom, plan.canvas)
            case _:
                return draw_fallback(plan.kind or Kind.PERSON, plan.canvas)


def _named(body: bytes, canvas: Canvas) -> Rendition:
    """Hash `body` where it was made: for a megabyte the event loop could answer many hits."""
    return Rendition.of(body, canvas.format)
