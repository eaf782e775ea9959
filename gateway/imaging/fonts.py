"""The fonts that letters are drawn with: what they can draw, and how a text's ink looks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from gateway.imaging.assets import static_path

FONT_FILES: Final = ("fonts/noto-sans-semibold.woff2",)
"""Font files in order of preference; a text is drawn with the first that has all its letters."""

_EM: Final = 640
"""Size at which letters are drawn before they are scaled: larger than any picture wants."""

_PROBE: Final = 16
"""Size at which letters are looked for: whether a font has one shows at any size."""

_NO_LETTER: Final = "\uffff"
"""Unicode promises that this will never be a letter: fonts draw their "missing" sign for it."""


@dataclass(frozen=True, slots=True)
class Ink:
    """A text drawn large and cut to its ink: mode L, 255 where the ink is.

    `top` and `base` say where capitals begin and stand, in pixels from the upper edge: accents
    reach above the one, tails below the other.
    """

    mask: Image.Image
    top: float
    base: float


class _Face(NamedTuple):
    """One font in both sizes."""

    large: ImageFont.FreeTypeFont
    probe: ImageFont.FreeTypeFont

    def has(self, letter: str) -> bool:
        """Pillow does not show a font's character table, so look at what it would draw."""
        drawn, missing = self.probe.getmask(letter), self.probe.getmask(_NO_LETTER)
        return drawn.getbbox() is not None and (
            drawn.size != missing.size or bytes(drawn) != bytes(missing)
        )


@lru_cache(maxsize=1024)
def drawable(letter: str) -> bool:
    """Whether any font has this one letter."""
    return any(face.has(letter) for face in _faces())


def ink(text: str) -> Ink:
    """Draw `text` (letters that are `drawable`) with the first font that has all of it."""
    faces = _faces()
    face = next((face for face in faces if all(map(face.has, text))), faces[0])
    left, top, right, bottom = face.large.getbbox(text, anchor="ls")
    mask = Image.new("L", (max(round(right - left), 1), max(round(bottom - top), 1)), 0)
    ImageDraw.Draw(mask).text((-left, -top), text, 255, face.large, anchor="ls")
    return Ink(mask, face.large.getbbox("H", anchor="ls")[1] - top, -top)


@cache
def _faces() -> tuple[_Face, ...]:
    files = [static_path(name).read_bytes() for name in FONT_FILES]
    return tuple(_Face(_load(file, _EM), _load(file, _PROBE)) for file in files)


def _load(file: bytes, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(file), size, layout_engine=ImageFont.Layout.BASIC)
