"""``Accept``: which format is served where the URL names none, and when JSON is wanted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Format
from gateway.web.negotiation import image_format, wants_json

PNG, JPEG, WEBP, AVIF = Format.PNG, Format.JPEG, Format.WEBP, Format.AVIF

BROWSERS = [
    ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", WEBP),  # Chrome, Edge
    ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", WEBP),  # Firefox
    ("image/avif,image/webp,*/*", WEBP),  # Firefox before 128
    ("image/webp,*/*", WEBP),  # Firefox before 92
    (
        (
            "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,"
            "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
        ),
        WEBP,
    ),  # Safari 17
    ("image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", WEBP),  # Safari 14
    ("image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", PNG),  # Safari 13
    (
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
            "image/apng,*/*;q=0.8"
        ),
        WEBP,
    ),  # Chrome, opened in a tab
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PNG),  # Safari, in a tab
    ("image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5", PNG),  # Internet Explorer 11
    ("*/*", PNG),  # curl, and most mail proxies
]


@pytest.mark.parametrize(("accept", "expected"), BROWSERS)
def test_browsers_get_what_suits_them(accept: str, expected: Format) -> None:
    assert image_format(accept) is expected


QUALITIES = [
    ("image/png", PNG),
    ("image/jpeg", JPEG),
    ("image/webp", WEBP),
    ("image/png;q=0.5, image/jpeg;q=0.6", JPEG),
    ("image/png;q=0.5, image/jpeg;q=0.6, image/webp;q=0.7", WEBP),
    ("image/webp;q=0.001, image/jpeg;q=0.002", JPEG),
    ("image/webp;q=0.999, image/png", PNG),
    ("image/webp;q=1.000, image/png;q=1.", WEBP),
    ("image/jpeg;q=0.1", JPEG),
    # ties: webp, png, jpeg
    ("image/jpeg, image/png, image/webp", WEBP),
    ("image/jpeg;q=0.3, image/png;q=0.3, image/webp;q=0.3", WEBP),
    ("image/jpeg, image/png", PNG),
    ("image/jpeg, image/webp", WEBP),
    # image/* counts for all three alike
    ("image/*", WEBP),
    ("image/*;q=0.1", WEBP),
    ("image/*;q=0.5, image/jpeg", JPEG),
    ("image/*;q=0.5, image/png;q=0.6", PNG),
    ("image/*, image/webp;q=0.9", PNG),
    ("image/*, image/webp;q=0.9, image/png;q=0.9", JPEG),
    ("image/*;q=0.5, image/webp;q=0.1, */*", PNG),
    # avif only if its q is the highest
    ("image/avif", AVIF),
    ("image/avif;q=0.1", AVIF),
    ("image/avif, image/webp;q=0.9", AVIF),
    ("image/avif, image/*;q=0.8", AVIF),
    ("image/avif, */*;q=0.8", AVIF),
    ("image/avif, image/webp", WEBP),
    ("image/avif, image/png", PNG),
    ("image/avif, image/jpeg", JPEG),
    ("image/avif, image/*", WEBP),
    ("image/avif, */*", PNG),
    ("image/avif;q=0.8, image/jpeg;q=0.9", JPEG),
    ("image/avif;q=0.5, text/html", AVIF),
    # nothing that says anything
    ("", PNG),
    (" ", PNG),
    ("*/*", PNG),
    ("*/*;q=0.1", PNG),
    ("text/html", PNG),
    ("application/json", PNG),
    ("image/gif, image/svg+xml", PNG),
    ("video/*", PNG),
    # q=0 refuses
    ("image/webp;q=0, image/*", PNG),
    ("image/webp;q=0, image/png;q=0, image/*", JPEG),
    ("image/webp;q=0.0, image/jpeg;q=0.2", JPEG),
    ("image/*;q=0", PNG),
    ("*/*;q=0", PNG),
    ("image/avif;q=0", PNG),
    ("image/png;q=0", PNG),
    ("image/png;q=0, image/jpeg;q=0, image/webp;q=0, image/avif;q=0", PNG),
    # how it is written
    ("IMAGE/WEBP", WEBP),
    ("Image/Jpeg;Q=0.9", JPEG),
    ("  image/jpeg  ;  q = 0.9  ,  image/png  ;q=0.8", JPEG),
    ("image/jpeg;level=1;q=0.9, image/png;q=0.8", JPEG),
    ("image/jpeg;q=0.9;ext=1, image/png;q=0.8", JPEG),
    ("image/jpeg;level=1, image/png;q=0.8", JPEG),
    ("image/jpeg;q=0.1, image/jpeg;q=0.9, image/png;q=0.5", JPEG),
    (",,image/jpeg,,", JPEG),
]


@pytest.mark.parametrize(("accept", "expected"), QUALITIES)
def test_the_format_liked_best_is_served(accept: str, expected: Format) -> None:
    assert image_format(accept) is expected


MALFORMED = [
    "image/webp;q=2", "image/webp;q=1.5", "image/webp;q=-1", "image/webp;q=.5", "image/webp;q=",
    "image/webp;q=high", "image/webp;q=0.1234", "image/webp;q=1.001", "image/webp;q=0,5",
    "webp", "image", "image/", "/webp", "image//webp", "image/web p", "image/webp/x",
    "image/webp q=1", "imäge/webp", "image/webp;q=\u0661", "image\\webp", "*", "*;q=1", ";q=1",
    "image/webp;q=\x00", "image/webp;q=nan", "image/webp;q=1e0",
]  # fmt: skip


@pytest.mark.parametrize("malformed", MALFORMED)
def test_a_malformed_range_is_passed_over(malformed: str) -> None:
    assert image_format(malformed) is PNG
    assert image_format(f"{malformed}, image/jpeg;q=0.1") is JPEG
    assert image_format(f"image/jpeg;q=0.1, {malformed}") is JPEG


@pytest.mark.parametrize(
    "order", [*itertools.permutations(["image/jpeg", "image/webp", "image/png"])]
)
def test_the_order_of_equals_does_not_matter(order: tuple[str, ...]) -> None:
    assert image_format(", ".join(order)) is WEBP


_names = st.sampled_from(
    ["image/png", "image/jpeg", "image/webp", "image/avif", "image/*", "*/*", "text/html"]
)
_ranges = st.dictionaries(_names, st.integers(0, 10).map(lambda tenths: tenths / 10))


@given(_ranges)
def test_avif_costs_and_is_served_only_to_who_likes_it_best(ranges: dict[str, float]) -> None:
    chosen = image_format(", ".join(f"{name};q={q}" for name, q in ranges.items()))
    any_image = ranges.get("image/*", 0.0)
    liked = [ranges.get(fmt.media_type, any_image) for fmt in (WEBP, PNG, JPEG)]
    if chosen is AVIF:
        assert ranges["image/avif"] > max(liked)
    else:
        assert ranges.get("image/avif", 0.0) <= max(*liked, ranges.get("*/*", 0.0))
        assert ranges.get(chosen.media_type, 1.0) > 0 or chosen is PNG


@given(st.text())
def test_any_text_at_all_gets_a_format(accept: str) -> None:
    assert image_format(accept) in set(Format)
    assert wants_json(accept) in {True, False}


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/json", True),
        ("application/problem+json", True),
        ("application/vnd.api+json", True),
        ("text/json", True),
        ("APPLICATION/JSON", True),
        ("application/json;q=0.1, image/png", True),
        ("application/json, text/plain, */*", True),
        ("application/json; charset=utf-8", True),
        ("application/json;q=0", False),
        ("application/json;q=0.000", False),
        ("application/json;q=7", False),
        ("", False),
        ("*/*", False),
        ("application/*", False),
        ("text/html", False),
        ("image/*", False),
        ("application/jsonp", False),
        ("application/x-json-stream", False),
        ("application/xml", False),
        ("json", False),
    ],
)
def test_json_is_wanted_where_a_json_type_is_named(accept: str, *, wanted: bool) -> None:
    assert wants_json(accept) is wanted
