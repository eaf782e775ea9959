"""Cleaning: untrusted bytes become a master, once, and everything else starts from that.

Meant for a process that can be killed; nothing here limits time or memory beyond what the
header check refuses.
"""

from __future__ import annotations

import threading
import warnings
from typing import Final

from PIL import Image

from gateway.imaging.colour import to_srgb
from gateway.imaging.encoding import encode_master
from gateway.imaging.light import resize
from gateway.imaging.wall import PILLOW_ERRORS, inspect, open_picture, wall

_MAX_SIDE: Final = 1024
"""Longest shorter side of a master: the largest picture that anybody can ask for."""

_MAX_ASPECT: Final = 4
"""Longer than this and the ends are cut off; every rendition shows the middle square anyway."""

_ORIENTATION: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation → what makes the picture upright."""

_one_at_a_time = threading.Lock()


def clean(data: bytes) -> bytes:
    """Turn untrusted bytes into a master; raises `Undecodable`.

    The first frame, whole, upright, in sRGB, without metadata, the shorter side at most 1024
    pixels and the longer at most four times the shorter: JPEG, or lossless WebP if any pixel is
    not opaque.
    """
    inspect(data)
    # Filters for warnings belong to the process, so two threads must not both change them.
    with _one_at_a_time, warnings.catch_warnings(), wall():
        # Pillow warns of flaws beside the picture (odd EXIF, odd MPO index): no reason to refuse.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return encode_master(_fit(_opaque(_develop(data))))


def _develop(data: bytes) -> Image.Image:
    """Decode the first frame: upright, sRGB; RGB or RGBA."""
    image = open_picture(data)
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    picture = to_srgb(image)
    return picture if turn is None else picture.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation; what cannot be read counts as absent."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except PILLOW_ERRORS:
        return 1


def _opaque(picture: Image.Image) -> Image.Image:
    """Without its alpha channel, if that says nothing."""
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    return picture


def _fit(picture: Image.Image) -> Image.Image:
    """Cut off the ends of a long strip and shrink what is too large."""
    width, height = picture.size
    shorter = min(width, height)
    wide, high = min(width, _MAX_ASPECT * shorter), min(height, _MAX_ASPECT * shorter)
    left, top = (width - wide) // 2, (height - high) // 2
    box = (left, top, left + wide, top + high)
    if shorter > _MAX_SIDE:
        size = (round(wide * _MAX_SIDE / shorter), round(high * _MAX_SIDE / shorter))
        return resize(picture, size, box)
    return picture if (wide, high) == picture.size else picture.crop(box)
