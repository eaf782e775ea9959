"""The contact sheet in the documents shows what the code draws today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image, features
from skimage.metrics import structural_similarity

from tests.contact_sheet import FILE, SIDE, draw, layout

from .pictures import Pixels, pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST = 0.97
"""Structural similarity of two pictures that look the same, whatever library encoded them."""

if not features.check("raqm"):
    pytest.skip("FriBiDi is not on this machine", allow_module_level=True)


def likeness(one: Pixels, other: Pixels) -> float:
    like = structural_similarity(one, other, channel_axis=2, data_range=255)  # type: ignore[no-untyped-call]
    return float(like)


def boxes() -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    for section, _, tiles in layout():
        for number, (tile, left, top) in enumerate(tiles, 1):
            yield f"{section.heading} {number} {tile.caption}", (left, top, left + SIDE, top + SIDE)


@pytest.fixture(scope="module")
def kept() -> Image.Image:
    with Image.open(FILE) as image:
        return image.convert("RGB")


@pytest.fixture(scope="module")
def drawn() -> Image.Image:
    return draw()


def test_the_sheet_is_laid_out_as_today(kept: Image.Image, drawn: Image.Image) -> None:
    assert kept.size == drawn.size, "run python -m tests.contact_sheet"
    assert likeness(pixels(kept), pixels(drawn)) > LEAST


def test_every_tile_looks_as_today(kept: Image.Image, drawn: Image.Image) -> None:
    likenesses = {
        name: likeness(pixels(kept.crop(box)), pixels(drawn.crop(box))) for name, box in boxes()
    }
    drifted = {name: like for name, like in likenesses.items() if like < LEAST}
    assert not drifted, "look at them, then run python -m tests.contact_sheet"


def test_a_drift_would_be_seen(drawn: Image.Image) -> None:
    _, _, tiles = next(layout())
    faces = [pixels(tile.composed()) for tile, _, _ in tiles]
    assert likeness(faces[2], faces[3]) < LEAST  # the same face with a ring
    _, box = list(boxes())[-1]
    tile = drawn.crop(box)
    moved = tile.transform(tile.size, Image.Transform.AFFINE, (1, 0, 1, 0, 1, 0))
    assert likeness(pixels(tile), pixels(moved)) < LEAST  # by one pixel


def test_the_sheet_is_small() -> None:
    assert FILE.stat().st_size < 400_000
