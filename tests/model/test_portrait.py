"""Signed URLs name a photo by path and size, and carry their own end."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model import Master, Photo, PhotoUrl, Sighting, version_of

T0 = 1_790_000_000
BASE = "https://pps.whatsapp.net/v/t61.24694-24/1_2_3_n.jpg"


def print_of(url: str) -> str:
    return PhotoUrl(url).fingerprint


@pytest.mark.parametrize(
    "again",
    [
        f"{BASE}?ccb=11-4&oh=01_other&oe=77BC702E&_nc_cat=1",
        f"{BASE}?oe=66BC702E",
        BASE,
        "https://media-del1-2.cdn.whatsapp.net/v/t61.24694-24/1_2_3_n.jpg?ccb=11-4&oh=x&oe=66BC702E",
    ],
)
def test_one_photo_signed_again_keeps_its_fingerprint(again: str) -> None:
    assert print_of(f"{BASE}?ccb=11-4&oh=01_sig&oe=66BC702E&_nc_sid=e6ed6c") == print_of(again)


@pytest.mark.parametrize(
    "other",
    [
        "https://pps.whatsapp.net/v/t61.24694-24/1_2_4_n.jpg?ccb=11-4",
        f"{BASE}?stp=dst-jpg_s96x96&ccb=11-4",
        f"{BASE}?stp=dst-jpg_s640x640&ccb=11-4",
        f"{BASE}/?ccb=11-4",
    ],
)
def test_another_photo_or_another_size_has_another_fingerprint(other: str) -> None:
    assert print_of(f"{BASE}?ccb=11-4") != print_of(other)


def test_two_preview_sizes_differ() -> None:
    assert print_of(f"{BASE}?stp=dst-jpg_s96x96") != print_of(f"{BASE}?stp=dst-jpg_s320x320")


@pytest.mark.parametrize(
    ("query", "expires"),
    [
        ("oe=66BC702E", 0x66BC702E),
        ("oe=66bc702e&oh=1", 0x66BC702E),
        ("ccb=1&oe=00000000", 0),
        ("", None),
        ("oe=", None),
        ("oe=66BC702", None),
        ("oe=66BC702E0", None),
        ("oe=0x66BC70", None),
        ("oe=66BC702G", None),
        ("oe=-6BC702E", None),
        ("oe=+6BC702E", None),
        ("oe=66_C702E", None),
        ("oe=%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91", None),
        ("OE=66BC702E", None),
    ],
)
def test_the_end_of_a_url_is_read_from_its_oe(query: str, expires: int | None) -> None:
    assert PhotoUrl(f"{BASE}?{query}").expires == expires


@given(st.text())
@example("https://[::1/v/t.jpg?oe=66BC702E")
@example("https://[not-an-address]/")
@example("https://pps.whatsapp.net\u2100.evil.example/")
@example("https://pps.whatsapp.net/\ud800?oe=66BC702E")
def test_any_text_of_an_upstream_can_be_asked_for_its_end_and_its_fingerprint(url: str) -> None:
    source = PhotoUrl(url)
    assert source.expires is None or source.expires >= 0
    assert len(source.fingerprint) == 32


def test_a_signed_url_stays_out_of_reprs() -> None:
    photo = Photo(PhotoUrl(f"{BASE}?oh=01_secret"), 1.0, 1.0, 1.0, "0a1b", None, b"picture-bytes")
    for text in (repr(photo), str(photo), repr(photo.source), f"{photo.source}"):
        assert "01_secret" not in text
        assert "24694" not in text
        assert "picture-bytes" not in text


def test_a_version_changes_when_and_only_when_the_picture_does() -> None:
    assert version_of(b"picture") == version_of(b"picture") != version_of(b"another")
    assert re.fullmatch("[0-9a-f]{12}", version_of(b""))


def test_a_photo_is_what_was_sighted_and_its_master() -> None:
    sighting = Sighting(PhotoUrl(BASE), 1.0, 2.0, 3.0, "0a1b", None)
    assert sighting.developed(Master(b"master", b"small")) == Photo(
        PhotoUrl(BASE), 1.0, 2.0, 3.0, "0a1b", None, b"master", b"small"
    )


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (f"oe={T0:X}", -300),
        (f"oe={T0 + 86400:X}", 86100),
        (f"oe={T0 - 86400:X}", -86700),
        ("oe=00000001", 86400),
        ("oe=FFFFFFFF", 86400),
        (f"oe={T0 + 61 * 86400:X}", 86400),
        ("oe=nonsense", 86400),
        ("", 86400),
    ],
)
def test_a_url_is_dead_when_it_says_so_or_else_a_day_after_it_was_learned(
    query: str, left: float
) -> None:
    assert PhotoUrl(f"{BASE}?{query}").dead_at(T0) == T0 + left


FULL, SMALL, LARGE = (
    f"{BASE}?{stp}ccb=1" for stp in ("", "stp=dst-jpg_s96x96&", "stp=dst-jpg_s640x640&")
)


@pytest.mark.parametrize(
    ("held", "named", "covered"),
    [
        (FULL, FULL, True),
        (FULL, SMALL, True),
        (FULL, LARGE, True),
        (LARGE, SMALL, True),
        (SMALL, LARGE, False),
        (SMALL, FULL, False),
        (FULL, FULL.replace("1_2_3", "1_2_4"), False),
        (FULL, SMALL.replace("1_2_3", "1_2_4"), False),
        (f"{BASE}?stp=other", f"{BASE}?stp=other", True),
        (f"{BASE}?stp=other", FULL, False),
        (FULL, f"{BASE}?stp=other", False),
    ],
)
def test_a_photo_covers_its_own_smaller_previews(held: str, named: str, *, covered: bool) -> None:
    assert PhotoUrl(held).covers(PhotoUrl(named)) is covered


@pytest.mark.parametrize(
    ("small", "pixels", "original"),
    [
        (b"small", 16, b"small"),
        (b"small", 128, b"small"),
        (b"small", 129, b"master"),
        (b"", 16, b"master"),
    ],
)
def test_what_is_small_is_drawn_from_the_small_copy(
    small: bytes, pixels: int, original: bytes
) -> None:
    photo = Photo(PhotoUrl(BASE), 1.0, 2.0, 3.0, "0a1b", None, b"master", small)
    assert photo.original(pixels) == original
