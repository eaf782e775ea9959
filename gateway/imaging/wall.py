"""The wall between Pillow and the house: one way in for bytes, one way out for its errors."""

from __future__ import annotations

import io
import math
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from PIL import (
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from gateway.errors import Undecodable
from gateway.imaging.header import HeaderCheck
from gateway.imaging.walks import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS: Final = tuple(
    decoder.format
    for decoder in (
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        WebPImagePlugin.WebPImageFile,
        GifImagePlugin.GifImageFile,
    )
)
"""Pillow's names of the formats that are read at all; no other decoder is ever reached.

Their plugins are imported here, since Pillow loads all of its forty when it misses one.
"""

_SPARE: Final = 1.25
"""How many times the pixels wanted the JPEG decoder must leave.

It halves a picture for almost nothing, but not in linear light, so some is left for our own
filter. Against that of the whole picture the result measures 45, 42 and 47 dB at 96, 128 and 256
pixels (medians of five photographs of 640); with 1.5, 51 and 53 at the last two, for half as much
time again and twice as much.
"""

_WHOLE: Final = 256
"""Longest side of a picture that is never shrunk by the decoder: whole costs next to nothing."""

PILLOW_ERRORS: Final[tuple[type[Exception], ...]] = (
    # Pillow's decoders have no error type of their own: hostile bytes surface as nearly any
    # built-in exception, from a failed assertion to a failed allocation.
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
)


@contextmanager
def wall() -> Iterator[None]:
    """Translate whatever Pillow throws at a picture into `Undecodable`.

    The text names the kind of failure only: Pillow's own messages may quote the bytes.
    """
    try:
        yield
    except PILLOW_ERRORS as error:
        message = f"the picture cannot be decoded ({type(error).__name__})"
        raise Undecodable(message) from error


def inspect(data: bytes) -> None:
    """Judge the header of a whole file; raises `Undecodable`."""
    check = HeaderCheck()
    check.feed(data)
    check.finish()


def open_picture(data: bytes) -> Image.Image:
    """Open `data`, not yet decoded; call inside `wall`. A picture of too many pixels is refused.

    The size is judged a second time because Pillow may read another one than the header shows
    (a GIF frame larger than its screen, a second header in a PNG). Pillow's own limit is for the
    whole process, and not ours to set.
    """
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise Undecodable("the picture has too many pixels")
    return image


def reduce(image: Image.Image, pixels: int) -> tuple[float, float]:
    """Let the decoder shrink an opened picture, leaving enough for a square of `pixels`.

    Returns what its width and height come to, not always whole. Only JPEG can; others stay.
    """
    spare = math.ceil(_SPARE * pixels)
    drafted = image.draft(None, (spare, spare)) if max(image.size) > _WHOLE else None
    if drafted is None:
        return image.size
    left, top, right, bottom = drafted[1]
    return right - left, bottom - top
