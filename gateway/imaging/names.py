"""Names: the one or two letters that a person would choose for one."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from gateway.imaging.fonts import drawable

_ASIDE: Final = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_TITLES: Final = frozenset(
    {
        *("dr", "dra", "prof", "profa", "mr", "mrs", "ms", "miss", "mx", "sir", "dame", "rev"),
        *("herr", "frau", "dipl-ing", "sr", "sra", "srta", "doña", "dona", "señor", "señora"),
        *("senhor", "senhora", "mme", "mlle", "sig", "sigra", "dott"),
    }
)
"""What stands before a name and is none; in lower case and without dots."""

_SUFFIXES: Final = frozenset(
    {"jr", "sr", "jun", "sen", "ii", "iii", "iv", "phd", "md", "mba", "esq"}
)
"""What stands after one."""

_NAMES_WITHOUT_SPACES: Final = ("CJK", "HANGUL", "HIRAGANA", "KATAKANA")
"""Scripts, as Unicode's names of letters begin: the first character says it."""


def initials(name: str) -> str:
    """One or two capital letters for `name`; "" if it holds none that our fonts can draw.

    First and last word, without titles and what follows a name; in scripts that write a name
    without spaces, the first character. Words that begin with a letter we cannot draw do not
    count.
    """
    # Compatibility forms: full-width letters, and the "fancy" ones that people paste.
    plain = unicodedata.normalize("NFKC", name)
    words = _words(_ASIDE.sub(" ", plain)) or _words(plain)
    if not words:
        return ""
    first = _letter(words[0])
    if len(words) == 1 or unicodedata.name(first, "").startswith(_NAMES_WITHOUT_SPACES):
        return first
    return first + _letter(words[-1])


def _words(text: str) -> list[str]:
    """The words that count, given name first."""
    # "López, Ana": the part after the comma comes first, unless it is a suffix.
    family, comma, given = text.partition(",")
    words = family.split()
    if comma:
        words = _without_suffixes(given.split()) + words
    words = [word for word in words if _letter(word)]
    kept = _without_suffixes(_without_titles(words)) or words
    if len(kept) == 1:
        parts = [part for part in re.split(r"[^\w'’]|_", kept[0]) if _letter(part)]
        return parts or kept
    return kept


def _bare(word: str) -> str:
    return word.strip(".,;:").replace(".", "").lower()


def _without_titles(words: list[str]) -> list[str]:
    while len(words) > 1 and _bare(words[0]) in _TITLES:
        words = words[1:]
    return words


def _without_suffixes(words: list[str]) -> list[str]:
    while words and _bare(words[-1]) in _SUFFIXES:
        words = words[:-1]
    return words


def _letter(word: str) -> str:
    """The word's first letter, as a capital; "" if it has none, or one that no font has."""
    for character in word:
        if unicodedata.category(character) in {"Lu", "Ll", "Lt", "Lo"}:
            # "ß" becomes "SS": one letter is enough.
            capital = character.upper()[0]
            return capital if drawable(capital) else ""
    return ""
