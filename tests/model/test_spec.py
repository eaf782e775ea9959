"""What a viewer asks for: pixels are computed once, and what is not drawn does not count."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import (
    DPRS,
    AvatarSpec,
    Canvas,
    Colour,
    Fallback,
    Format,
    Rendition,
    Shape,
)


@pytest.mark.parametrize(
    ("size", "dpr", "pixels"),
    [
        (128, 1.0, 128),
        (128, 2.0, 256),
        (128, 3.0, 384),
        (16, 1.0, 16),
        (1024, 1.0, 1024),
        (33, 1.5, 50),  # 49.5 is rounded up
        (35, 1.5, 53),  # 52.5 is rounded up: not to the even neighbour
        (34, 1.5, 51),
        (17, 1.5, 26),
        (682, 1.5, 1023),
        (341, 3.0, 1023),
        (512, 2.0, 1024),
    ],
)
def test_pixels_are_size_times_dpr_rounded_half_up(size: int, dpr: float, pixels: int) -> None:
    assert AvatarSpec(size=size, dpr=dpr).canvas.pixels == pixels


@given(st.integers(16, 1024), st.sampled_from(DPRS))
def test_pixels_follow_the_formula_everywhere(size: int, dpr: float) -> None:
    exact = Fraction(size) * Fraction(dpr) + Fraction(1, 2)
    assert AvatarSpec(size=size, dpr=dpr).canvas.pixels == exact.numerator // exact.denominator


def test_wishes_that_are_not_drawn_share_one_canvas() -> None:
    plain = AvatarSpec(size=64)
    other = AvatarSpec(
        size=32, dpr=2.0, fallback=Fallback.INITIALS, name="Maya", forced=True, version="x"
    )
    assert plain.canvas == other.canvas
    assert hash(plain.canvas) == hash(other.canvas)
    assert plain != other


@pytest.mark.parametrize(
    "spec",
    [
        AvatarSpec(size=65),
        AvatarSpec(size=64, format=Format.WEBP),
        AvatarSpec(size=64, shape=Shape.CIRCLE),
        AvatarSpec(size=64, bg=Colour(0, 0, 0)),
        AvatarSpec(size=64, ring=Colour(0, 0, 0)),
    ],
)
def test_whatever_is_drawn_makes_another_canvas(spec: AvatarSpec) -> None:
    assert spec.canvas != Canvas(64)


@pytest.mark.parametrize(
    ("fmt", "media_type"),
    [
        (Format.PNG, "image/png"),
        (Format.JPEG, "image/jpeg"),
        (Format.WEBP, "image/webp"),
        (Format.AVIF, "image/avif"),
    ],
)
def test_a_format_names_its_media_type(fmt: Format, media_type: str) -> None:
    assert fmt.media_type == media_type


@given(st.binary(), st.binary())
def test_an_etag_is_quoted_and_names_the_bytes(one: bytes, other: bytes) -> None:
    left, right = Rendition.of(one, Format.PNG), Rendition.of(other, Format.PNG)
    assert left.etag.startswith('"')
    assert left.etag.endswith('"')
    assert left.etag[1:-1].isalnum()
    assert (left.etag == right.etag) == (one == other)


def test_the_bytes_of_a_picture_stay_out_of_its_repr() -> None:
    assert "secret-bytes" not in repr(Rendition.of(b"secret-bytes", Format.PNG))
