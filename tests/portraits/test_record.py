"""A record: what is written is read again whole, by its own contact only, or not at all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model import Absence, Photo, PhotoUrl, Portrait, Sample
from gateway.model.cdn import MAX_URL_LENGTH
from gateway.portraits import record

DIGEST = "6b" * 32
OTHER = "6c" * 32
VERSION = "0123456789ab"
URL = "https://pps.whatsapp.net/v/maya.jpg?ccb=11-4&oh=01_a&oe=66BC702E"

PHOTO = Photo(
    source=PhotoUrl(URL),
    fetched=1_790_000_000.25,
    since=1_789_000_000.0,
    confirmed=1_790_000_001.5,
    version=VERSION,
    sample=Sample(1, "RGB", b"rgb"),
    master=b"\xff\xd8master",
    small=b"\xff\xd8small",
)
ABSENCE = Absence(since=1_790_000_000.5, certain=True)
SUPPRESSION = Absence(since=1_790_000_000.75, certain=True, suppressed=True)

moments = st.floats(min_value=0, max_value=1e11)
photos = st.builds(
    Photo,
    source=st.builds(PhotoUrl, st.text()),
    fetched=moments,
    since=moments,
    confirmed=moments,
    version=st.text(),
    sample=st.sampled_from([None, Sample(1, "RGBA", b"rgba"), Sample(2, "RGB", bytes(12))]),
    master=st.binary(min_size=1),
    small=st.binary(),
)
portraits = st.one_of(
    photos,
    st.builds(Absence, since=moments, certain=st.booleans(), suppressed=st.booleans()),
)


@given(portraits, st.text("0123456789abcdef", min_size=64, max_size=64))
@example(Photo(PhotoUrl("https://x/\ud800?\x00\n"), 0.0, 0.0, 0.0, "", None, b"\x00"), DIGEST)
def test_what_is_written_is_read_again(portrait: Portrait, digest: str) -> None:
    assert record.decode(record.encode(portrait, digest), digest) == portrait


@given(portraits)
def test_a_record_is_read_for_its_own_contact_only(portrait: Portrait) -> None:
    assert record.decode(record.encode(portrait, DIGEST), OTHER) is None


@pytest.mark.parametrize("portrait", [PHOTO, ABSENCE, SUPPRESSION])
def test_a_record_cut_anywhere_is_no_record(portrait: Portrait) -> None:
    data = record.encode(portrait, DIGEST)
    assert [record.decode(data[:length], DIGEST) for length in range(len(data))] == [None] * len(
        data
    )


@pytest.mark.parametrize("portrait", [PHOTO, ABSENCE, SUPPRESSION])
@given(st.data())
def test_a_single_changed_bit_is_noticed(portrait: Portrait, data: st.DataObject) -> None:
    damaged = bytearray(record.encode(portrait, DIGEST))
    place = data.draw(st.integers(0, len(damaged) * 8 - 1))
    damaged[place // 8] ^= 1 << place % 8
    assert record.decode(bytes(damaged), DIGEST) is None


@given(portraits, st.binary(min_size=1))
def test_bytes_before_or_after_a_record_are_noticed(portrait: Portrait, more: bytes) -> None:
    data = record.encode(portrait, DIGEST)
    assert record.decode(data + more, DIGEST) is None
    assert record.decode(more + data, DIGEST) is None


@given(st.binary(max_size=200))
@example(b"")
@example(record.MAGIC)
@example(record.MAGIC + b"\xff" * 200)
@example(b"\xff\xd8\xff\xe0\x00\x10JFIF")
@example(b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>")
def test_foreign_bytes_are_no_record(data: bytes) -> None:
    assert record.decode(data, DIGEST) is None
    assert record.decode(record.MAGIC + data, DIGEST) is None


def forged(header: object, master: bytes = b"master") -> bytes:
    """A record whose hash is right and whose header says whatever it likes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    head = len(text).to_bytes(4, "big") + text
    return record.MAGIC + hashlib.sha256(head).digest() + head + master


_SOURCE = PhotoUrl(URL)
_GOOD: dict[str, object] = {
    "contact": DIGEST, "state": "photo", "url": URL, "fetched": 1.0, "since": 1.0, "confirmed": 1.0,
    "fingerprint": _SOURCE.fingerprint, "oe": _SOURCE.expires, "version": VERSION,
    "body": hashlib.sha256(b"master").hexdigest(), "small": 0,
}  # fmt: skip
_NONE: dict[str, object] = {"contact": DIGEST, "state": "none", "since": 1.0, "certain": True}


