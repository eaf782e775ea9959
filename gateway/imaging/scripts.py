"""Scripts: how each is written where a name is cut down to its initials, and in which font."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

SYSTEM: Final = ""
"""The font of scripts that ship without one: it is looked for on the machine."""


@dataclass(frozen=True, slots=True)
class Script:
    """What an initial is in one script.

    `font` is the name of the file that ships, or `SYSTEM`. `measure` is a letter as high as most:
    what a capital is to Latin. `gap` is the space between two initials as a share of the em.
    """

    font: str
    measure: str
    gap: float = 0.0
    syllables: bool = True
    """Whether an initial keeps its marks: vowel signs and accents. Else it is the bare letter."""
    leftward: bool = False
    """Whether it is written from right to left."""
    alone: bool = False
    """Whether one character stands for the whole name, which is written without spaces."""


def _font(name: str) -> str:
    return f"fonts/noto-sans-{name}semibold.woff2"


def _indic(name: str, measure: str) -> Script:
    return Script(_font(f"{name}-"), measure, gap=0.1)


_ALPHABET: Final = Script(_font(""), "H")
_CHARACTERS: Final = Script(SYSTEM, "\u7530", alone=True)

_SCRIPTS: Final = {
    "LATIN": _ALPHABET,
    "GREEK": _ALPHABET,
    "CYRILLIC": _ALPHABET,
    "ARABIC": Script(_font("arabic-"), "\u0643", gap=0.16, syllables=False, leftward=True),
    "ARMENIAN": Script(_font("armenian-"), "\u0540"),
    "BENGALI": _indic("bengali", "\u0995"),
    "DEVANAGARI": _indic("devanagari", "\u0915"),
    "ETHIOPIC": Script(_font("ethiopic-"), "\u1205", gap=0.04),
    "GEORGIAN": Script(_font("georgian-"), "\u10d1", gap=0.04),
    "GUJARATI": _indic("gujarati", "\u0a95"),
    "GURMUKHI": _indic("gurmukhi", "\u0a15"),
    "HEBREW": Script(_font("hebrew-"), "\u05d4", syllables=False, leftward=True),
    "KANNADA": _indic("kannada", "\u0c95"),
    "KHMER": _indic("khmer", "\u1780"),
    "LAO": Script(_font("lao-"), "\u0e81", gap=0.04, syllables=False),
    "MALAYALAM": _indic("malayalam", "\u0d15"),
    "MYANMAR": _indic("myanmar", "\u1000"),
    "SINHALA": _indic("sinhala", "\u0d9a"),
    "TAMIL": _indic("tamil", "\u0b95"),
    "TELUGU": _indic("telugu", "\u0c15"),
    "THAI": Script(_font("thai-"), "\u0e01", gap=0.04, syllables=False),
    "CJK": _CHARACTERS,
    "HANGUL": _CHARACTERS,
    "HIRAGANA": _CHARACTERS,
    "KATAKANA": _CHARACTERS,
}
"""The first word of Unicode's names of a script's letters → the script."""


def script_of(letters: str) -> Script | None:
    """The script that the first of `letters` is written in; None if it is none of ours."""
    return _SCRIPTS.get(unicodedata.name(letters[0], "").partition(" ")[0])
