from __future__ import annotations

import gzip
import io
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageOps

from gateway.sandbox import CDN, colour_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.sandbox import Sandbox
    from tests.sandbox.conftest import Tap, Wire

    Check = Callable[[Wire], object]

pytestmark = pytest.mark.anyio

MAYA = "15551234567@c.us"
MB = 1_000_000

# name: status, content type, a piece of the body
FIXED = {
    "expired": (403, "text/plain", b"URL signature expired"),
    "tampered": (403, "text/plain", b"URL signature mismatch"),
    "bad_timestamp": (403, "text/plain", b"Bad URL timestamp"),
    "bad_hash": (403, "text/plain", b"Bad URL hash"),
    "unauthorized": (401, "text/plain", b"Unauthorized"),
    "not_found": (404, "text/plain", b"Not Found"),
    "gone": (410, "text/plain", b"Gone"),
    "too_many_requests": (429, "text/plain", b"Too Many"),
    "server_error": (500, "text/plain", b"Error"),
    "unavailable": (503, "text/plain", b"Unavailable"),
    "html": (200, "text/html; charset=utf-8", b"<h1>"),
    "json": (200, "application/json", b'"error"'),
    "svg": (200, "image/svg+xml", b"<svg"),
    "text_as_jpeg": (200, "image/jpeg", b"no picture"),
    "empty": (200, "image/jpeg", b""),
    "redirect_private": (302, "text/plain", b""),
    "redirect_other_host": (301, "text/plain", b""),
    "redirect_loop": (302, "text/plain", b""),
}

# name: content type, Pillow's name of the format, mode, size
PICTURES = {
    "jpeg": ("image/jpeg", "JPEG", "RGB", (640, 640)),
    "preview": ("image/jpeg", "JPEG", "RGB", (96, 96)),
    "wrong_type": ("text/html", "JPEG", "RGB", (640, 640)),
    "cmyk": ("image/jpeg", "JPEG", "CMYK", (640, 640)),
    "exif_rotated": ("image/jpeg", "JPEG", "RGB", (640, 640)),
    "one_by_one": ("image/jpeg", "JPEG", "RGB", (1, 1)),
    "one_by_2000": ("image/jpeg", "JPEG", "RGB", (1, 2000)),
    "png_16bit": ("image/png", "PNG", "RGB", (640, 640)),
    "webp": ("image/webp", "WEBP", "RGB", (640, 640)),
    "gif_animated": ("image/gif", "GIF", "P", (320, 320)),
    "broken_icc": ("image/jpeg", "JPEG", "RGB", (640, 640)),
    "big_20mb": ("image/jpeg", "JPEG", "RGB", (640, 640)),
}


def _half_and_silence(wire: Wire) -> object:
    return wire.ended == "silent" and 0 < len(wire.body) < wire.length


def _undecodable(wire: Wire) -> object:
    with pytest.raises(OSError, match=r".+"):
        Image.open(io.BytesIO(wire.body)).load()
    return wire.headers["content-type"] == "image/jpeg"


def _transparent(wire: Wire) -> object:
    """Nothing in the corner, somebody in the middle; a palette may miss both by a little."""
    alpha = Image.open(io.BytesIO(wire.body)).convert("RGBA").getchannel("A")
    corner, middle = alpha.getpixel((8, 8)), alpha.getpixel((320, 320))
    assert isinstance(corner, int)
    assert isinstance(middle, int)
    return corner < 16 and middle > 239


def _pixel_bomb(wire: Wire) -> object:
    width, height = struct.unpack(">II", wire.body[16:24])
    return width * height == 400 * MB and len(wire.body) < 100_000


def _scan_bomb(wire: Wire) -> object:
    image = Image.open(io.BytesIO(wire.body))
    return wire.body.count(b"\xff\xda") > 1_000 and image.size == (2048, 2048)


def _bomb(wire: Wire) -> object:
    return len(zlib.decompress(wire.body, 31)) == 3 * MB


def _partial(wire: Wire) -> object:
    end = len(wire.body) - 1
    return wire.status == 206 and wire.headers["content-range"].startswith(f"bytes 0-{end}/")


QUICK: dict[str, object] = {"interval": 0}

