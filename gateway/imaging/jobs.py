"""Jobs: everything there is to draw, as plain values that may be done in another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.imaging.identicons import draw_identicon
from gateway.imaging.lettering import draw_initials
from gateway.imaging.rendering import draw_custom, finish, render
from gateway.imaging.silhouettes import draw_blank, draw_fallback
from gateway.model import Canvas, Fallback, Kind, Sample

if TYPE_CHECKING:
    from gateway.imaging.fonts import Fonts


@dataclass(frozen=True, slots=True)
class Print:
    """A master or its small copy on a canvas."""

    original: bytes = field(repr=False)
    canvas: Canvas


@dataclass(frozen=True, slots=True)
class Finish:
    """Pixels that are as many as the canvas has."""

    sample: Sample
    canvas: Canvas


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


@dataclass(frozen=True, slots=True)
class Draw:
    """A fallback; `custom` is a clean picture shown instead of the silhouette."""

    plan: Plan
    custom: bytes | None = field(default=None, repr=False)


Job = Print | Finish | Draw


def make(job: Job, fonts: Fonts) -> bytes:
    """Draw and encode what `job` names; raises `Undecodable` for a broken original."""
    match job:
        case Print(original, canvas):
            return render(original, canvas)
        case Finish(sample, canvas):
            return finish(sample, canvas)
        case Draw(plan, custom):
            return _draw(plan, custom, fonts)


def _draw(plan: Plan, custom: bytes | None, fonts: Fonts) -> bytes:
    match plan.fallback:
        case Fallback.INITIALS:
            return draw_initials(plan.letters, plan.tint, plan.canvas, fonts=fonts)
        case Fallback.IDENTICON:
            return draw_identicon(plan.seed, plan.canvas)
        case Fallback.BLANK:
            return draw_blank(plan.canvas)
        case _ if custom is not None:
            return draw_custom(custom, plan.canvas)
        case _:
            return draw_fallback(plan.kind or Kind.PERSON, plan.canvas)
