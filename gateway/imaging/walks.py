"""Walks through the headers of JPEG, PNG, WebP and GIF, over bytes that arrive piecemeal.

A walk is a generator over a `Window`: it reads what it needs, pauses (``yield``) where the chunk
in hand ends, and is woken with the next one. It raises `Undecodable` on what cannot be one of
the four, `Rejected` on one that claims too much or contradicts itself, and marks the window
complete once it knows the dimensions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.errors import Rejected, Undecodable

if TYPE_CHECKING:
    from collections.abc import Generator

MAX_PIXELS: Final = 4_200_000
"""Most pixels a picture may claim in its header."""

MAX_SCANS: Final = 64
"""Most scans in a JPEG: each costs a pass over the whole picture (a "scan bomb" has thousands)."""

_MAX_SEGMENTS: Final = 1024
"""Most marker segments in a JPEG; real ones have dozens, and each costs us a step."""

_NONE_OF_OURS: Final = "this is no JPEG, PNG, WebP or GIF"

# In a JPEG a marker is FF and another byte; 00 after FF stands for data, 01 and D0–D7 carry
# nothing, and FF after FF is padding. The decoder skips all of those, and so does this.
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
_BARE: Final = b"\x00\x01\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7"
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Window:
    """The chunk in hand, read from front to back."""

    def __init__(self) -> None:
        self._chunk = b""
        self._at = 0
        self.complete = False

    def show(self, chunk: bytes) -> None:
        """Put the next chunk in hand; the walk has used up the one before."""
        self._chunk = chunk
        self._at = 0

    def take(self, count: int) -> Generator[None, None, bytes]:
        """Read exactly `count` bytes (a handful: they are held while waiting)."""
        held = b""
        while True:
            part = self._chunk[self._at : self._at + count - len(held)]
            self._at += len(part)
            held += part
            if len(held) == count:
                return held
            yield

    def skip(self, count: int) -> Generator[None]:
        """Pass over `count` bytes without holding any."""
        while (left := len(self._chunk) - self._at) < count:
            count -= left
            self._at = len(self._chunk)
            yield
        self._at += count

    def marker(self) -> Generator[None, None, int]:
        """Pass over everything up to the next JPEG marker that carries something; its code."""
        dangling = False  # the last chunk ended on FF, so this one may start with the code
        while True:
            if dangling and self._at < len(self._chunk):
                code = self._chunk[self._at]
                if code != 0xFF:  # noqa: PLR2004 - padding, as in the pattern
                    dangling = False
                    self._at += 1
                    if code not in _BARE:
                        return code
            if found := _MARKER.search(self._chunk, self._at):
                self._at = found.end()
                return self._chunk[self._at - 1]
            dangling = self._chunk.endswith(b"\xff", self._at) or (
                dangling and self._at == len(self._chunk)
            )
            self._at = len(self._chunk)
            yield

    def accept(self, width: int, height: int) -> None:
        """Judge the dimensions that the header claims."""
        if not 0 < width * height <= MAX_PIXELS:
            raise Rejected("the picture has no pixels, or too many")
        self.complete = True


def walk(window: Window) -> Generator[None]:
    """Recognise the format by its first bytes and walk it."""
    first = (yield from window.take(1))[0]
    start = _STARTS.get(first)
    if start is None:
        raise Undecodable(_NONE_OF_OURS)
    yield from start(window)


def _expect(window: Window, *wanted: bytes) -> Generator[None, None, bytes]:
    """Read one of the signatures `wanted`; refuses at the first byte that fits none of them."""
    seen = b""
    while seen not in wanted:
        seen += yield from window.take(1)
        if not any(text.startswith(seen) for text in wanted):
            raise Undecodable(_NONE_OF_OURS)
    return seen


def _png(window: Window) -> Generator[None]:
    yield from _expect(window, b"PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
    size = yield from window.take(8)
    window.accept(int.from_bytes(size[:4], "big"), int.from_bytes(size[4:], "big"))


def _gif(window: Window) -> Generator[None]:
    yield from _expect(window, b"IF87a", b"IF89a")
    size = yield from window.take(4)
    window.accept(int.from_bytes(size[:2], "little"), int.from_bytes(size[2:], "little"))


def _webp(window: Window) -> Generator[None]:
    yield from _expect(window, b"IFF")
    yield from window.skip(4)
    kind = yield from _expect(window, b"WEBPVP8 ", b"WEBPVP8L", b"WEBPVP8X")
    yield from window.skip(4)
    if kind.endswith(b" "):  # a lossy key frame: tag, start code, two 14-bit numbers
        yield from window.skip(3)
        yield from _expect(window, b"\x9d\x01\x2a")
        bits = int.from_bytes((yield from window.take(4)), "little")
        window.accept(bits & 0x3FFF, bits >> 16 & 0x3FFF)
    elif kind.endswith(b"L"):  # lossless: a signature byte, two 14-bit numbers less one
        yield from _expect(window, b"\x2f")
        bits = int.from_bytes((yield from window.take(4)), "little")
        window.accept((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    else:  # extended: flags, two 24-bit numbers less one
        yield from window.skip(4)
        bits = int.from_bytes((yield from window.take(6)), "little")
        window.accept((bits & 0xFFFFFF) + 1, (bits >> 24) + 1)


def _jpeg(window: Window) -> Generator[None]:
    """Walk all segments and scans up to the end of the image, since every scan counts."""
    yield from _expect(window, bytes([_SOI]))
    scans = 0
    for _ in range(_MAX_SEGMENTS):
        code = yield from window.marker()
        if code == _EOI:
            return
        if code == _SOI:
            raise Rejected("a JPEG starts inside a JPEG")
        length = int.from_bytes((yield from window.take(2)), "big") - 2
        if length < 0:
            raise Rejected("a JPEG segment has no length")
        if code in _FRAMES:
            length -= len(frame := (yield from window.take(5)))
            window.accept(int.from_bytes(frame[3:], "big"), int.from_bytes(frame[1:3], "big"))
        scans += code == _SOS
        if scans > MAX_SCANS:
            raise Rejected("the JPEG has too many scans")
        yield from window.skip(max(length, 0))
    raise Rejected("the JPEG has too many segments")


_STARTS: Final = {0xFF: _jpeg, 0x89: _png, ord("R"): _webp, ord("G"): _gif}