# name: parameters, how long silence lasts before it counts, what must hold
SPECIAL: dict[str, tuple[dict[str, object], float, Check]] = {
    "grayscale": ({}, 10, lambda w: Image.open(io.BytesIO(w.body)).mode == "L"),
    "png_alpha": ({}, 10, _transparent),
    "palette_alpha": ({}, 10, _transparent),
    "corrupt": ({}, 10, _undecodable),
    "truncated": ({}, 10, lambda w: len(w.body) == w.length and _undecodable(w)),
    "pixel_bomb": ({}, 10, _pixel_bomb),
    "scan_bomb": ({}, 10, _scan_bomb),
    "no_content_204": ({}, 10, lambda w: w.status == 204 and "content-length" not in w.headers),
    "partial_206": ({}, 10, _partial),
    "gzip_encoded": ({}, 10, lambda w: gzip.decompress(w.body)[:2] == b"\xff\xd8"),
    "gzip_bomb": ({"megabytes": 3}, 10, _bomb),
    "cut": ({}, 10, lambda w: w.ended == "closed" and 0 < len(w.body) < w.length),
    "reset": ({}, 10, lambda w: (w.data, w.ended) == (b"", "reset")),
    "reset_midway": ({}, 10, lambda w: w.ended == "reset" and len(w.body) < w.length),
    "wrong_length_short": ({}, 10, lambda w: len(w.body) == w.length + 10),
    "wrong_length_long": ({}, 10, lambda w: len(w.body) == w.length - 10),
    "lying_huge_length": ({}, 0.1, lambda w: w.ended == "silent" and w.length == 10_000 * MB),
    "endless": ({}, 10, lambda w: w.ended == "limit" and "content-length" not in w.headers),
    "reply": ({"status": 203}, 10, lambda w: w.status == 203 and w.body[:2] == b"\xff\xd8"),
    "hang": ({}, 0.1, lambda w: (w.data, w.ended) == (b"", "silent")),
    "stall": ({}, 0.1, _half_and_silence),
    "slow": ({"seconds": 0.01}, 10, lambda w: len(w.body) == w.length),
    "slow_headers": (QUICK, 10, lambda w: w.ended == "limit" and w.body[:2] == b"\xff\xd8"),
    "slow_body": (QUICK, 10, lambda w: w.ended == "limit" and w.body[:2] == b"\xff\xd8"),
    "garbage_status": ({}, 10, lambda w: not w.data.startswith(b"HTTP/")),
    "huge_headers_200kb": ({}, 10, lambda w: len(w.head) > 190_000 and len(w.body) == w.length),
}


def test_every_scenario_of_the_table_is_tested() -> None:
    assert FIXED.keys() | PICTURES.keys() | SPECIAL.keys() == CDN.keys()
    assert all(function.__doc__ for function in CDN.values())


@pytest.mark.parametrize("name", FIXED)
async def test_a_plain_answer(sandbox: Sandbox, tap: Tap, name: str) -> None:
    sandbox.set_contact(MAYA, cdn=name)
    wire = await tap.download()
    status, content_type, piece = FIXED[name]
    assert (wire.status, wire.headers["content-type"]) == (status, content_type)
    assert piece in wire.body
    assert len(wire.body) == wire.length
    assert bool(wire.body) == bool(piece)


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_shows_whose_it_is(sandbox: Sandbox, tap: Tap, name: str) -> None:
    sandbox.set_contact(MAYA, cdn=name)
    wire = await tap.download()
    content_type, form, mode, size = PICTURES[name]
    assert (wire.status, wire.headers["content-type"]) == (200, content_type)
    image = Image.open(io.BytesIO(wire.body))
    assert (image.format, image.mode, image.size) == (form, mode, size)
    upright = ImageOps.exif_transpose(image).convert("RGB")
    spot = upright.getpixel((min(8, size[0] - 1), min(8, size[1] - 1)))
    assert isinstance(spot, tuple)
    assert max(abs(a - b) for a, b in zip(spot, colour_of(MAYA), strict=True)) <= 10


@pytest.mark.parametrize("name", SPECIAL)
async def test_an_answer_with_a_life_of_its_own(sandbox: Sandbox, tap: Tap, name: str) -> None:
    params, silence, check = SPECIAL[name]
    sandbox.set_contact(MAYA, cdn=name, params=params)
    # A drip is heard for as long as it takes to know it: each byte is a turn of the loop.
    wire = await tap.download(silence=silence, limit=2_000 if params is QUICK else MB)
    assert check(wire), wire.data[:300]


async def test_redirects_say_where_to(sandbox: Sandbox, tap: Tap) -> None:
    target = sandbox.mint(MAYA).removeprefix(sandbox.base_url)
    for name, place in {
        "redirect_private": "http://169.254.169.254/latest/meta-data/",
        "redirect_other_host": "https://pictures.example/face.jpg",
        "redirect_loop": target,
    }.items():
        sandbox.set_contact(MAYA, cdn=name)
        assert (await tap.get(target)).headers["location"] == place


async def test_a_gif_moves(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_contact(MAYA, cdn="gif_animated")
    image = Image.open(io.BytesIO((await tap.download()).body))
    assert image.n_frames == 3  # type: ignore[attr-defined]


async def test_16_bits_are_really_16(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_contact(MAYA, cdn="png_16bit")
    assert (await tap.download()).body[24] == 16


async def test_a_signature_is_judged_before_any_scenario(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_contact(MAYA, cdn="webp", times=1)
    dead = sandbox.mint(MAYA, age=sandbox.url_life).removeprefix(sandbox.base_url)
    assert (await tap.get(dead)).body == b"URL signature expired"
    assert (await tap.download()).headers["content-type"] == "image/webp"
    assert (await tap.download()).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("name", "at_once"), [("slow_headers", b"200 OK\r\n"), ("slow_body", b"close\r\n\r\n")]
)
async def test_a_drip_starts_where_its_name_says(
    sandbox: Sandbox, tap: Tap, name: str, at_once: bytes
) -> None:
    sandbox.set_contact(MAYA, cdn=name, params={"interval": 600})
    wire = await tap.download(silence=0.05)
    assert wire.ended == "silent"
    assert wire.data.endswith(at_once)
