"""What we draw ourselves: silhouettes, initials, identicons and nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations, product
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from gateway.imaging.assets import static_path
from gateway.imaging.identicons import draw_identicon
from gateway.imaging.lettering import draw_initials
from gateway.imaging.silhouettes import draw_blank, draw_fallback
from gateway.imaging.tints import TINTS, tint_of
from gateway.model import Canvas, Colour, Format, Kind, Shape

from .letters import SHIPPED
from .pictures import at, contrast, decoded, luminance, near, parts, pixels, psnr, table

if TYPE_CHECKING:
    from PIL import Image

Draw = Callable[[Canvas], bytes]

DRAWN: dict[str, Draw] = {
    "person": lambda canvas: draw_fallback(Kind.PERSON, canvas),
    "group": lambda canvas: draw_fallback(Kind.GROUP, canvas),
    "channel": lambda canvas: draw_fallback(Kind.CHANNEL, canvas),
    "initials": lambda canvas: draw_initials("AL", 3, canvas, fonts=SHIPPED),
    "identicon": lambda canvas: draw_identicon(b"somebody", canvas),
}
YELLOW = Colour(250, 210, 20)
VIOLET = Colour(120, 40, 200)


@pytest.mark.parametrize(("name", "fmt", "size"), table(DRAWN, Format, (16, 17, 97)))
def test_has_exactly_the_size(name: str, fmt: Format, size: int) -> None:
    for shape, bg, ring in product(Shape, (None, YELLOW), (None, VIOLET)):
        picture = decoded(DRAWN[name](Canvas(size, fmt, shape, bg, ring)))
        assert picture.size == (size, size)
        clear = bg is None and shape is not Shape.SQUARE and fmt is not Format.JPEG
        assert picture.mode == ("RGBA" if clear else "RGB")


@pytest.mark.parametrize("name", DRAWN)
def test_reaches_the_largest_size(name: str) -> None:
    assert decoded(DRAWN[name](Canvas(1024))).size == (1024, 1024)


@pytest.mark.parametrize(("name", "fmt"), table(DRAWN, Format))
def test_every_format_shows_the_same(name: str, fmt: Format) -> None:
    canvas = Canvas(96, fmt, Shape.CIRCLE, bg=YELLOW)
    wanted = decoded(DRAWN[name](Canvas(96, Format.PNG, Shape.CIRCLE, bg=YELLOW)))
    assert psnr(pixels(decoded(DRAWN[name](canvas))), pixels(wanted)) > 32


@pytest.mark.parametrize("name", DRAWN)
def test_is_cut_and_ringed(name: str) -> None:
    picture = decoded(DRAWN[name](Canvas(96, shape=Shape.CIRCLE, ring=VIOLET)))
    assert at(picture, 0, 0)[3] == 0
    assert near(at(picture, 48, 1), (*VIOLET, 255), 20)
    assert at(picture, 48, 48)[3] == 255


@pytest.mark.parametrize("name", DRAWN)
def test_a_background_lies_outside_the_shape_only(name: str) -> None:
    inside = decoded(DRAWN[name](Canvas(96, shape=Shape.CIRCLE)))
    outside = decoded(DRAWN[name](Canvas(96, shape=Shape.CIRCLE, bg=YELLOW)))
    assert at(outside, 0, 0) == YELLOW
    assert at(outside, 48, 8) == at(inside, 48, 8)[:3]


@pytest.mark.parametrize(("name", "fmt"), table(DRAWN, Format))
def test_nothing_but_the_picture_is_in_the_file(name: str, fmt: Format) -> None:
    allowed = {
        Format.PNG: {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"},
        Format.JPEG: {"E0", "DB", "C0", "C4"},
        Format.WEBP: {"VP8", "VP8L", "VP8X", "ALPH"},
        Format.AVIF: {"av01"},
    }
    for shape in Shape:
        assert set(parts(DRAWN[name](Canvas(64, fmt, shape)), fmt)) <= allowed[fmt]


@pytest.mark.parametrize("size", [16, 24, 96, 512])
def test_every_kind_has_its_own_silhouette(size: int) -> None:
    pictures = [pixels(decoded(draw_fallback(kind, Canvas(size)))) for kind in Kind]
    for one, other in combinations(pictures, 2):
        assert psnr(one, other) < 25


@pytest.mark.parametrize(("kind", "shape"), table(Kind, Shape))
def test_a_silhouette_is_a_light_figure_on_a_calm_ground(kind: Kind, shape: Shape) -> None:
    picture = decoded(draw_fallback(kind, Canvas(96, shape=shape))).convert("RGB")
    figure, ground = at(picture, 48, 46), at(picture, 48, 6)
    assert luminance(figure) > luminance(ground)
    assert contrast(figure, ground) > 1.5
    assert max(ground) - min(ground) < 40


@pytest.mark.parametrize("kind", Kind)
def test_a_silhouette_ends_where_a_white_page_begins(kind: Kind) -> None:
    picture = pixels(decoded(draw_fallback(kind, Canvas(96))))
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert min(contrast(tuple(map(int, colour)), (255, 255, 255)) for colour in edge) > 1.25


@pytest.mark.parametrize("kind", Kind)
def test_a_silhouette_looks_alike_in_every_size(kind: Kind) -> None:
    large = decoded(draw_fallback(kind, Canvas(1024)))
    for size in (32, 100, 256, 300):
        small = pixels(decoded(draw_fallback(kind, Canvas(size))))
        assert psnr(small, pixels(large.resize((size, size)))) > 30


@pytest.mark.parametrize("kind", [Kind.PERSON, Kind.GROUP])
def test_people_are_symmetrical(kind: Kind) -> None:
    picture = pixels(decoded(draw_fallback(kind, Canvas(96))))
    assert psnr(picture, picture[:, ::-1]) > 28


@pytest.mark.parametrize("kind", Kind)
def test_the_source_art_is_svg(kind: Kind) -> None:
    root = ET.parse(static_path(f"silhouettes/{kind.value}.svg")).getroot()  # noqa: S314 - our own
    assert root.tag.endswith("svg")


def test_a_missing_static_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.svg"):
        static_path("silhouettes/nothing.svg")


def is_all(picture: Image.Image, colour: Colour) -> bool:
    """Whether every pixel is the same, and much like `colour`."""
    shown = pixels(picture.convert("RGB"))
    return bool(np.all(shown == shown[0, 0])) and near(tuple(map(int, shown[0, 0])), colour)


@pytest.mark.parametrize("size", [16, 17, 24, 25, 333, 1024])
def test_a_blank_is_clear(size: int) -> None:
    for fmt, shape in product((Format.PNG, Format.WEBP, Format.AVIF), Shape):
        picture = decoded(draw_blank(Canvas(size, fmt, shape))).convert("RGBA")
        assert picture.size == (size, size)
        assert picture.getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize("size", [16, 17, 24, 25, 333, 1024])
@pytest.mark.parametrize("fmt", Format)
def test_a_blank_takes_the_background(fmt: Format, size: int) -> None:
    picture = decoded(draw_blank(Canvas(size, fmt, Shape.CIRCLE, bg=YELLOW)))
    assert picture.size == (size, size)
    assert is_all(picture, YELLOW)


@pytest.mark.parametrize("fmt", [Format.PNG, Format.JPEG, Format.WEBP])
def test_a_blank_has_any_colour_and_size(fmt: Format) -> None:
    dice = random.Random(3)  # noqa: S311 - the same colours each time
    colours = [Colour(*dice.randbytes(3)) for _ in range(200)]
    corners = [Colour(*corner) for corner in product((0, 255), repeat=3)]
    for side, bg in enumerate(colours + corners, start=16):
        picture = decoded(draw_blank(Canvas(side, fmt, bg=bg)))
        assert picture.size == (side, side)
        assert is_all(picture, bg)


def test_a_blank_jpeg_is_white() -> None:
    assert at(decoded(draw_blank(Canvas(32, Format.JPEG))), 16, 16) == (255, 255, 255)


def test_an_identicon_has_the_tint_of_the_initials() -> None:
    for seed in (b"", b"maya", b"leon", bytes(range(255, 0, -1))):
        picture = decoded(draw_identicon(seed, Canvas(64)))
        assert TINTS[tint_of(seed)] in {colour for _, colour in picture.getcolors() or ()}


def test_identicons_are_the_same_for_the_same_seed_only() -> None:
    pictures = {draw_identicon(str(seed).encode(), Canvas(32)) for seed in range(200)}
    assert len(pictures) > 195
    assert draw_identicon(b"1", Canvas(32)) in pictures


@pytest.mark.parametrize("size", [16, 17, 48, 97])
def test_identicons_are_symmetrical_and_fit_the_circle(size: int) -> None:
    for seed in range(40):
        picture = pixels(decoded(draw_identicon(bytes([seed]), Canvas(size))).convert("L"))
        y, x = np.nonzero(picture != picture[0, 0])
        assert np.hypot(x - (size - 1) / 2, y - (size - 1) / 2).max() < size * 0.5
        box = picture[y.min() : y.max() + 1, x.min() : x.max() + 1]
        assert np.array_equal(box, box[:, ::-1])
        assert 0.1 < np.mean(picture != picture[0, 0]) < 0.4


@pytest.mark.parametrize("name", DRAWN)
def test_flat_art_is_small(name: str) -> None:
    assert len(DRAWN[name](Canvas(128, shape=Shape.CIRCLE))) < 8_000
