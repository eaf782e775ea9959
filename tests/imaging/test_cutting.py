"""Cutting: edges as a designer would cut them, measured against the geometry itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from gateway.imaging.cutting import coverage, cut, ring_width
from gateway.imaging.identicons import draw_identicon
from gateway.imaging.lettering import draw_initials
from gateway.imaging.silhouettes import draw_fallback
from gateway.model import Canvas, Colour, Kind, Shape

from .letters import SHIPPED
from .pictures import BLUE, RED, Pixels, decoded, pixels, table

SIZES = (16, 24, 48, 72, 144)
"""Small ones, and 16, 24 and 48 at a density of three."""

CUT = (Shape.CIRCLE, Shape.ROUNDED)
PAGES = ((255, 255, 255), (0, 0, 0), (224, 33, 138))
ORANGE = Colour(255, 140, 0)
FINE = 32

Draw = Callable[[Canvas], bytes]
DRAWN: dict[str, Draw] = {
    "person": lambda canvas: draw_fallback(Kind.PERSON, canvas),
    "initials": lambda canvas: draw_initials("AL", 3, canvas, fonts=SHIPPED),
    "identicon": lambda canvas: draw_identicon(b"somebody", canvas),
}


def geometry(size: int, shape: Shape, inset: int = 0) -> Pixels:
    """The share of each pixel that lies in the shape, by counting 32 × 32 points of each."""
    radius = {Shape.CIRCLE: size / 2, Shape.ROUNDED: round(size / 5), Shape.SQUARE: 0}[shape]
    radius = max(radius - inset, 0)
    points = np.abs((np.arange(size * FINE) + 0.5) / FINE - size / 2)
    beyond = points - (size / 2 - inset - radius)
    corner = np.maximum(beyond, 0)
    inside = (np.hypot(*np.meshgrid(corner, corner)) <= radius) if radius else None
    if inside is None:
        inside = np.logical_and(*np.meshgrid(beyond <= 0, beyond <= 0))
    shares: Pixels = inside.reshape(size, FINE, size, FINE).mean(axis=(1, 3))
    return shares


def on_page(picture: Image.Image, page: tuple[int, ...]) -> Pixels:
    """As a browser composites it."""
    seen = pixels(picture.convert("RGBA"))
    alpha = seen[..., 3:] / 255
    composed: Pixels = seen[..., :3] * alpha + np.array(page) * (1 - alpha)
    return composed


@pytest.mark.parametrize(("shape", "size"), table(Shape, SIZES))
def test_every_edge_pixel_is_covered_as_the_shape_covers_it(shape: Shape, size: int) -> None:
    for inset in (0, ring_width(size)):
        mask = pixels(coverage(size, shape, inset)) / 255
        assert np.abs(mask - geometry(size, shape, inset)).max() < 0.01


@pytest.mark.parametrize(("shape", "size"), table(CUT, SIZES))
def test_the_edge_is_one_pixel_wide(shape: Shape, size: int) -> None:
    mask = pixels(coverage(size, shape, 0))
    middle = (size - 1) / 2
    rows = np.abs(np.arange(size) - middle) < size / 4
    partial = ((mask > 0) & (mask < 255))[rows]
    assert partial.sum(axis=1).max() <= 4  # at most two on each side, where the arc is steep
    clear = size - (mask > 0).any(axis=0).sum()
    assert clear == 0  # and the shape reaches every side of the picture


@pytest.mark.parametrize(("shape", "size"), table(CUT, SIZES))
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("colour", [RED, BLUE, (255, 255, 255), (0, 0, 0)])
def test_an_edge_lies_between_picture_and_page(
    shape: Shape, size: int, page: tuple[int, ...], colour: tuple[int, int, int]
) -> None:
    shaped = cut(Image.new("RGB", (size, size), colour), Canvas(size, shape=shape))
    share = geometry(size, shape)[..., None]
    wanted = np.array(colour) * share + np.array(page) * (1 - share)
    assert np.abs(on_page(shaped, page) - wanted).max() < 3


@pytest.mark.parametrize(("shape", "size"), table(CUT, SIZES))
@pytest.mark.parametrize("page", PAGES)
def test_a_ring_is_the_whole_edge_on_any_page(
    shape: Shape, size: int, page: tuple[int, ...]
) -> None:
    shaped = cut(Image.new("RGB", (size, size), BLUE), Canvas(size, shape=shape, ring=ORANGE))
    outer = geometry(size, shape)[..., None]
    inner = geometry(size, shape, ring_width(size))[..., None]
    within = np.array(BLUE) * inner + np.array(ORANGE) * (1 - inner)
    wanted = within * outer + np.array(page) * (1 - outer)
    assert np.abs(on_page(shaped, page) - wanted).max() < 4


@pytest.mark.parametrize(("name", "shape", "size"), table(DRAWN, CUT, (16, 48, 144)))
@pytest.mark.parametrize("page", PAGES)
def test_what_we_draw_has_no_halo(
    name: str, shape: Shape, size: int, page: tuple[int, ...]
) -> None:
    cut_out = decoded(DRAWN[name](Canvas(size, shape=shape)))
    whole = pixels(decoded(DRAWN[name](Canvas(size))).convert("RGB"))
    share = geometry(size, shape)[..., None]
    assert np.abs(on_page(cut_out, page) - (whole * share + np.array(page) * (1 - share))).max() < 4


@pytest.mark.parametrize(("name", "shape"), table(DRAWN, CUT))
def test_a_viewer_that_scales_without_care_sees_no_halo_either(name: str, shape: Shape) -> None:
    canvas = Canvas(96, shape=shape, ring=ORANGE)
    picture = pixels(decoded(DRAWN[name](canvas)))
    # Each channel on its own, as no viewer should: colours just outside the edge get in.
    careless = picture.reshape(48, 2, 48, 2, 4).mean(axis=(1, 3))
    edge = (careless[..., 3] > 0) & (careless[..., 3] < 200)
    assert np.abs(careless[edge][:, :3] - np.array(ORANGE)).max() < 40


@pytest.mark.parametrize(("size", "width"), [(16, 1), (48, 2), (96, 3), (144, 4), (1024, 32)])
def test_a_ring_is_thin_and_grows_with_the_picture(size: int, width: int) -> None:
    assert ring_width(size) == width
