"""The colours that drawn avatars come in."""

from __future__ import annotations

from typing import Final

from gateway.model import Colour

LETTER: Final = Colour(255, 255, 255)
"""The colour of letters, on every tint."""

TINTS: Final[tuple[Colour, ...]] = (
    Colour(0xB9, 0x3A, 0x4A),  # rose
    Colour(0xB2, 0x4A, 0x2E),  # terracotta
    Colour(0x9A, 0x5B, 0x13),  # amber
    Colour(0x7D, 0x67, 0x12),  # olive gold
    Colour(0x5D, 0x71, 0x25),  # moss
    Colour(0x3B, 0x78, 0x3E),  # leaf
    Colour(0x1F, 0x7A, 0x5C),  # jade
    Colour(0x12, 0x77, 0x7A),  # teal
    Colour(0x1B, 0x72, 0x98),  # lagoon
    Colour(0x2F, 0x68, 0xB0),  # blue
    Colour(0x4B, 0x5D, 0xBF),  # indigo
    Colour(0x6A, 0x53, 0xBC),  # violet
    Colour(0x87, 0x4A, 0xAE),  # purple
    Colour(0xA0, 0x41, 0x8F),  # orchid
    Colour(0xAE, 0x3C, 0x6D),  # berry
    Colour(0x58, 0x68, 0x7A),  # slate
)
"""White letters have a contrast of at least 4.5 on each (WCAG AA), and each has one of at least 3
against a white page and a black one."""


def tint_of(seed: bytes) -> int:
    """The number of the tint that belongs to a contact's keyed hash; the first without one."""
    return (seed[0] if seed else 0) % len(TINTS)
