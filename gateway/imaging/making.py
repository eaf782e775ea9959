"""Making: whatever a job names becomes an encoded picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.imaging.fonts import standard
from gateway.imaging.identicons import draw_identicon
from gateway.imaging.jobs import Draw, Finish, Print
from gateway.imaging.lettering import draw_initials
from gateway.imaging.rendering import draw_custom, finish, render
from gateway.imaging.silhouettes import draw_blank, draw_fallback
from gateway.model import Fallback, Kind

if TYPE_CHECKING:
    from gateway.imaging.fonts import Fonts
    from gateway.imaging.jobs import Job, Plan


def make(job: Job, fonts: Fonts | None = None) -> bytes:
    """Draw and encode what `job` names, letters with `fonts` (by default the standard ones).

    Raises `Undecodable` for a broken original.
    """
    match job:
        case Print(original, canvas):
            return render(original, canvas)
        case Finish(sample, canvas):
            return finish(sample, canvas)
        case Draw(plan, custom):
            return _draw(plan, custom, fonts or standard())


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
