"""Hair and headwear share this: what falls behind the head, and what lies before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sandbox.drawing.brush import Brush, darker, lighter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.sandbox.drawing.brush import Point
    from gateway.sandbox.drawing.looks import Look

    Painter = Callable[[Brush, Look], None]

__all__ = ["Style", "cover", "nothing"]


@dataclass(frozen=True, slots=True)
class Style:
    """One way to wear the hair; `behind` is painted first of all, `before` over the face."""

    behind: Painter
    before: Painter


def nothing(brush: Brush, look: Look) -> None:
    """Paint nothing."""
    del brush, look


def cover(brush: Brush, look: Look, outline: Sequence[Point]) -> None:
    """Hair on the head with a light from the left."""
    brush.blob(outline, look.hair_colour)
    gleam = [(226, 230), (246, 176), (300, 146), (330, 150), (280, 174), (250, 220)]
    brush.shade(gleam, within=outline, fill=lighter(look.hair_colour, 0.4), strength=0.4, soft=7)
    dusk = [(400, 130), (470, 240), (440, 360), (404, 260), (380, 190)]
    brush.shade(dusk, within=outline, fill=darker(look.hair_colour, 0.6), strength=0.4, soft=10)
