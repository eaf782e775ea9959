"""Rendering: the exact size, a clean cut, true colours, nothing beside the picture."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from PIL import Image

from gateway.errors import Undecodable
from gateway.imaging.cleaning import clean
from gateway.imaging.rendering import draw_custom, render
from gateway.model import Canvas, Colour, Format, Shape

from .pictures import (
    BLUE,
    GREEN,
    GREY,
    PHOTOS,
    RED,
    Pixels,
    at,
    decoded,
    encoded,
    near,
    parts,
    photo,
    pixels,
    psnr,
    quarters,
    table,
)

YELLOW = Colour(250, 210, 20)
VIOLET = Colour(120, 40, 200)
SIZES = (16, 17, 48, 97, 256)
CUT = (Shape.CIRCLE, Shape.ROUNDED)
PILLOW_NAMES = {Format.PNG: "PNG", Format.JPEG: "JPEG", Format.WEBP: "WEBP", Format.AVIF: "AVIF"}
CLEAR = [Format.PNG, Format.WEBP, Format.AVIF]


def plain(colour: tuple[int, ...] = RED, size: int = 320) -> bytes:
    """A master of one colour (transparent if it has a fourth channel)."""
    mode = "RGB" if len(colour) == 3 else "RGBA"
    return clean(encoded(Image.new(mode, (size, size), colour), "PNG"))


def shown(master: bytes, canvas: Canvas) -> Image.Image:
    return decoded(render(master, canvas))


def linear_reference(picture: Image.Image, side: int) -> Pixels:
    """The picture's middle square, shrunk in linear light in floating point."""
    share = pixels(picture) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    edge = min(picture.size)
    left, top = (picture.width - edge) / 2, (picture.height - edge) / 2
    box = (left, top, left + edge, top + edge)
    bands = [
        np.asarray(
            Image.fromarray(light[..., band].astype(np.float32)).resize(
                (side, side), Image.Resampling.LANCZOS, box
            )
        )
        for band in range(3)
    ]
    small = np.clip(np.dstack(bands), 0, 1)
    back: Pixels = 255 * np.where(
        small <= 0.0031308, small * 12.92, 1.055 * small ** (1 / 2.4) - 0.055
    )
    return back


