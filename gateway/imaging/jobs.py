"""Jobs: everything there is to draw, as plain values that may be done in another process.

Nothing here needs Pillow, so a process that only hands them on does without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.model import Canvas, Fallback, Kind, Sample


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

    @property
    def canvas(self) -> Canvas:
        """Where it is drawn."""
        return self.plan.canvas


Job = Print | Finish | Draw
