"""Silhouettes and the blank: what is shown where there is no photo."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from gateway.imaging import vectors
from gateway.imaging.assets import static_path
from gateway.imaging.cutting import cut, page_colour
from gateway.imaging.encoding import encode_drawn, encode_flat

if TYPE_CHECKING:
    from gateway.model import Canvas, Kind


def draw_fallback(kind: Kind, canvas: Canvas) -> bytes:
    """The silhouette for a kind of contact, on its own calm backdrop."""
    return encode_drawn(cut(_figure(kind).draw(canvas.pixels), canvas), canvas.format)


def draw_blank(canvas: Canvas) -> bytes:
    """Nothing: fully transparent, or all background where there is one (white in JPEG)."""
    return encode_flat(page_colour(canvas), canvas.pixels, canvas.format)


@cache
def _figure(kind: Kind) -> vectors.Drawing:
    return vectors.read(static_path(f"silhouettes/{kind.value}.svg"))
