"""A record: what is written is read again whole, by its own contact only, or not at all."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model import Absence, Photo, PhotoUrl, Portrait, Sample, version_of
from gateway.portraits import record

DIGEST = "6b" * 32
OTHER = "6c" * 32
URL = "https://pps.whatsapp.net/v/maya.jpg?ccb=11-4&oh=01_a&oe=66BC702E"

PHOTO = Photo(
    PhotoUrl(URL),
    1_790_000_000.25,
    1_789_000_000.0,
    1_790_000_001.5,
    "0a1b2c",
    None,
    b"\xff\xd8master",
)
ABSENCE = Absence(since=1_790_000_000.5, certain=True)

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
)
portraits = st.one_of(photos, st.builds(Absence, since=moments, certain=st.booleans()))


@given(portraits, st.text("0123456789abcdef", min_size=64, max_size=64))
@example(Photo(PhotoUrl("https://x/\ud800?\x00\n"), 0.0, 0.0, 0.0, "", None, b"\x00"), DIGEST)
def test_what_is_written_is_read_again(portrait: Portrait, digest: str) -> None:
    assert record.decode(record.encode(portrait, digest), digest) == portrait


@given(portraits)
def test_a_record_is_read_for_its_own_contact_only(portrait: Portrait) -> None:
    assert record.decode(record.encode(portrait, DIGEST), OTHER) is None


@pytest.mark.parametrize("portrait", [PHOTO, ABSENCE])
def test_a_record_cut_anywhere_is_no_record(portrait: Portrait) -> None:
    data = record.encode(portrait, DIGEST)
    assert [record.decode(data[:length], DIGEST) for length in range(len(data))] == [None] * len(
        data
    )


@pytest.mark.parametrize("portrait", [PHOTO, ABSENCE])
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


def forged(header: object, master: bytes = b"master", magic: bytes = record.MAGIC) -> bytes:
    """A record whose hash is right and whose header says whatever it likes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = len(text).to_bytes(4, "big") + text + master
    return magic + hashlib.sha256(body).digest() + body


_GOOD: dict[str, object] = {
    "contact": DIGEST, "state": "photo", "url": URL, "fetched": 1.0, "since": 1.0, "confirmed": 1.0,
    "version": "0a1b2c",
}  # fmt: skip


def test_the_forger_of_these_tests_can_write_a_good_record() -> None:
    portrait = record.decode(forged(_GOOD), DIGEST)
    assert portrait == Photo(PhotoUrl(URL), 1.0, 1.0, 1.0, "0a1b2c", None, b"master")


def test_a_record_of_the_first_form_names_its_photo_after_the_master() -> None:
    old = {name: value for name, value in _GOOD.items() if name != "version"}
    portrait = record.decode(forged(old, magic=b"AVG1"), DIGEST)
    assert portrait == Photo(PhotoUrl(URL), 1.0, 1.0, 1.0, version_of(b"master"), None, b"master")
    assert record.decode(record.encode(portrait, DIGEST), DIGEST) == portrait


@pytest.mark.parametrize("magic", [b"AVG0", b"AVG3", b"", b"\0\0\0\0"])
def test_a_record_of_another_form_is_none(magic: bytes) -> None:
    assert record.decode(forged(_GOOD, magic=magic), DIGEST) is None


@pytest.mark.parametrize(
    "header",
    [
        b"", b"{", b"[" * 100_000, b"\xff\xfe{}", b"{}{}", b"[]", b"null", b"7", b'"contact"',
        {}, {"contact": DIGEST}, {"contact": [DIGEST]}, {"contact": DIGEST, "state": "none"},
        {"contact": DIGEST, "state": "none", "since": "soon", "certain": True},
        {"contact": DIGEST, "state": "none", "since": 10**400, "certain": True},
        {"contact": DIGEST, "state": "none", "since": [1], "certain": True},
        _GOOD | {"state": "unheard-of"}, _GOOD | {"state": []}, _GOOD | {"since": None},
        _GOOD | {"confirmed": {}}, _GOOD | {"fetched": "soon"}, _GOOD | {"fetched": -(10**400)},
        {name: value for name, value in _GOOD.items() if name != "url"},
        {name: value for name, value in _GOOD.items() if name != "version"},
        _GOOD | {"side": 1}, _GOOD | {"side": 0, "mode": "RGB"}, _GOOD | {"side": 1, "mode": []},
        _GOOD | {"side": "1", "mode": "RGB"}, _GOOD | {"side": 1, "mode": "L"},
    ],
    ids=lambda header: str(header)[:60],
)  # fmt: skip
def test_a_header_of_nonsense_is_no_record_and_no_error(header: object) -> None:
    assert record.decode(forged(header), DIGEST) is None


def test_a_record_tells_no_phone_number() -> None:
    assert b"15551234567" not in record.encode(PHOTO, DIGEST)
