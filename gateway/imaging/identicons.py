"""Identicons: a small pattern that stands for somebody, always the same one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from gateway.imaging.cutting import cut
from gateway.imaging.encoding import encode_drawn
from gateway.imaging.tints import TINTS, tint_of
from gateway.model import Colour

if TYPE_CHECKING:
    from gateway.model import Canvas

_GRID: Final = 5
_HALF: Final = 3
"""Columns that are drawn from the seed; the others mirror them."""

_SPAN: Final = 0.66
"""Share of the side that the pattern takes: it fits into the circle."""

_PAPER: Final = 0.16
"""Share of the tint in the backdrop; the rest is white."""


def draw_identicon(seed: bytes, canvas: Canvas) -> bytes:
    """A symmetric pattern of 5 × 5 squares; the same seed gives the same pattern.

    Its tint is that of the contact's initials.
    """
    digest = hashlib.sha256(seed).digest()
    tint = TINTS[tint_of(seed)]
    paper = Colour(*(round(255 + (channel - 255) * _PAPER) for channel in tint))
    picture = Image.new("RGB", (canvas.pixels, canvas.pixels), paper)
    pen = ImageDraw.Draw(picture)
    # Whole pixels, so that every square has the same size and sharp edges.
    cell = max(round(canvas.pixels * _SPAN / _GRID), 1)
    start = (canvas.pixels - _GRID * cell) // 2
    for column, row in _cells(digest):
        left, top = start + column * cell, start + row * cell
        pen.rectangle((left, top, left + cell - 1, top + cell - 1), tint)
    return encode_drawn(cut(picture, canvas), canvas.format)


def _cells(digest: bytes) -> list[tuple[int, int]]:
    """The filled cells as column and row: 7 or 8 of the 15 drawn ones, then mirrored.

    A fixed number keeps every pattern from being nearly empty or nearly full.
    """
    order = sorted(range(_HALF * _GRID), key=lambda cell: (digest[1 + cell], cell))
    chosen = [divmod(cell, _GRID) for cell in order[: 7 + digest[31] % 2]]
    mirrored = [(_GRID - 1 - column, row) for column, row in chosen if column < _HALF - 1]
    return chosen + mirrored
