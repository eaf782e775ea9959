"""Pictures that are weapons: small files that ask for much time or memory."""

from __future__ import annotations

import struct
import zlib
from functools import cache

from PIL import Image

from tests.imaging.pictures import encoded, png, quarters

LARGEST = (2048, 2048)
"""As many pixels as we take, nearly."""


@cache
def scans(number: int, size: tuple[int, int] = LARGEST) -> bytes:
    """A progressive JPEG whose last scan is there so often that it has `number` of them."""
    noise = Image.effect_noise(size, 40).convert("RGB").resize((size[0] // 8, size[1] // 8))
    data = encoded(noise.resize(size), "JPEG", quality=20, progressive=True)
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    last, end = data[starts[-1] : -2], data[-2:]
    return data[:-2] + last * (number - len(starts)) + end


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@cache
def zeros(size: int) -> bytes:
    """`size` zeros, compressed a thousand times smaller."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(size // 2**20)) + packer.flush()


def with_chunks(*chunks: bytes) -> bytes:
    """A small PNG with more in it."""
    data = encoded(quarters(), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def gif_frames(number: int) -> bytes:
    """A small GIF whose last frame is there `number` times."""
    others = [Image.new("RGB", (64, 64), colour) for colour in ("black", "white")]
    data = encoded(quarters(), "GIF", save_all=True, append_images=others, duration=90)
    last = data.rindex(b"\x21\xf9\x04")
    return data[:last] + data[last:-1] * number + data[-1:]


def webp_frames(number: int) -> bytes:
    """A small WebP whose last frame is there `number` times."""
    others = [Image.new("RGB", (64, 64), colour) for colour in ("black", "white")]
    data = encoded(quarters(), "WEBP", save_all=True, append_images=others, duration=90)
    last = data.rindex(b"ANMF")
    body = data[8:last] + data[last:] * number
    return b"RIFF" + struct.pack("<I", len(body)) + body


def exif_directory(entries: int, following: int) -> bytes:
    """EXIF of one directory; `following` is where the next one is said to be."""
    many = b"".join(struct.pack("<HHII", 0x8769, 4, 1, 8) for _ in range(entries))
    return (
        b"Exif\0\0II*\0\x08\0\0\0"
        + struct.pack("<H", entries)
        + many
        + struct.pack("<I", following)
    )


def exif_of_gigabytes() -> bytes:
    """EXIF whose one value claims four billion parts."""
    entry = struct.pack("<HHII", 0x0112, 12, 0xFFFFFFFF, 8)
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)


def _truncated(fmt: str) -> bytes:
    data = encoded(Image.effect_noise((640, 640), 60).convert("RGB"), fmt)
    return data[: len(data) // 2]


def weapons() -> dict[str, bytes]:
    """Files that must be refused."""
    return {
        "2000 scans": scans(2000, (256, 256)),
        "a PNG of 100,000 pixels squared": png(100_000, 100_000),
        "a PNG of zeros": png(60_000, 60_000, body=bytes(2**20)),
        "a GIF of 65,535 pixels squared": b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b";",
        "text of 256 MB": with_chunks(chunk(b"zTXt", b"a\0\0" + zeros(2**28))),
        "a profile of 256 MB": with_chunks(chunk(b"iCCP", b"a\0\0" + zeros(2**28))),
        "half a JPEG": _truncated("JPEG"),
        "half a PNG": _truncated("PNG"),
        "half a WebP": _truncated("WEBP"),
        "half a GIF": _truncated("GIF"),
    }


def oddities() -> dict[str, bytes]:
    """Files that ask for too much beside a picture that is as good as any: `quarters`."""
    return {
        "10,000 GIF frames": gif_frames(10_000),
        "10,000 WebP frames": webp_frames(10_000),
        "EXIF of 4,000 directories": encoded(quarters(), "JPEG", exif=exif_directory(4000, 0)),
        "EXIF that follows itself": encoded(quarters(), "JPEG", exif=exif_directory(1, 8)),
        "EXIF of gigabytes": encoded(quarters(), "JPEG", exif=exif_of_gigabytes()),
        "10,000 text chunks": with_chunks(chunk(b"tEXt", b"a\0b") * 10_000),
    }
