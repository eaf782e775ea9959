"""PNG: what is written is read again bit by bit, and no larger than it would be elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.imaging.png import write_drawn, write_photo
from gateway.imaging.silhouettes import draw_fallback
from gateway.model import Canvas, Format, Kind, Shape

from .pictures import PHOTOS, decoded, encoded, parts, photo

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    Write = Callable[[Image.Image], bytes]


@pytest.mark.parametrize("write", [write_photo, write_drawn])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_pair_of_neighbours_survives(mode: str, write: Write) -> None:
    # Each row its own value, each second column another: left and above take all combinations.
    rows, columns = np.mgrid[:256, :256].astype(np.uint8)
    planes = [rows, columns, rows ^ columns, columns - rows][: len(mode)]
    picture = Image.fromarray(np.dstack(planes))
    assert decoded(write(picture)).tobytes() == picture.tobytes()


@given(st.sampled_from(["RGB", "RGBA"]), st.integers(1, 9), st.integers(1, 9), st.randoms())
def test_any_picture_survives(mode: str, width: int, height: int, chance: random.Random) -> None:
    pixels = chance.randbytes(width * height * len(mode))
    picture = Image.frombytes(mode, (width, height), pixels)
    for write in (write_photo, write_drawn):
        shown = decoded(write(picture))
        assert (shown.mode, shown.size, shown.tobytes()) == (mode, (width, height), pixels)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("side", [48, 96, 256])
def test_a_photograph_is_hardly_larger_than_with_the_best_filter_for_each_row(
    name: str, side: int
) -> None:
    picture = photo(name).resize((side, side))
    assert len(write_photo(picture)) < 1.15 * len(encoded(picture, "PNG"))


@pytest.mark.parametrize("size", [48, 96, 512])
@pytest.mark.parametrize("shape", Shape)
def test_flat_art_is_no_larger_than_with_the_best_filter_for_each_row(
    shape: Shape, size: int
) -> None:
    picture = decoded(draw_fallback(Kind.PERSON, Canvas(size, shape=shape)))
    assert len(write_drawn(picture)) < 1.05 * len(encoded(picture, "PNG"))


def test_it_holds_nothing_but_the_picture() -> None:
    picture = photo("coffee.png").resize((64, 64))
    picture.info = {"dpi": (72, 72), "icc_profile": b"profile", "comment": b"secret"}
    for write in (write_photo, write_drawn):
        assert parts(write(picture), Format.PNG) == ["IHDR", "IDAT", "IEND"]
