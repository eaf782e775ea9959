"""The first look: what is refused, how early, and the same in any chunks."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Undecodable
from gateway.imaging.header import HeaderCheck

from .pictures import encoded, png, quarters

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOS = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"


def frame(width: int = 64, height: int = 64, code: int = 0xC2) -> bytes:
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes([0xFF, code]) + b"\x00\x0b\x08" + size + b"\x01\x01\x11\x00"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\0\0\0;"


def webp(kind: bytes, head: bytes) -> bytes:
    return b"RIFF\xff\x00\x00\x00WEBP" + kind + b"\x0a\x00\x00\x00" + head


def extended(width: int, height: int) -> bytes:
    head = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", head)


def lossy(width: int, height: int) -> bytes:
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return webp(b"VP8 ", b"\x10\x00\x00\x9d\x01\x2a" + size)


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + (width - 1 | height - 1 << 14).to_bytes(4, "little"))


def scans(count: int, entropy: bytes = b"\x11\xff\x00\xff\xd3\x22") -> bytes:
    return SOI + frame() + (SOS + entropy) * count + EOI


PICTURES = {
    "jpeg": encoded(quarters(), "JPEG"),
    "progressive jpeg": encoded(quarters(), "JPEG", progressive=True),
    "png": encoded(quarters(), "PNG"),
    "gif": encoded(quarters(), "GIF"),
    "webp lossy": encoded(quarters(), "WEBP"),
    "webp lossless": encoded(quarters(), "WEBP", lossless=True),
    "webp extended": encoded(quarters(), "WEBP", exif=b"Exif\0\0"),
    "jpeg of 64 scans": scans(64),
    "jpeg with padding and rubbish": SOI + b"\xff\xff\xe0\x00\x02rubbish" + frame() + EOI,
    "png of the largest size": png(2100, 2000),
    "jpeg and more after its end": scans(1) + scans(70),
    "a length that looks like a scan": SOI
    + frame()
    + b"\xff\xfe\x00\x06\xff\xda\xff\xda" * 90
    + EOI,
}

REFUSED = {
    "text": b"hello, world",
    "html": b"<!doctype html><html></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "json": b'{"error": "gone"}',
    "pdf": b"%PDF-1.7",
    "bmp": encoded(quarters(), "BMP"),
    "tiff": encoded(quarters(), "TIFF"),
    "ico": encoded(quarters(), "ICO"),
    "avif": encoded(quarters(), "AVIF"),
    "space before a picture": b" " + PICTURES["png"],
    "nearly png": PICTURES["png"].replace(b"\r\n", b"\n\n", 1),
    "png that does not start with its header": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x04gAMA1234",
    "nearly gif": b"GIF88a" + PICTURES["gif"][6:],
    "riff but sound": b"RIFF\x00\x00\x00\x00WAVEfmt ",
    "webp of an unknown kind": webp(b"VP9 ", bytes(10)),
    "webp without its start code": webp(b"VP8 ", bytes(10)),
    "webp lossless without its sign": webp(b"VP8L", bytes(5)),
    "png bomb": png(2101, 2000),
    "png larger than all": png(0xFFFFFFFF, 0xFFFFFFFF),
    "gif bomb": gif(65535, 65535),
    "jpeg bomb": SOI + frame(65535, 65535) + EOI,
    "second frame a bomb": SOI + frame() + frame(9000, 9000) + EOI,
    "webp bomb": extended(1 << 24, 1 << 24),
    "webp lossy bomb": lossy(16383, 16383),
    "webp lossless bomb": lossless(16384, 16384),
    "png without width": png(0, 9),
    "png without height": png(9, 0),
    "gif without width": gif(0, 9),
    "jpeg without height": SOI + frame(9, 0) + EOI,
    "webp without width": lossy(0, 9),
    "scan bomb": scans(65),
    "scan bomb without data": scans(65, b""),
    "scan bomb behind padding": SOI + frame() + (b"\xff\xff" + SOS + b"\x00") * 65,
    "jpeg in jpeg": SOI + SOI + frame(),
    "segment without length": SOI + b"\xff\xe0\x00\x01",
    "endless segments": SOI + b"\xff\xe0\x00\x02" * 2000 + frame() + EOI,
}


def verdict(data: bytes, cuts: list[int]) -> str:
    """What a check says of `data` that arrives cut at the given places."""
    check = HeaderCheck()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    try:
        for start, end in pairwise(edges):
            check.feed(data[start:end])
        check.finish()
    except Undecodable as refusal:
        return str(refusal)
    return "fine"


@pytest.mark.parametrize("name", PICTURES)
def test_takes_pictures(name: str) -> None:
    assert verdict(PICTURES[name], []) == "fine"


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_is_no_picture_of_ours(name: str) -> None:
    check = HeaderCheck()
    with pytest.raises(Undecodable):
        check.feed(REFUSED[name])


@pytest.mark.parametrize("name", PICTURES | REFUSED)
def test_one_byte_at_a_time_says_the_same(name: str) -> None:
    data = (PICTURES | REFUSED)[name]
    assert verdict(data, list(range(len(data)))) == verdict(data, [])


@given(st.sampled_from(sorted(PICTURES | REFUSED)), st.lists(st.integers(0, 700)))
def test_any_chunks_say_the_same(name: str, cuts: list[int]) -> None:
    data = (PICTURES | REFUSED)[name]
    assert verdict(data, cuts) == verdict(data, [])


@given(
    st.sampled_from([b"", SOI, SOI + frame(), b"\x89PNG", b"GIF89a", b"RIFF1234WEBPVP8"]),
    st.binary(max_size=300),
    st.lists(st.integers(0, 300)),
)
def test_random_bytes_say_the_same_in_any_chunks(head: bytes, tail: bytes, cuts: list[int]) -> None:
    assert verdict(head + tail, cuts) == verdict(head + tail, [])


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "webp lossy", "webp extended"])
def test_a_cut_header_is_refused_at_the_end_only(name: str) -> None:
    data = PICTURES[name]
    for length in range(10):
        check = HeaderCheck()
        check.feed(data[:length])
        with pytest.raises(Undecodable):
            check.finish()


def test_nothing_is_no_picture() -> None:
    with pytest.raises(Undecodable):
        HeaderCheck().finish()


def test_refuses_at_the_first_wrong_byte() -> None:
    check = HeaderCheck()
    check.feed(b"\x89PN")
    with pytest.raises(Undecodable):
        check.feed(b"g")


def test_refuses_a_bomb_before_its_data_arrives() -> None:
    check = HeaderCheck()
    with pytest.raises(Undecodable):
        check.feed(png(50_000, 50_000)[:24])


def test_refuses_at_the_scan_that_is_too_many() -> None:
    check = HeaderCheck()
    check.feed(SOI + frame() + (SOS + b"\x01") * 64)
    with pytest.raises(Undecodable):
        check.feed(b"\xff\xda\x00\x08")


def test_stays_refused() -> None:
    check = HeaderCheck()
    with pytest.raises(Undecodable):
        check.feed(b"text")
    with pytest.raises(Undecodable):
        check.feed(PICTURES["png"])
    with pytest.raises(Undecodable):
        check.finish()


def test_holds_no_picture() -> None:
    chunk = bytes(range(256)) * 256
    check = HeaderCheck()
    check.feed(SOI + frame() + SOS)
    tracemalloc.start()
    try:
        for _ in range(100):
            check.feed(chunk.replace(b"\xff", b"\xfe"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(chunk)
