"""Names: the one or two letters that a person would choose for one."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Protocol

from gateway.imaging.clusters import cluster_at, is_letter
from gateway.imaging.scripts import script_of
from gateway.imaging.titles import (
    ATTACHED,
    BETWEEN_TITLES,
    SUFFIXES,
    SUFFIXES_WITH_A_DOT,
    TITLES,
    TITLES_WITH_A_DOT,
)

_ASIDE: Final = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_ADDRESS: Final = re.compile(r"([^\s@+]+)(?:\+[^\s@]*)?@[^\s@]+")
_ARTICLE: Final = re.compile(r"(?:[aeu]l|[aeu](sh|th|[sdrtnz])(?=-\1))-(?=\w\w)", re.IGNORECASE)
"""The Arabic article in Latin letters, as in al-Farsi and as-Sadr."""

_ELIDED: Final = re.compile(r"[dl]['’](?=[^\W\d_])")
"""What French and Italian drop before a vowel; O'Brien and D'Angelo begin with theirs."""

_ARABIC_ARTICLE: Final = "\u0627\u0644"
_SHORTEST_ROOT: Final = 3
"""Letters an Arabic name has after the article; what is shorter only begins like it."""


class Letters(Protocol):
    """What can be written."""

    def has(self, cluster: str) -> bool:
        """Whether this one can."""
        ...

    def pairs(self, first: str, last: str) -> bool:
        """Whether these two look well side by side."""
        ...


def initials(name: str, letters: Letters) -> tuple[str, ...]:
    """One or two clusters for `name`, in capitals; none if `letters` has none for it.

    First and last word, without titles, articles and what follows a name; in scripts that write
    a name without spaces, its first character. Words that begin with a letter that cannot be
    drawn do not count, and a digit is never shown: it may be one of a telephone number.
    """
    # Compatibility forms: full-width letters, and the "fancy" ones that people paste.
    plain = _ADDRESS.sub(r"\1", unicodedata.normalize("NFKC", name))
    words = _words(_ASIDE.sub(" ", plain), letters) or _words(plain, letters)
    if not words:
        return ()
    first = _letter(words[0], letters)
    script = script_of(first)
    if len(words) == 1 or script is None or script.alone:
        return (first,)
    last = _letter(_without_article(words[-1]), letters) or _letter(words[-1], letters)
    return (first, last) if letters.pairs(first, last) else (first,)


def _words(text: str, letters: Letters) -> list[str]:
    """The words that count, given name first."""
    # "López, Ana": the part after the comma comes first, unless it is a suffix.
    family, comma, given = text.partition(",")
    words = family.split()
    if comma:
        words = _without_suffixes(given.split()) + words
    words = [word for word in words if _letter(word, letters)]
    kept = _without_suffixes(_without_titles(words)) or words
    if len(kept) == 1:
        whole = _ARTICLE.sub("", kept[0], count=1)
        return [part for part in _parts(whole) if _letter(part, letters)] or kept
    return kept


def _parts(word: str) -> list[str]:
    """A single word where it has seams: hyphens, dots and whatever is no letter, mark or digit."""
    seams = (
        " " if unicodedata.category(each)[0] in "PSZ" and each not in "'’" else each
        for each in word
    )
    return "".join(seams).split()


def _bare(word: str) -> str:
    return word.strip(".,;:").replace(".", "").lower()


def _without_titles(words: list[str]) -> list[str]:
    while len(words) > 1 and _is_title(words[0]):
        words = words[1:]
        # "Mr. and Mrs. Smith"
        if words[0].lower() in BETWEEN_TITLES and any(map(_is_title, words[1:2])):
            words = words[1:]
    if not words:
        return words
    # "Dr.Müller": the space is often forgotten.
    title, dot, rest = words[0].partition(".")
    if dot and any(map(is_letter, rest)) and _is_title(f"{title}."):
        return [rest, *words[1:]]
    return [_without_attached(words[0]), *words[1:]] if len(words) > 1 else words


def _is_title(word: str) -> bool:
    return _is_one_of(word, TITLES, TITLES_WITH_A_DOT)


def _without_suffixes(words: list[str]) -> list[str]:
    while words and _is_one_of(words[-1], SUFFIXES, SUFFIXES_WITH_A_DOT):
        words = words[:-1]
    return words


def _is_one_of(word: str, plain: frozenset[str], dotted: frozenset[str]) -> bool:
    bare = _bare(word)
    return bare in plain or (word.endswith(".") and bare in dotted)


def _without_attached(word: str) -> str:
    """A Thai word without the title it begins with, if what remains may begin a name."""
    for title in ATTACHED:
        rest = word.removeprefix(title)
        if rest != word and rest and is_letter(rest[0]) and rest[0] not in _THAI_VOWELS:
            return rest
    return word


_THAI_VOWELS: Final = frozenset("\u0e30\u0e32\u0e33\u0e45")
"""Vowels that Thai writes after their consonant."""

_LEADING_VOWELS: Final = frozenset("\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4")
"""Vowels that Thai and Lao write before the consonant they follow; initials are consonants."""


def _without_article(word: str) -> str:
    """The last word of a name as it is looked up: al-Farsi under F, d'Arc under A."""
    bare = word.removeprefix(_ARABIC_ARTICLE)
    if bare != word:
        return bare if len(bare) >= _SHORTEST_ROOT else word
    return _ELIDED.sub("", _ARTICLE.sub("", word, count=1), count=1)


def _letter(word: str, letters: Letters) -> str:
    """The word's first letter, as a capital; "" if it has none, or one that cannot be drawn."""
    for at, character in enumerate(word):
        if is_letter(character) and character not in _LEADING_VOWELS:
            forms = _forms(cluster_at(word, at))
            return next((form for form in forms if letters.has(form)), "")
    return ""


def _forms(cluster: str) -> list[str]:
    """Ways to write an initial, the best first."""
    script = script_of(cluster)
    marks = cluster[1:] if script and script.syllables else ""
    # "ß" becomes "SS": one letter is enough. Georgian has capitals, but few fonts have them.
    letter = cluster[0]
    capital, small = letter.upper()[0], letter.lower()[0]
    return [unicodedata.normalize("NFC", each) for each in (capital + marks, capital, small)]
