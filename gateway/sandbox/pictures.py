"""Picture files in every style the CDN can show: good, odd, broken and malicious ones."""

from __future__ import annotations

import io
import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageOps

from gateway.sandbox.faces import SIZE, figure_of, portrait

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STYLES", "draw"]

_ORIENTATION: Final = 0x0112
_QUARTER_TURN: Final = 6  # "rotate 90 degrees clockwise to see it upright"
_SCANS: Final = 1_000


@lru_cache(maxsize=1024)
def draw(style: str, contact: str, version: int = 1) -> bytes:
    """The file of a contact's photo in a style; the same arguments give the same bytes."""
    return STYLES[style](contact, version)


def jpeg(contact: str, version: int) -> bytes:
    """The photo as WhatsApp keeps it: 640 x 640."""
    return _file(portrait(contact, version), "JPEG", quality=88)


def preview(contact: str, version: int) -> bytes:
    """The 96 x 96 preview."""
    small = portrait(contact, version).resize((96, 96), Image.Resampling.LANCZOS)
    return _file(small, "JPEG", quality=85)


def cmyk(contact: str, version: int) -> bytes:
    """A JPEG with four inks."""
    return _file(portrait(contact, version).convert("CMYK"), "JPEG", quality=90)


def grayscale(contact: str, version: int) -> bytes:
    """A JPEG with one channel."""
    return _file(portrait(contact, version).convert("L"), "JPEG", quality=90)


def exif_rotated(contact: str, version: int) -> bytes:
    """A JPEG that lies on its side and says so in EXIF, beside a place where it was taken."""
    lying = portrait(contact, version).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[_ORIENTATION] = _QUARTER_TURN
    exif[0x010F] = "Sandbox Camera"
    exif.get_ifd(0x8825)[1] = "N"
    return _file(lying, "JPEG", quality=88, exif=exif)


def one_by_one(contact: str, version: int) -> bytes:
    """A single pixel of the photo's backdrop."""
    return _file(portrait(contact, version).crop((8, 8, 9, 9)), "JPEG", quality=95)


def one_by_2000(contact: str, version: int) -> bytes:
    """One pixel wide, 2,000 high."""
    column = portrait(contact, version).crop((8, 0, 9, SIZE))
    return _file(column.resize((1, 2000)), "JPEG", quality=95)


def png_16bit(contact: str, version: int) -> bytes:
    """A PNG with 16 bits a channel."""
    image = portrait(contact, version)
    wide = bytearray(2 * 3 * SIZE * SIZE)
    wide[0::2] = wide[1::2] = image.tobytes()
    stride = 2 * 3 * SIZE
    rows = b"".join(b"\0" + wide[at : at + stride] for at in range(0, len(wide), stride))
    return _png(SIZE, SIZE, depth=16, colour=2, rows=zlib.compress(rows, 6))


def png_alpha(contact: str, version: int) -> bytes:
    """A PNG of the person alone: the backdrop is transparent."""
    return _file(figure_of(contact, version), "PNG")


def palette_alpha(contact: str, version: int) -> bytes:
    """A PNG with 64 colours, some of them half transparent."""
    small = figure_of(contact, version).quantize(64, method=Image.Quantize.FASTOCTREE)
    return _file(small, "PNG")


def webp(contact: str, version: int) -> bytes:
    """The photo as WebP."""
    return _file(portrait(contact, version), "WEBP", quality=85)


def gif_animated(contact: str, version: int) -> bytes:
    """A GIF of three frames; the first is the photo."""
    first = portrait(contact, version).resize((320, 320))
    others = [ImageOps.mirror(first), ImageOps.flip(first)]
    return _file(first, "GIF", save_all=True, append_images=others, duration=200, loop=0)


def broken_icc(contact: str, version: int) -> bytes:
    """A JPEG whose colour profile is rubbish."""
    return _file(portrait(contact, version), "JPEG", quality=88, icc_profile=b"no profile" * 40)


def corrupt(contact: str, version: int) -> bytes:
    """A JPEG header without anything a decoder could use behind it."""
    good = draw("jpeg", contact, version)
    return good[:20] + bytes(byte ^ 0x5A for byte in good[20:4000])


def truncated(contact: str, version: int) -> bytes:
    """The first half of the photo under a right length: the file itself is cut."""
    good = draw("jpeg", contact, version)
    return good[: len(good) // 2]


def big_20mb(contact: str, version: int) -> bytes:
    """The photo and 20 MB of nothing behind it."""
    return draw("jpeg", contact, version) + bytes(20_000_000)


def pixel_bomb(contact: str, version: int) -> bytes:
    """A PNG of some 50 KB that unpacks to 400 million pixels."""
    del contact, version
    side = 20_000
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    rows = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    return _png(side, side, depth=1, colour=0, rows=rows)


def scan_bomb(contact: str, version: int) -> bytes:
    """A progressive JPEG of a legal size whose last scan is repeated 1,000 times."""
    del contact, version
    flat = Image.new("RGB", (2048, 2048), (120, 140, 160))
    good = _file(flat, "JPEG", quality=75, progressive=True)
    # A scan starts with FF DA; inside its data an FF is always followed by 00, so this finds it.
    start, end = good.rindex(b"\xff\xda"), len(good) - 2
    return good[:start] + good[start:end] * _SCANS + good[end:]


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _png(width: int, height: int, *, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG by hand, for what Pillow does not write; `rows` is the compressed data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


STYLES: Final[dict[str, Callable[[str, int], bytes]]] = {
    function.__name__: function
    for function in (
        jpeg,
        preview,
        cmyk,
        grayscale,
        exif_rotated,
        one_by_one,
        one_by_2000,
        png_16bit,
        png_alpha,
        palette_alpha,
        webp,
        gif_animated,
        broken_icc,
        corrupt,
        truncated,
        big_20mb,
        pixel_bomb,
        scan_bomb,
    )
}
