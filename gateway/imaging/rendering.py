"""Rendering: a master becomes the picture that a viewer asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from gateway.imaging.cutting import cut
from gateway.imaging.encoding import encode_photo
from gateway.imaging.light import centre_square, resize
from gateway.imaging.wall import open_picture, wall

if TYPE_CHECKING:
    from PIL import Image

    from gateway.model import Canvas


_SPARE: Final = 1.5
"""How many times the pixels wanted the JPEG decoder must leave.

It halves a picture for almost nothing, but not in linear light, so some is left for our own
filter. Against that of the whole picture the result measures 41, 44, 53 and 59 dB at 48, 96, 128
and 256 pixels (medians of eight photographs of 640); with 2, 47 and 54 at the first two, for half
as much time again.
"""


def render(master: bytes, canvas: Canvas) -> bytes:
    """Make the canvas's picture from a master: cropped to its middle square, scaled, cut, encoded.

    Raises `Undecodable` if the master is broken.
    """
    with wall():
        picture = _load(master, canvas.pixels)
    return encode_photo(cut(picture, canvas), canvas.format)


def draw_custom(picture: bytes, canvas: Canvas) -> bytes:
    """The operator's own fallback, already made a master by `clean`, as `render` would show it."""
    return render(picture, canvas)


def _load(master: bytes, pixels: int) -> Image.Image:
    """Decode the middle square of `master` at `pixels` × `pixels`; RGB or RGBA."""
    image = open_picture(master)
    # Other formats ignore this.
    spare = math.ceil(_SPARE * pixels)
    drafted = image.draft(None, (spare, spare))
    left, top, right, bottom = drafted[1] if drafted else (0, 0, *image.size)
    image.load()
    mode = "RGBA" if image.has_transparency_data else "RGB"
    picture = image if image.mode == mode else image.convert(mode)
    return resize(picture, (pixels, pixels), centre_square(right - left, bottom - top))
