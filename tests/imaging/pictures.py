"""Pictures to test with, and ways to look at those that come out."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from gateway.model import Format

if TYPE_CHECKING:
    from collections.abc import Iterable

Pixels = NDArray[np.float64]

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "retina.jpg")
"""Photographs that lie inside scikit-image's wheel."""

RED, GREEN, BLUE, GREY = (220, 30, 40), (20, 160, 60), (30, 60, 200), (128, 128, 128)


@cache
def photo(name: str) -> Image.Image:
    """A real photograph, RGB, about 640 pixels on its shorter side."""
    with Image.open(Path(skimage.data.__file__).parent / name) as image:
        picture = image.convert("RGB")
    picture.info.clear()  # one of them has a profile
    factor = 640 / min(picture.size)
    return picture.resize((round(picture.width * factor), round(picture.height * factor)))


def quarters(size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Red, green, blue and grey from the top left, row by row: tells every orientation apart."""
    image = Image.new("RGB", size, GREY)
    wide, high = size[0] // 2, size[1] // 2
    image.paste(RED, (0, 0, wide, high))
    image.paste(GREEN, (wide, 0, size[0], high))
    image.paste(BLUE, (0, high, wide, size[1]))
    return image


def encoded(image: Image.Image, fmt: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    """`image` in one of Pillow's formats."""
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    """The whole picture, whatever its format."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def pixels(image: Image.Image) -> Pixels:
    """The picture's numbers."""
    return np.asarray(image, dtype=np.float64)


def at(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    """One pixel of an image with several channels."""
    value = image.getpixel((x, y))
    assert isinstance(value, tuple)
    return tuple(int(channel) for channel in value)


def table(*axes: Iterable[object]) -> list[tuple[object, ...]]:
    """Every combination, for a test's parameters."""
    return list(product(*axes))


def near(seen: tuple[int, ...], wanted: tuple[int, ...], by: int = 12) -> bool:
    """Whether two colours look alike."""
    return len(seen) == len(wanted) and all(
        abs(a - b) <= by for a, b in zip(seen, wanted, strict=True)
    )


def psnr(seen: Pixels, wanted: Pixels) -> float:
    """Peak signal to noise ratio in dB."""
    error = float(np.mean((seen - wanted) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def luminance(colour: tuple[int, ...]) -> float:
    """WCAG's relative luminance."""
    shares = [value / 255 for value in colour[:3]]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """WCAG's contrast ratio, 1–21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, body: bytes = b"") -> bytes:
    """A PNG of any dimensions, true or not, with `body` as its (compressed) rows."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def parts(data: bytes, fmt: Format) -> list[str]:
    """The names of a file's chunks, segments or boxes, in order."""
    match fmt:
        case Format.PNG:
            return _png_chunks(data)
        case Format.JPEG:
            return _jpeg_segments(data)
        case Format.WEBP:
            return _riff_chunks(data)
        case Format.AVIF:
            return _avif_items(data)


def _png_chunks(data: bytes) -> list[str]:
    names, at = [], 8
    while at < len(data):
        names.append(data[at + 4 : at + 8].decode())
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return names


def _jpeg_segments(data: bytes) -> list[str]:
    names, at = [], 2
    while data[at + 1] != 0xDA:
        names.append(f"{data[at + 1]:X}")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return names


def _riff_chunks(data: bytes) -> list[str]:
    names, at = [], 12
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        names.append(data[at : at + 4].decode().strip())
        at += 8 + length + length % 2
    return names


def _avif_items(data: bytes) -> list[str]:
    """The types of the file's items (``infe`` boxes): pictures, or metadata."""
    names, at = [], 0
    while (at := data.find(b"infe", at + 1)) >= 0:
        names.append(data[at + 12 : at + 16].decode())
    return names
