"""What docs/faces.md promises of initials, fallbacks and fonts holds."""

from __future__ import annotations

import re

import pytest

from gateway.imaging import system_fonts
from gateway.imaging.names import initials
from gateway.model import Fallback, Format
from gateway.web.query import Defaults, Query
from tests.processes import ROOT
from tests.subsets import STATIC
from tests.test_documents import code, rows

from .letters import Every

DOCUMENT = (ROOT / "docs" / "faces.md").read_text()


def examples() -> list[tuple[str, str]]:
    """Names and letters, where the table has both."""
    found: list[tuple[str, str]] = []
    for _, names, letters in rows(DOCUMENT, "Rule", "`name=`"):
        told = [] if letters == "the silhouette" else letters.split(" · ")
        split = names.split(" · ")
        found += zip(split, told or [""] * len(split), strict=True)
    return found


@pytest.mark.parametrize(("name", "letters"), examples())
def test_the_letters_are_those_that_are_told(name: str, letters: str) -> None:
    assert "".join(initials(name, Every())) == letters.replace(" ", "")


def test_the_fallbacks_are_told_with_the_words_of_gravatar() -> None:
    told = {code(row[0])[0]: code(row[2]) for row in rows(DOCUMENT, "`fallback=`", "Shows")}
    assert list(told) == list(Fallback)
    silhouettes = re.findall(r"generators \((.*?)\)", DOCUMENT, re.DOTALL)
    told["silhouette"] += code(silhouettes[0])
    for fallback, words in told.items():
        for word in words:
            spec = Query.parse(f"d={word}&s=80&r=pg").spec(Format.PNG, Defaults())
            assert spec.fallback == fallback
            assert spec.size == 80


def test_the_size_of_the_fonts_is_told() -> None:
    [told] = re.findall(r"of (\d+) KB in all", DOCUMENT)
    assert round(sum(file.stat().st_size for file in STATIC.glob("*.woff2")) / 1000) == int(told)


def test_the_folders_that_are_searched_are_told() -> None:
    for folder in system_fonts.FOLDERS:
        if folder.parts[1] == "usr":
            assert f"`{folder}`" in DOCUMENT