@pytest.mark.parametrize(("fmt", "shape", "size"), table(Format, Shape, SIZES))
def test_has_exactly_the_size_and_format(fmt: Format, shape: Shape, size: int) -> None:
    master = clean(encoded(quarters((100, 70)), "PNG"))
    for bg, ring in product((None, YELLOW), (None, VIOLET)):
        picture = shown(master, Canvas(size, fmt, shape, bg, ring))
        assert picture.size == (size, size)
        assert picture.format == PILLOW_NAMES[fmt]
        opaque = bg is not None or shape is Shape.SQUARE or fmt is Format.JPEG
        assert picture.mode == ("RGB" if opaque else "RGBA")


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 1), (3, 2), (40, 30)])
@pytest.mark.parametrize("fmt", Format)
def test_enlarges_what_is_small(size: tuple[int, int], fmt: Format) -> None:
    master = clean(encoded(Image.new("RGB", size, GREEN), "PNG"))
    picture = shown(master, Canvas(64, fmt))
    assert picture.size == (64, 64)
    assert near(at(picture, 32, 32), GREEN)


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (960, 320), (150, 50)])
def test_shows_the_middle(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, RED)
    side = min(size)
    middle = ((size[0] - side) // 2, (size[1] - side) // 2)
    image.paste(quarters((side, side)), middle)
    picture = pixels(shown(clean(encoded(image, "PNG")), Canvas(32)))
    wanted = pixels(quarters((32, 32)))
    inner = np.s_[4:28, 4:28]
    assert psnr(picture[inner], wanted[inner]) > 18
    assert near(at(shown(clean(encoded(image, "PNG")), Canvas(32)), 26, 26), GREY)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("side", [48, 96, 128, 256])
def test_shrinks_in_linear_light(name: str, side: int) -> None:
    picture = photo(name)
    master = clean(encoded(picture, "PNG"))
    assert psnr(pixels(shown(master, Canvas(side))), linear_reference(picture, side)) > 32


def test_is_as_good_as_promised_at_96_pixels() -> None:
    ratios = [
        psnr(
            pixels(shown(clean(encoded(photo(name), "PNG")), Canvas(96))),
            linear_reference(photo(name), 96),
        )
        for name in PHOTOS
    ]
    assert np.median(ratios) > 37


def test_fine_contrast_keeps_its_brightness() -> None:
    board = Image.fromarray(np.indices((256, 256)).sum(axis=0).astype(np.uint8) % 2 * 255)
    # Half the light of white is 188 in sRGB, not 128.
    assert near(at(shown(clean(encoded(board, "PNG")), Canvas(96)), 48, 48), (188, 188, 188), 8)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize(("fmt", "least"), [("jpg", 27), ("webp", 28), ("avif", 26)])
def test_photographs_survive_every_format(name: str, fmt: str, least: float) -> None:
    master = clean(encoded(photo(name), "PNG"))
    lossy = shown(master, Canvas(128, Format(fmt)))
    assert psnr(pixels(lossy), pixels(shown(master, Canvas(128)))) > least


@pytest.mark.parametrize(("shape", "size"), table(CUT, (16, 17, 24, 48, 97, 256, 1024)))
def test_corners_are_clear_and_the_middle_is_not(shape: Shape, size: int) -> None:
    alpha = shown(plain(), Canvas(size, shape=shape)).getchannel("A")
    last = size - 1
    corners = [alpha.getpixel(corner) for corner in ((0, 0), (last, 0), (0, last), (last, last))]
    assert max(int(str(value)) for value in corners) < (8 if size > 20 else 96)
    assert alpha.getpixel((size // 2, size // 2)) == 255


@pytest.mark.parametrize(("shape", "size"), table(CUT, (16, 17, 24, 48, 97, 256)))
def test_edges_are_monotone_and_symmetrical(shape: Shape, size: int) -> None:
    alpha = pixels(shown(plain(), Canvas(size, shape=shape)).getchannel("A"))
    for row in alpha[:, : (size + 1) // 2]:
        assert np.all(np.diff(row) >= 0)
    for turned in (alpha[::-1], alpha[:, ::-1], alpha.T):
        assert np.abs(alpha - turned).max() <= 1


@pytest.mark.parametrize("size", [16, 17, 24, 48, 97, 256, 1024])
def test_the_circle_covers_what_a_circle_does(size: int) -> None:
    alpha = pixels(shown(plain(), Canvas(size, shape=Shape.CIRCLE)).getchannel("A"))
    assert alpha.sum() / 255 == pytest.approx(np.pi * size**2 / 4, rel=0.002)
    # Smooth everywhere: an edge pixel's value is its distance from the circle.
    middle = (size - 1) / 2
    y, x = np.mgrid[:size, :size]
    inside = np.clip(size / 2 - np.hypot(x - middle, y - middle) + 0.5, 0, 1)
    assert np.abs(alpha / 255 - inside).max() < 0.11


@pytest.mark.parametrize(("shape", "size", "fmt"), table(CUT, (16, 48, 97), CLEAR))
@pytest.mark.parametrize("colour", [(250, 250, 250), (5, 5, 5), RED, BLUE])
def test_no_fringe_on_any_page(
    shape: Shape, size: int, fmt: Format, colour: tuple[int, int, int]
) -> None:
    picture = pixels(shown(plain(colour), Canvas(size, fmt, shape)))
    seen = picture[..., :3][picture[..., 3] > 0]
    assert np.abs(seen - np.array(colour)).max() <= (6 if fmt is Format.PNG else 16)
    # Not even just outside, where a viewer that scales carelessly would pick it up.
    alpha = picture[..., 3] > 0
    beside = np.roll(alpha, 1, 0) | np.roll(alpha, -1, 0)
    if fmt is Format.PNG:
        assert np.abs(picture[..., :3][beside] - np.array(colour)).max() <= 6


@pytest.mark.parametrize(("shape", "size"), table(Shape, (16, 48, 97, 256)))
def test_a_ring_follows_the_edge(shape: Shape, size: int) -> None:
    picture = shown(plain(GREY), Canvas(size, shape=shape, ring=VIOLET)).convert("RGBA")
    width = max(1, round(size / 32))
    half = size // 2
    for depth in range(width):
        inward = [(half, depth), (depth, half), (size - 1 - depth, half), (half, size - 1 - depth)]
        assert all(near(at(picture, *spot)[:3], VIOLET, 30) for spot in inward)
    assert near(at(picture, half, width + 1)[:3], GREY)
    assert near(at(picture, half, half)[:3], GREY)
    if shape is Shape.CIRCLE:
        diagonal = int(size / 2 - (size / 2 - width / 2) * 2**-0.5)
        assert near(at(picture, diagonal, diagonal)[:3], VIOLET, 40)


@pytest.mark.parametrize("shape", CUT)
def test_a_ring_leaves_no_fringe_of_the_picture(shape: Shape) -> None:
    picture = pixels(shown(plain((255, 255, 255)), Canvas(96, shape=shape, ring=Colour(0, 0, 0))))
    outside = (picture[..., 3] > 0) & (picture[..., 3] < 255)
    assert picture[..., :3][outside].max() <= 8


@pytest.mark.parametrize(("fmt", "shape"), table(Format, Shape))
def test_a_background_makes_it_opaque(fmt: Format, shape: Shape) -> None:
    picture = shown(plain((*RED, 0)), Canvas(64, fmt, shape, bg=YELLOW))
    assert picture.mode == "RGB"
    assert near(at(picture, 0, 0), YELLOW)
    assert near(at(picture, 32, 32), YELLOW)


@pytest.mark.parametrize("fmt", Format)
def test_a_background_shows_outside_the_shape_only(fmt: Format) -> None:
    picture = shown(plain(), Canvas(64, fmt, Shape.CIRCLE, bg=YELLOW))
    assert near(at(picture, 1, 1), YELLOW)
    assert near(at(picture, 32, 32), RED)


def test_jpeg_lies_on_white() -> None:
    assert near(at(shown(plain(), Canvas(64, Format.JPEG, Shape.CIRCLE)), 1, 1), (255, 255, 255))
    assert near(at(shown(plain((0, 0, 0, 0)), Canvas(64, Format.JPEG)), 9, 9), (255, 255, 255))


def test_a_photo_with_alpha_keeps_its_colours_at_its_own_edges() -> None:
    image = Image.new("RGBA", (200, 200), (255, 255, 255, 0))
    image.paste((*RED, 255), (50, 50, 150, 150))
    picture = pixels(shown(clean(encoded(image, "PNG")), Canvas(37)))
    solid = picture[..., 3] > 40
    assert np.abs(picture[..., :3][solid] - np.array(RED)).max() <= 4
    assert picture[0, 0, 3] == 0


@pytest.mark.parametrize("shape", CUT)
def test_a_photo_with_alpha_is_cut_too(shape: Shape) -> None:
    picture = shown(plain((*RED, 100)), Canvas(64, shape=shape, ring=VIOLET))
    assert at(picture, 0, 0)[3] == 0
    assert near(at(picture, 32, 32), (*RED, 100), 4)
    assert near(at(picture, 32, 0), (*VIOLET, 255), 12)


@pytest.mark.parametrize(("fmt", "shape"), table(Format, Shape))
def test_nothing_but_the_picture_is_in_the_file(fmt: Format, shape: Shape) -> None:
    master = clean(encoded(photo("chelsea.png"), "PNG"))
    allowed = {
        Format.PNG: {"IHDR", "IDAT", "IEND"},
        Format.JPEG: {"E0", "DB", "C0", "C4"},
        Format.WEBP: {"VP8", "VP8X", "ALPH"},
        Format.AVIF: {"av01"},
    }
    assert set(parts(render(master, Canvas(200, fmt, shape)), fmt)) <= allowed[fmt]


@pytest.mark.parametrize("fmt", Format)
def test_equal_canvases_get_equal_bytes(fmt: Format) -> None:
    master = clean(encoded(photo("coffee.png"), "PNG"))
    canvas = Canvas(96, fmt, Shape.CIRCLE, ring=VIOLET)
    assert render(master, canvas) == render(master, canvas)


def test_the_operators_picture_is_shown_like_a_photo() -> None:
    logo = clean(encoded(quarters(), "GIF"))
    canvas = Canvas(48, shape=Shape.ROUNDED)
    assert draw_custom(logo, canvas) == render(logo, canvas)


@pytest.mark.parametrize("master", [b"", b"rubbish", encoded(quarters(), "JPEG")[:400]])
def test_a_broken_master_is_undecodable(master: bytes) -> None:
    with pytest.raises(Undecodable):
        render(master, Canvas(96))
