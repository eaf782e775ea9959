"""The fonts that letters are drawn with: what they can draw, and how a letter's ink looks."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont, features

from gateway.imaging import system_fonts
from gateway.imaging.assets import static_path
from gateway.imaging.clusters import JOINERS
from gateway.imaging.scripts import SYSTEM, script_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_EM: Final = 640
"""Size at which letters are drawn before they are scaled: larger than any picture wants."""

_PROBE: Final = 16
"""Size at which letters are looked for: whether a font has one shows at any size."""

_NO_LETTER: Final = "\uffff"
"""Unicode promises that this will never be a letter: fonts draw their "missing" sign for it."""

_WIDEST: Final = 3.0
"""Width of the widest pair that is drawn, in heights of a letter; a wider one would be small."""

_BASIC, _RAQM = ImageFont.Layout.BASIC, ImageFont.Layout.RAQM


@dataclass(frozen=True, slots=True)
class Ink:
    """Letters drawn large and cut to their ink: mode L, 255 where the ink is.

    `top` and `base` say where a letter of usual height begins and stands, in pixels from the
    upper edge: accents reach above the one, tails below the other.
    """

    mask: Image.Image
    top: float
    base: float


class _Line(NamedTuple):
    """Clusters set from left to right, not yet drawn; edges of their ink, from the line's start.

    `measure` is where a letter of usual height begins and stands.
    """

    placed: list[tuple[float, ImageFont.FreeTypeFont, str]]
    left: int
    top: int
    width: int
    bottom: int
    measure: tuple[float, float]


class _Face(NamedTuple):
    """One font: `plain` sets a character, `shaped` a cluster, and `probe` is small."""

    plain: ImageFont.FreeTypeFont
    shaped: ImageFont.FreeTypeFont
    probe: ImageFont.FreeTypeFont

    def has(self, character: str) -> bool:
        """Pillow does not show a font's character table, so look at what it would draw."""
        drawn, missing = self.probe.getmask(character), self.probe.getmask(_NO_LETTER)
        return drawn.getbbox() is not None and (
            drawn.size != missing.size or bytes(drawn) != bytes(missing)
        )

    def setting(self, cluster: str) -> ImageFont.FreeTypeFont:
        """What sets `cluster`: single characters are plain, and the same on every machine."""
        return self.shaped if len(cluster) > 1 else self.plain


class Fonts:
    """Every font there is, each opened when it is first needed.

    `folders` are searched for a font of the scripts that ship without one. `shaping` says whether
    the characters of a cluster can be joined, for which Pillow needs the library FriBiDi; without
    it only clusters of one character can be drawn.
    """

    def __init__(
        self, folders: Sequence[Path] = system_fonts.FOLDERS, *, shaping: bool | None = None
    ) -> None:
        self._folders = folders
        self._shaping = features.check("raqm") if shaping is None else shaping
        self._face = cache(self._open)
        self._known = lru_cache(maxsize=1024)(self._look)
        self._pairs = lru_cache(maxsize=1024)(self._compare)

    def has(self, cluster: str) -> bool:
        """Whether this one cluster can be drawn as it should be."""
        return self._known(cluster)

    def pairs(self, first: str, last: str) -> bool:
        """Whether two clusters that it `has` look well side by side: of one font, and not wide."""
        return self._pairs(first, last)

    def ink(self, letters: Sequence[str]) -> Ink:
        """Draw `letters`: clusters of one font, each of which it `has`, as they are read.

        Raises `ValueError` if it has none of them.
        """
        line = self._set(letters)
        return Ink(_draw(line), line.measure[0] - line.top, line.measure[1] - line.top)

    def _set(self, letters: Sequence[str]) -> _Line:
        face, script = self._face_of(letters[0]), script_of(letters[0])
        if face is None or script is None:
            raise ValueError("no font has these letters")
        pen, placed = 0.0, []
        for cluster in letters[::-1] if script.leftward else letters:
            font = face.setting(cluster)
            placed.append((pen, font, cluster))
            pen += font.getlength(cluster) + script.gap * _EM
        boxes = [(at, font.getbbox(cluster, anchor="ls")) for at, font, cluster in placed]
        left = math.floor(min(at + box[0] for at, box in boxes))
        right = math.ceil(max(at + box[2] for at, box in boxes))
        top = math.floor(min(box[1] for _, box in boxes))
        bottom = max(math.ceil(max(box[3] for _, box in boxes)), top + 1)
        _, high, _, low = face.plain.getbbox(script.measure, anchor="ls")
        return _Line(placed, left, top, max(right - left, 1), bottom, (high, low))

    def _look(self, cluster: str) -> bool:
        face = self._face_of(cluster)
        if face is None or not (self._shaping or len(cluster) == 1):
            return False
        return all(map(face.has, set(cluster) - JOINERS))

    def _compare(self, first: str, last: str) -> bool:
        if self._face_of(first) is not self._face_of(last):
            return False
        line = self._set((first, last))
        high, low = line.measure
        return line.width <= _WIDEST * (low - high)

    def _face_of(self, cluster: str) -> _Face | None:
        script = script_of(cluster)
        return None if script is None else self._face(script.font)

    def _open(self, font: str) -> _Face | None:
        """The font of this name, or the machine's own; None if it has none that can be read."""
        shaped = _RAQM if self._shaping else _BASIC
        if font != SYSTEM:
            return _load(static_path(font).read_bytes(), 0, shaped)
        for path, number in system_fonts.find(self._folders):
            try:
                return _load(path, number, shaped)
            except OSError:  # not a font, or not one that FreeType reads
                continue
        return None


@cache
def standard() -> Fonts:
    """The fonts that ship and the machine's own."""
    return Fonts()


def _load(source: Path | bytes, number: int, shaped: ImageFont.Layout) -> _Face:
    def sized(size: int, layout: ImageFont.Layout) -> ImageFont.FreeTypeFont:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        return ImageFont.truetype(file, size, number, layout_engine=layout)

    return _Face(sized(_EM, _BASIC), sized(_EM, shaped), sized(_PROBE, _BASIC))


def _draw(line: _Line) -> Image.Image:
    mask = Image.new("L", (line.width, line.bottom - line.top), 0)
    pen = ImageDraw.Draw(mask)
    for at, font, cluster in line.placed:
        pen.text((round(at - line.left), -line.top), cluster, 255, font, anchor="ls")
    return mask
