"""Writing JPEG for pictures of one colour: one block is encoded, and the others say "the same".

A block says how much its average differs from the block before it, then how it varies within. In
one colour that is nothing and nothing, for each of the three channels: 14 bits, always the same.
Source: ITU-T T.81, sections B.2 (markers) and F.1.2 (Huffman coding); tables K.3 to K.6.
"""

from __future__ import annotations

import struct
from typing import Final

BLOCK: Final = 8
"""Pixels on each side of a block."""

_START_OF_FRAME: Final = b"\xff\xc0"
_START_OF_SCAN: Final = b"\xff\xda"
_END: Final = b"\xff\xd9"

_SAME: Final = "00101000000000"
"""No difference (00) and no more (1010) for brightness; twice 00 and 00 for colour."""

_PERIOD: Final = len(_SAME) // 2
"""Bytes after which the bits stand in their bytes as before."""


def repeat(block: bytes, side: int) -> bytes:
    """Return `side` × `side` pixels of what `block` shows, a JPEG of one block in one colour.

    It must be a sequential one that keeps the usual Huffman tables and all of the colour (4:4:4).
    """
    frame = block.index(_START_OF_FRAME) + 5
    scan = block.index(_START_OF_SCAN) + 2
    scan += int.from_bytes(block[scan : scan + 2])
    head = block[:frame] + struct.pack(">HH", side, side) + block[frame + 4 : scan]
    across = -(-side // BLOCK)
    bits = _repeated(_bits(block[scan : -len(_END)]), across * across)
    # What looks like the begin of a marker is told apart from one.
    return head + bits.replace(b"\xff", b"\xff\0") + _END


def _bits(scan: bytes) -> str:
    """The bits of the one block, without those that fill up the last byte: they are ones."""
    data = scan.replace(b"\xff\0", b"\xff")
    return "".join(f"{byte:08b}" for byte in data).rstrip("1")


def _repeated(first: str, blocks: int) -> bytes:
    """The bits of `first` and of all blocks that are the same, filled up with ones."""
    length = len(first) + len(_SAME) * (blocks - 1)
    lead = -(-len(first) // 8)
    some = (first + _SAME * 16)[: 8 * (lead + _PERIOD)]
    start = int(some, 2).to_bytes(lead + _PERIOD)
    data = start[:lead] + start[lead:] * (length // (8 * _PERIOD) + 1)
    whole, rest = divmod(length, 8)
    return data[:whole] + bytes((data[whole] | 0xFF >> rest,) if rest else ())
