"""Makes the fonts that ship from whole ones: ``python -m tests.subsets FOLDER``.

`FOLDER` holds Noto's ``NotoSans…-SemiBold.ttf`` and, for the sample that tests draw with,
``NotoSansCJK-Bold.ttc``. What ships has only what an initial needs: letters, and in scripts
whose initials are whole syllables the rules that join them. No hinting: nothing is drawn small.
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fontTools import subset

if TYPE_CHECKING:
    from collections.abc import Iterable

STATIC: Final = Path(__file__).parent.parent / "static" / "fonts"
SAMPLE: Final = Path(__file__).parent / "imaging" / "sample-cjk.woff2"


class Recipe(NamedTuple):
    """Blocks of Unicode that a font keeps, and whether it keeps marks and how to join them."""

    blocks: tuple[tuple[int, int], ...]
    joining: bool


_JOINING: Final = (
    "abvf abvm abvs akhn blwf blwm blws calt ccmp cfar cjct clig dist half haln init kern locl "
    "mark mkmk nukt pref pres pstf psts rkrf rlig rphf vatu"
)
"""OpenType features that join what belongs together; those that choose a style are not kept."""

_JOINERS: Final = (0x200C, 0x200D)
_LATIN: Final = (
    *((0x41, 0x24F), (0x250, 0x2AF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F)),
    *((0x1C80, 0x1C88), (0x1E00, 0x1FFF), (0x2C60, 0x2C7F), (0xA640, 0xA69F), (0xA720, 0xA7FF)),
)

RECIPES: Final = {
    "": Recipe(_LATIN, joining=True),
    "Arabic": Recipe(((0x620, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF)), joining=False),
    "Armenian": Recipe(((0x530, 0x58F),), joining=False),
    "Bengali": Recipe(((0x980, 0x9FF),), joining=True),
    "Devanagari": Recipe(((0x900, 0x97F),), joining=True),
    "Ethiopic": Recipe(((0x1200, 0x137F),), joining=False),
    "Georgian": Recipe(((0x10A0, 0x10FF),), joining=False),
    "Gujarati": Recipe(((0xA80, 0xAFF),), joining=True),
    "Gurmukhi": Recipe(((0xA00, 0xA7F),), joining=True),
    "Hebrew": Recipe(((0x5D0, 0x5F2),), joining=False),
    "Kannada": Recipe(((0xC80, 0xCFF),), joining=True),
    "Khmer": Recipe(((0x1780, 0x17FF),), joining=True),
    "Lao": Recipe(((0xE80, 0xEFF),), joining=False),
    "Malayalam": Recipe(((0xD00, 0xD7F),), joining=True),
    "Myanmar": Recipe(((0x1000, 0x109F),), joining=True),
    "Sinhala": Recipe(((0xD80, 0xDFF),), joining=True),
    "Tamil": Recipe(((0xB80, 0xBFF),), joining=True),
    "Telugu": Recipe(((0xC00, 0xC7F),), joining=True),
    "Thai": Recipe(((0xE00, 0xE7F),), joining=False),
}
"""Part of the font's name → what is kept of it."""


def file_name(name: str) -> str:
    """What a font that ships is called."""
    return f"noto-sans{'-' * bool(name)}{name.lower()}-semibold.woff2"


def wanted(recipe: Recipe) -> list[int]:
    """The characters kept: letters, and marks where they are joined."""
    kinds = "LM" if recipe.joining else "L"
    code_points = (code for first, last in recipe.blocks for code in range(first, last + 1))
    kept = [code for code in code_points if unicodedata.category(chr(code))[0] in kinds]
    return [*kept, *_JOINERS] if recipe.joining else kept


def make(source: Path, target: Path, kept: Iterable[int], *, joining: bool, face: int = 0) -> None:
    """Write a subset of one font as WOFF2."""
    options = subset.Options(
        flavor="woff2",
        hinting=False,
        layout_features=_JOINING.split() if joining else [],
        notdef_outline=True,
        name_IDs=[0, 1, 2, 5, 13],
        font_number=face,
    )
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=kept)
    subsetter.subset(font)
    subset.save_font(font, target, options)


def main(folder: Path) -> None:
    """Make them all."""
    for name, recipe in RECIPES.items():
        source = folder / f"NotoSans{name}-SemiBold.ttf"
        make(source, STATIC / file_name(name), wanted(recipe), joining=recipe.joining)
    letters = map(ord, "李王山김田한マ")
    make(folder / "NotoSansCJK-Bold.ttc", SAMPLE, letters, joining=False, face=2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
