"""Letters: which fonts ship, what they draw, and how letters stand in the picture."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fontTools.ttLib import TTFont

from gateway.imaging import system_fonts
from gateway.imaging.assets import static_path
from gateway.imaging.fonts import Fonts
from gateway.imaging.lettering import draw_initials
from gateway.imaging.names import initials
from gateway.imaging.scripts import SYSTEM, script_of
from gateway.imaging.tints import LETTER, TINTS, tint_of
from gateway.model import Canvas
from tests import subsets

from .letters import SAMPLE, SHIPPED, UNSHAPED, with_sample
from .pictures import at, contrast, decoded, pixels, psnr

if TYPE_CHECKING:
    from pathlib import Path

WHITE, BLACK, NIGHT = (255, 255, 255), (0, 0, 0), (18, 18, 18)
"""Pages: light, black, and the dark grey of dark modes."""

FONT_FILES = sorted(subsets.STATIC.glob("*.woff2"))


def test_there_are_sixteen_tints_that_letters_stand_out_on() -> None:
    assert len(set(TINTS)) == 16
    for tint in TINTS:
        assert contrast(tint, LETTER) >= 4.5


@pytest.mark.parametrize("page", [WHITE, BLACK, NIGHT])
def test_tints_stand_out_on_light_and_dark_pages(page: tuple[int, ...]) -> None:
    for tint in TINTS:
        assert contrast(tint, page) >= 3


def test_a_contact_keeps_its_tint_and_all_tints_are_as_likely() -> None:
    drawn = [tint_of(bytes([first]) + b"rest") for first in range(256)]
    assert [drawn.count(tint) for tint in range(len(TINTS))] == [16] * 16
    assert tint_of(b"") == 0


@pytest.mark.parametrize("letters", ["A", "J", "Á", "AL", "WM", "QJ", "ÄÖ", "Ж", "ΩΨ", "IL"])
@pytest.mark.parametrize("size", [16, 24, 48, 96, 200, 1024])
def test_letters_stand_in_the_middle_and_inside_the_circle(letters: str, size: int) -> None:
    picture = pixels(decoded(draw_initials(letters, 9, Canvas(size), fonts=SHIPPED)).convert("L"))
    ink = np.abs(picture - picture[0, 0]) > 40
    y, x = np.nonzero(ink)
    assert abs((x.min() + x.max() + 1) / 2 - size / 2) <= max(1.5, size * 0.03)
    assert abs((y.min() + y.max() + 1) / 2 - size / 2) <= max(1, size * 0.09)
    assert y.max() - y.min() + 1 > size * 0.2
    assert np.hypot(x - (size - 1) / 2, y - (size - 1) / 2).max() < size * 0.46


@pytest.mark.parametrize(
    "letters",
    [
        ("\u0645", "\u0639"),
        ("\u0641", "\u0632"),
        ("\u05d0", "\u05dc"),
        ("\u0928", "\u092e\u094b"),
        ("\u0915\u094d\u0937\u093f",),
        ("\u0b95",),
        ("\u0d2e\u0d4b",),
        ("\u179f\u17bb",),
        ("\u0e2a", "\u0e08"),
        ("\u1e7a\u0323\u0304", "\u00c5"),
    ],
    ids="".join,
)
@pytest.mark.parametrize("size", [16, 48, 144])
def test_letters_of_every_script_stay_inside_the_circle(
    letters: tuple[str, ...], size: int
) -> None:
    picture = pixels(decoded(draw_initials(letters, 9, Canvas(size), fonts=SHIPPED)).convert("L"))
    y, x = np.nonzero(np.abs(picture - picture[0, 0]) > 40)
    middle = (size - 1) / 2
    assert np.hypot(x - middle, y - middle).max() < size * 0.47
    assert max(np.ptp(x), np.ptp(y)) + 1 > size * 0.3


def test_arabic_and_hebrew_begin_on_the_right() -> None:
    for first, last in (("\u0645", "\u0639"), ("\u05d0", "\u05dc")):
        pair, mirrored = SHIPPED.ink((first, last)).mask, SHIPPED.ink((last, first)).mask
        alone = SHIPPED.ink((first,)).mask
        right = pair.crop((pair.width - alone.width, 0, pair.width, pair.height))
        assert right.histogram()[255] == pytest.approx(alone.histogram()[255], rel=0.02)
        assert pair.tobytes() != mirrored.tobytes()


def test_letters_are_drawn_in_the_tint() -> None:
    for tint, colour in enumerate(TINTS):
        picture = decoded(draw_initials("I", tint, Canvas(96), fonts=SHIPPED))
        assert at(picture, 5, 5) == colour
        assert at(picture, 48, 48) == LETTER


def test_other_letters_look_different() -> None:
    pictures = [
        pixels(decoded(draw_initials(text, 0, Canvas(48), fonts=SHIPPED)))
        for text in ("A", "B", "AB")
    ]
    for one, other in combinations(pictures, 2):
        assert psnr(one, other) < 20


def test_no_letters_leave_the_tint() -> None:
    assert decoded(draw_initials("", 2, Canvas(32), fonts=SHIPPED)).getcolors() == [
        (32 * 32, TINTS[2])
    ]


# ---- fonts ----


def test_the_fonts_are_small_and_their_licence_is_beside_them() -> None:
    assert "SIL OPEN FONT LICENSE" in static_path("fonts/OFL.txt").read_text("utf-8")
    assert sum(file.stat().st_size for file in FONT_FILES) < 500_000


@pytest.mark.parametrize("file", FONT_FILES, ids=lambda file: file.stem)
def test_every_font_is_free_and_has_no_name_of_its_own(file: Path) -> None:
    names = TTFont(file)["name"]
    assert "SIL Open Font License" in names.getDebugName(13)
    assert "Reserved" not in names.getDebugName(0).replace("All Rights Reserved", "")


@pytest.mark.parametrize("name", subsets.RECIPES)
def test_every_font_holds_what_its_recipe_says_and_no_more(name: str) -> None:
    file = subsets.STATIC / subsets.file_name(name)
    held = set(TTFont(file).getBestCmap())
    wanted = set(subsets.wanted(subsets.RECIPES[name]))
    assert held <= wanted
    assert len(held) > 0.7 * len(wanted)  # blocks have letters that this edition lacks


def test_every_font_that_ships_belongs_to_a_script() -> None:
    assert {subsets.file_name(name) for name in subsets.RECIPES} == {f.name for f in FONT_FILES}
    for file in FONT_FILES:
        letters = [chr(code) for code in TTFont(file).getBestCmap() if chr(code).isalpha()]
        scripts = {script.font for each in letters if (script := script_of(each))}
        assert f"fonts/{file.name}" in scripts
        assert SYSTEM not in scripts


@pytest.mark.parametrize(
    "letter", ["A", "\u017d", "\u0416", "\u03a9", "\u0639", "\u05d0", "\u0915", "\u0e01"]
)
def test_letters_of_what_ships_are_known(letter: str) -> None:
    assert SHIPPED.has(letter)


@pytest.mark.parametrize(
    "letter", ["\u674e", "\ud55c", "\u30de", "\u16a0", "\U0001f642", "1", "\u0301"]
)
def test_others_are_not(letter: str) -> None:
    assert not SHIPPED.has(letter)


@pytest.mark.parametrize("letter", ["\u674e", "1"])
def test_letters_that_are_in_no_font_cannot_be_drawn(letter: str) -> None:
    with pytest.raises(ValueError, match="no font"):
        SHIPPED.ink((letter,))


def test_a_pair_is_of_one_font_and_not_too_wide() -> None:
    assert SHIPPED.pairs("W", "W")
    assert SHIPPED.pairs("A", "\u0416")
    assert not SHIPPED.pairs("A", "\u05d0")
    assert not UNSHAPED.pairs("\u0b94", "\u0b94")  # Tamil's widest vowel


# ---- the machine's own fonts ----


@pytest.mark.parametrize(
    "name", ["\u674e\u5c0f\u9f99", "\uae40\ucca0\uc218", "\u5c71\u7530 \u592a\u90ce"]
)
def test_a_font_of_the_machine_is_found_and_used(name: str, tmp_path: Path) -> None:
    (tmp_path / "noto").mkdir()
    fonts = with_sample(tmp_path / "noto")
    letters = initials(name, Fonts((tmp_path / "nowhere", tmp_path)))
    assert letters == (name[0],)
    picture = pixels(decoded(draw_initials(letters, 0, Canvas(96), fonts=fonts)).convert("L"))
    assert np.count_nonzero(np.abs(picture - picture[0, 0]) > 100) > 300


def test_what_the_machines_font_lacks_is_not_drawn(tmp_path: Path) -> None:
    assert initials("\u9f8d", with_sample(tmp_path)) == ()


def test_a_broken_font_is_passed_over(tmp_path: Path) -> None:
    fonts = with_sample(tmp_path, "wqy-zenhei.ttc")
    (tmp_path / "NotoSansCJK-Bold.ttc").write_bytes(b"no font")
    assert fonts.has("\u674e")
    (tmp_path / "wqy-zenhei.ttc").write_bytes(b"nor this")
    assert not Fonts((tmp_path,)).has("\u674e")


def test_the_better_font_wins_wherever_it_lies(tmp_path: Path) -> None:
    for place, name in (("one", "PingFang.ttc"), ("other", "NotoSansCJK-Bold.ttc")):
        (tmp_path / place).mkdir()
        (tmp_path / place / name).touch()
    found = [file.name for file, _ in system_fonts.find((tmp_path / "one", tmp_path / "other"))]
    assert found == ["NotoSansCJK-Bold.ttc", "PingFang.ttc"]


def test_the_sample_is_small() -> None:
    assert SAMPLE.stat().st_size < 4_000