def test_the_forger_of_these_tests_can_write_good_records() -> None:
    photo = Photo(_SOURCE, 1.0, 1.0, 1.0, VERSION, None, b"master")
    assert record.decode(forged(_GOOD), DIGEST) == photo
    assert record.decode(forged(_NONE, b""), DIGEST) == Absence(since=1.0, certain=True)
    assert record.peek(forged(_GOOD)) == record.peek(forged(_NONE)) == record.Header(DIGEST, 1.0)


NONSENSE: list[object] = [
    b"", b"{", b"[" * 100_000, b"\xff\xfe{}", b"{}{}", b"[]", b"null", b"7", b'"contact"',
    {}, {"contact": DIGEST}, {"contact": [DIGEST]}, _NONE | {"since": "soon"},
    _NONE | {"since": 10**400}, _NONE | {"since": [1]}, _NONE | {"since": float("nan")},
    _NONE | {"since": float("inf")}, _GOOD | {"confirmed": {}}, _GOOD | {"confirmed": "soon"},
    {name: value for name, value in _GOOD.items() if name != "confirmed"},
]  # fmt: skip
CONTRADICTIONS: list[dict[str, object]] = [
    _GOOD | {"state": "unheard-of"}, _GOOD | {"state": []}, _GOOD | {"since": None},
    _GOOD | {"fetched": "soon"}, _GOOD | {"fetched": -(10**400)}, _GOOD | {"oe": 1},
    _GOOD | {"oe": None}, _GOOD | {"fingerprint": "0" * 32}, _GOOD | {"body": "0" * 64},
    _GOOD | {"side": 1}, _GOOD | {"side": 0, "mode": "RGB"},
    _GOOD | {"side": "1", "mode": "RGB"},
    _GOOD | {"side": 1, "mode": []}, _GOOD | {"side": 1, "mode": "L"},
    _GOOD | {"small": -1}, _GOOD | {"small": 7}, _GOOD | {"small": "1"},
    _NONE, {"contact": DIGEST, "state": "suppressed", "since": 1.0},
    *({n: value for n, value in _GOOD.items() if n != name} for name in _GOOD),
]  # fmt: skip


@pytest.mark.parametrize("header", [*NONSENSE, *CONTRADICTIONS], ids=lambda text: str(text)[:60])
def test_a_header_of_nonsense_is_no_record_and_no_error(header: object) -> None:
    assert record.decode(forged(header), DIGEST) is None


@pytest.mark.parametrize("header", NONSENSE, ids=lambda text: str(text)[:60])
def test_a_header_of_nonsense_tells_nothing(header: object) -> None:
    assert record.peek(forged(header)) is None


@pytest.mark.parametrize(
    ("portrait", "confirmed"),
    [(PHOTO, PHOTO.confirmed), (ABSENCE, ABSENCE.since), (SUPPRESSION, None)],
)
def test_the_first_bytes_tell_whose_record_it_is_and_when_it_was_confirmed(
    portrait: Portrait, confirmed: float | None
) -> None:
    data = record.encode(portrait, DIGEST)
    assert record.peek(data[: record.HEAD]) == record.Header(DIGEST, confirmed)
    header = data[
        : len(data) - (len(b"rgb" + PHOTO.small + PHOTO.master) if portrait is PHOTO else 0)
    ]
    for length in range(len(header)):
        assert record.peek(header[:length]) is None
        damaged = bytearray(header)
        damaged[length] ^= 1
        assert record.peek(bytes(damaged)) is None


def test_the_first_bytes_hold_the_header_of_the_longest_url_whole() -> None:
    url = "https://pps.whatsapp.net/" + "a" * (MAX_URL_LENGTH - 25)
    photo = replace(PHOTO, source=PhotoUrl(url), master=bytes(10**6))
    data = record.encode(photo, DIGEST)
    assert record.peek(data[: record.HEAD]) == record.Header(DIGEST, PHOTO.confirmed)


def test_another_layout_is_no_record() -> None:
    data = record.encode(PHOTO, DIGEST)
    for magic in (b"AVG1", b"AVG2", b"AVG4", b"avg3"):
        assert record.decode(magic + data[4:], DIGEST) is None
        assert record.peek(magic + data[4:]) is None


def test_a_record_tells_no_phone_number() -> None:
    assert b"15551234567" not in record.encode(PHOTO, DIGEST)
