"""The wall between Pillow and the house: one way in for bytes, one way out for its errors."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageCms

from gateway.errors import Undecodable
from gateway.imaging.header import HeaderCheck
from gateway.imaging.walks import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
"""Pillow's names of the formats that are read at all; no other decoder is ever reached."""

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
