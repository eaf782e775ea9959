"""Initials: the letters that a person would choose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.imaging.lettering import draw_initials
from gateway.imaging.names import initials
from gateway.model import Canvas

from .pictures import decoded


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ana María López", "AL"),
        ("jean-luc picard", "JP"),
        ("Jean-Luc", "JL"),
        ("Dr. Müller", "M"),
        ("Prof. Dr. Hans von der Tann", "HT"),
        ("Mr. T", "T"),
        ("Dr", "D"),
        ("anna", "A"),
        ("Anna (Work)", "A"),
        ("(Anna)", "A"),
        ("Anna [old] Berg", "AB"),
        ("López, Ana", "AL"),
        ("John Smith Jr.", "JS"),
        ("John Smith, PhD", "JS"),
        ("M. C. Escher", "ME"),
        ("Vincent van Gogh", "VG"),
        ("O'Brien", "O"),
        ("Family & Friends", "FF"),
        ("🎉 Party People 🎉", "PP"),
        ("~ anna ~", "A"),
        ("@anna_berg", "AB"),
        ("anna.berg", "AB"),
        ("Анна Каренина", "АК"),  # noqa: RUF001 - Cyrillic is the point
        ("Ωμέγα Ψι", "ΩΨ"),
        ("Élodie Été", "ÉÉ"),
        ("E\u0301lodie", "É"),
        ("Nguyễn Văn Ấn", "NẤ"),
        ("ǆon", "D"),
        ("ßen", "S"),
        ("𝓐𝓷𝓷𝓪 𝓑𝓮𝓻𝓰", "AB"),  # noqa: RUF001 - fancy letters are the point
        ("Ａｎｎａ", "A"),  # noqa: RUF001 - full width is the point
        ("  spaced   out  ", "SO"),
        ("Ana 李", "A"),
        ("王 Wang", "W"),
        ("", ""),
        ("   ", ""),
        ("12345", ""),
        ("+49 170 1234567", ""),
        ("🎉🎉", ""),
        ("...", ""),
        ("\u0301", ""),
        ("\u0000", ""),
    ],
)
def test_letters_of_a_name(name: str, letters: str) -> None:
    assert initials(name) == letters


@pytest.mark.parametrize("name", ["李小龙", "محمد علي", "אברהם", "สมชาย", "김철수", "山田 太郎"])
def test_what_no_font_can_draw_has_no_initials(name: str) -> None:
    assert initials(name) == ""


@given(st.text(max_size=64))
def test_any_name_gives_at_most_two_letters_that_can_be_drawn(name: str) -> None:
    letters = initials(name)
    assert len(letters) <= 2
    assert decoded(draw_initials(letters, 0, Canvas(16))).size == (16, 16)
