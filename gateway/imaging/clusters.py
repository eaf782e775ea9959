"""Clusters: what a reader takes for one letter may be several characters.

This is the part of Unicode's rules for text segmentation (UAX 29) that concerns letters: a base
with its marks, conjuncts of Indic and Khmer letters, and the pieces of a Hangul syllable. Emoji
and flags need no rule here, for no initial begins with one.
"""

from __future__ import annotations

import unicodedata
from itertools import takewhile
from typing import Final

_ZWNJ, _ZWJ = "\u200c", "\u200d"
JOINERS: Final = frozenset({_ZWNJ, _ZWJ})
"""Characters that change how their neighbours are joined, and do not show."""

_VIRAMA: Final = 9
"""The combining class of the signs that take a letter's vowel away."""

_LINKERS: Final = frozenset(
    "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0c4d\u0ccd\u0d4d"  # Devanagari … Malayalam, but not Tamil
    "\u1039\u17d2"  # Myanmar's stacking sign, Khmer's coeng
)
"""The viramas that draw the next letter into the cluster by themselves."""

_TAMIL_CONJUNCTS: Final = frozenset({"\u0b95\u0bcd\u0bb7", "\u0bb8\u0bcd\u0bb0"})
"""The two that Tamil writes as one letter: ksha, and the shr of Shri."""

_VOWELS_AND_FINALS: Final = range(0x1160, 0x1200)
"""The pieces of a Hangul syllable that follow its first; most syllables are one character."""

_MOST_MARKS: Final = 4
"""Marks in a row that any writing needs; more are a prank."""

_LONGEST: Final = 10
"""Characters of the longest cluster that is drawn."""


def is_letter(character: str) -> bool:
    """Whether an initial may begin with it: no digit, mark, symbol or modifier."""
    return unicodedata.category(character) in {"Lu", "Ll", "Lt", "Lo"}


def is_mark(character: str) -> bool:
    """Whether it belongs to the letter before it."""
    return unicodedata.category(character) in {"Mn", "Mc", "Me"}


def cluster_at(text: str, start: int) -> str:
    """The whole cluster whose letter stands at `start`; only that letter if it is a prank."""
    end = start + 1
    while end < len(text) and _goes_on(text, start, end):
        end += 1
    cluster = text[start:end].rstrip("".join(JOINERS))
    if len(cluster) > _LONGEST or _marks_in_a_row(cluster) > _MOST_MARKS:
        return text[start]
    return cluster


def _goes_on(text: str, start: int, at: int) -> bool:
    """Whether the cluster that began at `start` still holds the character `at`."""
    character, before = text[at], text[at - 1]
    if is_mark(character) or character in JOINERS:
        return True
    if ord(character) in _VOWELS_AND_FINALS:
        return True
    if not is_letter(character):
        return False
    if before == _ZWJ:
        # Sinhala asks for its conjuncts: virama, joiner, letter.
        return at - start > 1 and unicodedata.combining(text[at - 2]) == _VIRAMA
    return before in _LINKERS or text[start : at + 1] in _TAMIL_CONJUNCTS


def _marks_in_a_row(cluster: str) -> int:
    return max(len(list(takewhile(is_mark, cluster[at:]))) for at in range(len(cluster)))
