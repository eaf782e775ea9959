"""The photographs that are measured with, as the CDN would send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.imaging.bombs import scans
from tests.imaging.pictures import PHOTOS, encoded, photo

if TYPE_CHECKING:
    from pathlib import Path

SIDE: Final = 640
"""Pixels on each side of a profile picture."""


def write(folder: Path, copies: int) -> Path:
    """Write `copies` files, ``0.jpg`` and on, which show the photographs in turn; and a bomb."""
    folder.mkdir()
    bodies = originals()
    for number in range(copies):
        (folder / f"{number:05}.jpg").write_bytes(bodies[number % len(bodies)])
    (folder / "bomb").write_bytes(scans(60))
    return folder


def originals() -> list[bytes]:
    """The middle square of each photograph as a JPEG."""
    return [_square(name) for name in PHOTOS]


def _square(name: str) -> bytes:
    picture = photo(name)
    left, top = (picture.width - SIDE) // 2, (picture.height - SIDE) // 2
    return encoded(picture.crop((left, top, left + SIDE, top + SIDE)), "JPEG", quality=85)
