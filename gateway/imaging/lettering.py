"""Lettering: initials on a tint."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PIL import Image

from gateway.imaging.cutting import cut
from gateway.imaging.encoding import encode_drawn
from gateway.imaging.tints import LETTER, TINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.imaging.fonts import Fonts, Ink
    from gateway.model import Canvas

_HEIGHT: Final = {1: 0.43, 2: 0.36}
"""Number of letters → height of the capitals as a share of the side."""

_SMALL: Final = 24
"""Pixels of a side below which letters take more of it, to be read at all."""

_MORE: Final = 0.06
"""How much more, as a share of the side."""

_WIDTH: Final = 0.74
"""Largest width of the letters as a share of the side: they stay inside the circle."""

_REACH: Final = 0.43
"""Farthest that a corner of the letters' box is from the middle, as a share of the side."""


def draw_initials(letters: Sequence[str], tint: int, canvas: Canvas, *, fonts: Fonts) -> bytes:
    """One or two clusters (see `initials`) in white on ``TINTS[tint]``."""
    picture = Image.new("RGB", (canvas.pixels, canvas.pixels), TINTS[tint])
    if letters:
        share = _HEIGHT[len(letters)] + (_MORE if canvas.pixels < _SMALL else 0)
        picture.paste(LETTER, mask=_lay_out(fonts.ink(letters), canvas.pixels, share))
    return encode_drawn(cut(picture, canvas), canvas.format)


def _lay_out(drawn: Ink, pixels: int, share: float) -> Image.Image:
    """The letters' ink on the whole canvas (mode L), where the eye sees its middle.

    `share` is the capitals' height wanted. Vertically the middle lies halfway between that of
    the capitals and that of all ink: so an accent or a tail neither pushes the letters off the
    line nor seems to hang out of the picture.
    """
    width, height = drawn.mask.size
    capital = drawn.base - drawn.top
    middle = ((drawn.top + drawn.base) / 2 + height / 2) / 2
    reach = math.hypot(width / 2, max(middle, height - middle))
    scale = min(
        max(round(pixels * share), 1) / capital, pixels * _WIDTH / width, pixels * _REACH / reach
    )
    # Letters stand on a whole pixel: their feet stay sharp in small pictures.
    base = round(pixels / 2 + (drawn.base - middle) * scale)
    # The canvas, in the drawing's pixels; the ink is placed there and the whole scaled at once.
    side = pixels / scale
    page = Image.new("L", (math.ceil(side), math.ceil(side)), 0)
    page.paste(drawn.mask, (round((side - width) / 2), round(base / scale - drawn.base)))
    return page.resize((pixels, pixels), Image.Resampling.BOX, (0, 0, side, side))
