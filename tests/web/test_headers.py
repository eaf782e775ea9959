"""What goes out with each class of answer."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import Reason
from gateway.model import Avatar, Format, Path, Rendition, Standing
from gateway.web import headers as h
from tests.fakes import DAY, T0, standing_of_photo

VERSION = "0123456789ab"
SPREADS = range(1111)
LATER = ", stale-while-revalidate=600, stale-if-error=3600"

_times = st.floats(1.5e9, 2.5e9)
_spreads = st.integers(0, 2**32 - 1)


def fallback(reason: Reason, *, settled: bool = False, left: float = 60.0) -> Standing:
    return Standing(T0 + left, T0 + left, reason=reason, settled=settled)


def life(standing: Standing, *, version: str = "", now: float = T0, spread: int = 0) -> str:
    return h.cache_control(standing, version=version, now=now, spread=spread)


def max_age(text: str) -> int:
    return int(text.removeprefix("max-age=").partition(",")[0])


def status(standing: Standing, path: Path, *, now: float = T0) -> str:
    return h.cache_status(Avatar(None, standing, path), now=now)


def test_a_fresh_photo_lives_an_hour_at_most_and_is_asked_for_behind() -> None:
    lives = {life(standing_of_photo(), spread=spread) for spread in SPREADS}
    assert all(text.endswith(LATER) for text in lives)
    assert {max_age(text) for text in lives} >= {3600, 3240}
    assert all(3240 <= max_age(text) <= 3600 for text in lives)
    assert len(lives) > 50


@given(st.floats(0, 2 * DAY, exclude_min=True), _spreads)
@example(left=5e-324, spread=0)
@example(left=3600.0, spread=100)
@example(left=0.999, spread=100)
def test_a_fresh_photo_lives_no_longer_than_is_left(left: float, spread: int) -> None:
    text = h.cache_control(
        Standing(left, DAY * 9, since=0.0, version=VERSION), version="", now=0.0, spread=spread
    )
    bound = min(3600.0, left)
    assert text.endswith(LATER)
    assert math.floor(0.9 * bound) <= max_age(text) <= bound


ENDED = [
    (standing_of_photo(), "", 1e6, f"max-age=3600{LATER}"),
    (standing_of_photo(), "", 7200, f"max-age=3600{LATER}"),
    (standing_of_photo(), "", 7199.9, "max-age=3600"),
    (standing_of_photo(), "", 3600, "max-age=3600"),
    (standing_of_photo(), "", 3599.9, "max-age=3599"),
    (standing_of_photo(), VERSION, 1e6, "max-age=86400, immutable"),
    (standing_of_photo(), VERSION, 60, "max-age=60"),
    (standing_of_photo(fresh_until=T0 - 1), "", 1e6, "max-age=30"),
    (standing_of_photo(fresh_until=T0 - 1), "", 29.5, "max-age=29"),
    (fallback(Reason.NONE, settled=True), "", 899, "max-age=899"),
    (fallback(Reason.TIMEOUT), "", 1e6, "max-age=10"),
    (fallback(Reason.TIMEOUT), "", 9.99, "max-age=9"),
    (standing_of_photo(), "", 0.5, "max-age=0"),
    (standing_of_photo(), "", -5, "max-age=0"),
]


@pytest.mark.parametrize(("standing", "version", "left", "expected"), ENDED)
def test_nothing_is_kept_for_longer_than_its_url_is_good(
    standing: Standing, version: str, left: float, expected: str
) -> None:
    text = h.cache_control(standing, version=version, now=T0, spread=0, end=T0 + left)
    assert text == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (VERSION, "max-age=86400, immutable"),
        ("", f"max-age=3600{LATER}"),
        ("ffffffffffff", f"max-age=3600{LATER}"),
        (VERSION.upper(), f"max-age=3600{LATER}"),
        (VERSION[:-1], f"max-age=3600{LATER}"),
        (f"{VERSION} ", f"max-age=3600{LATER}"),
    ],
)
def test_only_the_right_version_makes_a_photo_immutable(version: str, expected: str) -> None:
    assert life(standing_of_photo(), version=version) == expected


def test_a_photo_without_a_version_is_never_immutable() -> None:
    assert "immutable" not in life(standing_of_photo(version=""), version="")


@pytest.mark.parametrize("version", ["", VERSION, "ffffffffffff"])
@pytest.mark.parametrize("left", [0.0, -0.001, -1.0, -DAY])
def test_a_stale_photo_lives_half_a_minute_whatever_its_version(left: float, version: str) -> None:
    standing = standing_of_photo(fresh_until=T0 + left)
    assert {life(standing, version=version, spread=spread) for spread in SPREADS} == {"max-age=30"}


@pytest.mark.parametrize("reason", [Reason.NONE, Reason.UNSUPPORTED, Reason.FORCED])
@pytest.mark.parametrize("left", [math.inf, DAY, -1.0])
def test_a_settled_fallback_lives_a_quarter_of_an_hour(reason: Reason, left: float) -> None:
    standing = fallback(reason, settled=True, left=left)
    assert {life(standing, version=VERSION, spread=s) for s in SPREADS} == {"max-age=900"}


@pytest.mark.parametrize("reason", list(Reason))
def test_any_other_fallback_lives_ten_to_twenty_seconds(reason: Reason) -> None:
    lives = {life(fallback(reason), version=VERSION, spread=spread) for spread in SPREADS}
    assert lives == {f"max-age={seconds}" for seconds in range(10, 21)}


@given(_spreads, st.sampled_from([standing_of_photo(), fallback(Reason.NONE)]))
def test_nothing_is_public_shared_or_to_be_revalidated(spread: int, standing: Standing) -> None:
    for version in ("", VERSION):
        text = life(standing, version=version, spread=spread)
        for word in ("public", "s-maxage", "must-revalidate", "no-cache", "private"):
            assert word not in text


@given(st.text())
def test_the_spread_of_a_text_is_the_same_everywhere(text: str) -> None:
    assert h.spread_of(text) == h.spread_of(text) >= 0


def test_the_spread_of_a_text_does_not_depend_on_the_process() -> None:
    # The check value of CRC-32: two workers, two machines and two releases agree.
    assert h.spread_of("123456789") == 0xCBF43926


@pytest.mark.parametrize(
    ("left", "ttl"),
    [(DAY, "86400"), (59.999, "59"), (1.0, "1"), (0.5, "0"), (-0.001, "-1"), (-1.0, "-1"),
     (-59.001, "-60"), (-DAY, "-86400")],
)  # fmt: skip
def test_the_ttl_of_a_hit_is_rounded_down_and_negative_when_stale(left: float, ttl: str) -> None:
    standing = Standing(left, DAY, since=0.0)
    assert status(standing, Path.HIT, now=0.0) == f"avatar-gateway; hit; ttl={ttl}"


@pytest.mark.parametrize(
    ("standing", "path", "expected"),
    [
        (standing_of_photo(), Path.HIT, "hit; ttl=86400"),
        (standing_of_photo(), Path.MISS, "fwd=miss"),
        (standing_of_photo(), Path.COLLAPSED, "fwd=miss; collapsed"),
        (fallback(Reason.NONE), Path.HIT, "hit; ttl=60"),
        (fallback(Reason.TIMEOUT), Path.MISS, "fwd=miss; detail=timeout"),
        (fallback(Reason.BUDGET), Path.COLLAPSED, "fwd=miss; collapsed; detail=budget"),
        (fallback(Reason.FORCED, settled=True, left=math.inf), Path.HIT, "hit; ttl=900"),
    ],
)
def test_the_cache_status_says_how_an_answer_came_about(
    standing: Standing, path: Path, expected: str
) -> None:
    assert status(standing, path) == f"avatar-gateway; {expected}"


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("path", list(Path))
def test_a_cache_status_is_a_structured_field(reason: Reason, path: Path) -> None:
    first, *parameters = status(fallback(reason), path).split("; ")
    assert first == "avatar-gateway"
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        assert key in {"hit", "ttl", "fwd", "collapsed", "detail"}
        assert value == "" or value.replace("-", "").isalnum()


@given(_times, _times)
@example(since=T0 + 0.9999998, now=T0 + 0.9999998)
@example(since=T0 + DAY, now=T0 + 0.5)
def test_a_photo_was_never_modified_after_the_answer_was_made(since: float, now: float) -> None:
    found = dict(
        h.validators(Rendition.of(b"x", Format.PNG), Standing(now, now, since=since), now=now)
    )
    text = found[b"last-modified"].decode()
    assert text.endswith(" GMT")
    modified = parsedate_to_datetime(text).timestamp()
    # The server's Date is the second that has begun.
    assert modified <= math.floor(now)
    assert modified == math.floor(min(since, now))


def test_a_photo_has_two_validators() -> None:
    rendition = Rendition.of(b"picture", Format.PNG)
    found = h.validators(rendition, standing_of_photo(since=784_111_777.0), now=T0)
    assert found == [
        (b"etag", rendition.etag.encode()),
        (b"last-modified", b"Sun, 06 Nov 1994 08:49:37 GMT"),
    ]


def test_a_fallback_has_no_date() -> None:
    rendition = Rendition.of(b"silhouette", Format.PNG)
    found = h.validators(rendition, fallback(Reason.NONE), now=T0)
    assert found == [(b"etag", rendition.etag.encode())]


@pytest.mark.parametrize(
    ("fmt", "media_type", "filename"),
    [
        (Format.PNG, b"image/png", b"avatar.png"),
        (Format.JPEG, b"image/jpeg", b"avatar.jpg"),
        (Format.WEBP, b"image/webp", b"avatar.webp"),
        (Format.AVIF, b"image/avif", b"avatar.avif"),
    ],
)
def test_a_picture_is_described(fmt: Format, media_type: bytes, filename: bytes) -> None:
    assert h.representation(Rendition.of(b"four", fmt)) == [
        (b"content-type", media_type),
        (b"content-length", b"4"),
        (b"content-disposition", b'inline; filename="' + filename + b'"'),
    ]


def test_the_truth_is_told_of_photos_and_fallbacks() -> None:
    assert h.truth(None) == [(b"avatar-source", b"photo")]
    for reason in Reason:
        assert h.truth(reason) == [
            (b"avatar-source", b"fallback"),
            (b"avatar-reason", reason.value.encode()),
        ]


def test_only_a_negotiated_answer_varies() -> None:
    assert h.vary(negotiated=True) == [(b"vary", b"Accept")]
    assert h.vary(negotiated=False) == []


def test_every_answer_about_an_avatar_carries_the_common_set() -> None:
    assert h.COMMON == [
        (b"server", b"avatar-gateway"),
        (b"x-content-type-options", b"nosniff"),
        (b"access-control-allow-origin", b"*"),
        (
            b"access-control-expose-headers",
            b"Avatar-Source, Avatar-Reason, Cache-Status, ETag",
        ),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"timing-allow-origin", b"*"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-robots-tag", b"noindex, noimageindex, noarchive"),
    ]
