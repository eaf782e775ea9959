"""Writing WebP for pictures of one colour: the same few bytes, however large they are.

The lossless format ("VP8L") writes each channel by a prefix code of its own, and a code of a single
symbol takes no bits at all. So the header says all there is to say.
Source: the WebP lossless bitstream specification (RFC 9649, section 3).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.model import Colour

_SIGNATURE: Final = 0x2F
_CLEAR: Final = (0, 0, 0, 0)


def write_flat(colour: Colour | None, side: int) -> bytes:
    """Return `side` × `side` pixels of `colour`, or of nothing at all."""
    red, green, blue, alpha = _CLEAR if colour is None else (*colour, 255)
    bits = _Bits()
    bits.add(side - 1, 14)
    bits.add(side - 1, 14)
    bits.add(int(colour is None), 1)  # whether alpha is used
    bits.add(0, 3)  # version
    bits.add(0, 3)  # no transform, no colour cache, one group of codes
    for symbol in (green, red, blue, alpha, 0):
        bits.add(0b101, 3)  # simple code, one symbol, of eight bits
        bits.add(symbol, 8)
    data = bytes((_SIGNATURE,)) + bits.whole()
    chunk = struct.pack("<4sI", b"VP8L", len(data)) + data + b"\0" * (len(data) % 2)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunk), b"WEBP") + chunk


class _Bits:
    """Numbers one behind the other, each with its lowest bit first."""

    def __init__(self) -> None:
        self._number = self._count = 0

    def add(self, value: int, count: int) -> None:
        """Append the `count` lowest bits of `value`."""
        self._number |= value << self._count
        self._count += count

    def whole(self) -> bytes:
        """Return all of it, filled up to whole bytes."""
        return self._number.to_bytes((self._count + 7) // 8, "little")
