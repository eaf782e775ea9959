"""Cleaning: hostile bytes are refused in one way, odd pictures come out right."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gateway.errors import Undecodable
from gateway.imaging.cleaning import clean, develop
from gateway.imaging.rendering import finish, render
from gateway.model import SMALL, Canvas, Format

from .pictures import (
    BLUE,
    GREEN,
    GREY,
    PHOTOS,
    RED,
    at,
    decoded,
    encoded,
    near,
    parts,
    photo,
    pixels,
    png,
    psnr,
    quarters,
)
from .test_header import REFUSED, scans

ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that was held so stores an upright picture."""


def shows_quarters(image: Image.Image, by: int = 12) -> bool:
    """Whether all four colours are where `quarters` puts them."""
    wide, high = image.width // 4, image.height // 4
    seen = [at(image, x, y)[:3] for y in (high, 3 * high) for x in (wide, 3 * wide)]
    return all(near(a, b, by) for a, b in zip(seen, (RED, GREEN, BLUE, GREY), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_the_header_check_refuses(name: str) -> None:
    with pytest.raises(Undecodable):
        clean(REFUSED[name])


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "GIF", "WEBP"])
def test_refuses_a_picture_cut_anywhere(fmt: str) -> None:
    data = encoded(quarters((50, 40)), fmt)
    # The last bytes may carry nothing: JPEG's and GIF's end marks, PNG's IEND.
    for length in range(0, len(data) - 20, max(len(data) // 60, 1)):
        with pytest.raises(Undecodable):
            clean(data[:length])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(scans(3), id="scans of rubbish"),
        pytest.param(png(64, 64), id="no rows"),
        pytest.param(png(64, 64, depth=7), id="impossible depth"),
        pytest.param(png(64, 64, body=b"\x09" * 20_000), id="impossible filter"),
        pytest.param(b"GIF89a\x40\x00\x40\x00\x00\x00\x00;", id="no frame"),
        pytest.param(b"RIFF\x16\x00\x00\x00WEBPVP8L\x0a\x00\x00\x00\x2f" + bytes(9), id="no webp"),
        pytest.param(b"\xff\xd8\xff\xe0" + b"<html>" * 99, id="polyglot"),
    ],
)
def test_refuses_what_cannot_be_decoded(data: bytes) -> None:
    with pytest.raises(Undecodable):
        clean(data)


@pytest.mark.parametrize("side", [b"\xff\xff", b"\x00\x0c"])
def test_refuses_a_frame_larger_than_its_screen(side: bytes) -> None:
    frame = b",\x00\x00\x00\x00" + side + side + b"\x00\x02\x02\x4c\x01\x00;"
    with pytest.raises(Undecodable):
        clean(b"GIF89a\x40\x00\x40\x00\x80\x00\x00" + bytes(6) + frame)


@given(
    st.binary(max_size=400), st.sampled_from(["JPEG", "PNG", "GIF", "WEBP"]), st.integers(0, 300)
)
def test_broken_bytes_raise_nothing_else(noise: bytes, fmt: str, where: int) -> None:
    data = encoded(quarters((16, 16)), fmt)
    broken = data[:where] + noise + data[where + len(noise) :]
    try:
        assert decoded(clean(broken)).size != (0, 0)
    except Undecodable as refusal:
        assert "noise" not in str(refusal)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_keeps_photographs(name: str, fmt: str) -> None:
    data = encoded(photo(name), fmt)
    master = decoded(clean(data))
    assert master.format == "JPEG"
    assert psnr(pixels(master), pixels(decoded(data).convert("RGB"))) > 34


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_takes_every_png_mode(mode: str) -> None:
    image = quarters().convert(mode)
    master = decoded(clean(encoded(image, "PNG")))
    assert (master.mode, master.format) == ("RGB", "JPEG")
    assert psnr(pixels(master), pixels(image.convert("RGB"))) > 25


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    row = struct.pack("<H", 0x4000) * 32 + struct.pack("<H", 0xC000) * 32
    image = Image.frombytes("I;16", (64, 64), row * 64)
    master = decoded(clean(encoded(image, "PNG")))
    assert near(at(master, 8, 8), (64, 64, 64), 3)
    assert near(at(master, 56, 8), (191, 191, 191), 3)


def test_sixteen_bits_keep_their_clear_value() -> None:
    row = struct.pack("<H", 0x4000) * 32 + struct.pack("<H", 0xC000) * 32
    image = Image.frombytes("I;16", (64, 64), row * 64)
    master = decoded(clean(encoded(image, "PNG", transparency=0x4000)))
    assert at(master, 8, 8)[3] == 0
    assert near(at(master, 56, 8), (191, 191, 191, 255), 3)


def test_sixteen_bit_colours_keep_their_clear_value() -> None:
    row = b"\x00" + struct.pack(">3H", 0x8000, 0x1234, 0xFFFF) * 4 + bytes(6) * 4
    data = png(8, 8, depth=16, colour=2, body=row * 8)
    clear = b"\x00\x00\x00\x06tRNS" + struct.pack(">3H", 0x8000, 0x1234, 0xFFFF)
    crc = zlib.crc32(clear[4:]).to_bytes(4, "big")
    data = data[:33] + clear + crc + data[33:]
    master = decoded(clean(data))
    assert at(master, 1, 1)[3] == 0
    assert near(at(master, 6, 6), (0, 0, 0, 255), 3)


def test_cmyk_shows_its_colours() -> None:
    data = encoded(quarters().convert("CMYK"), "JPEG", quality=95)
    assert decoded(data).mode == "CMYK"
    assert shows_quarters(decoded(clean(data)))


def test_a_palette_keeps_its_transparency() -> None:
    image = quarters().convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    clear = image.getpixel((8, 8))
    master = decoded(clean(encoded(image, "PNG", transparency=clear)))
    assert master.format == "WEBP"
    assert at(master, 8, 8)[3] == 0
    assert near(at(master, 40, 8), (*GREEN, 255))


def test_half_transparent_palettes_stay_half_transparent() -> None:
    image = quarters().convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    master = decoded(clean(encoded(image, "PNG", transparency=bytes([128] * 8))))
    assert near(at(master, 8, 8), (*RED, 128), 3)


def test_grey_with_alpha_keeps_both() -> None:
    master = decoded(clean(encoded(Image.new("LA", (9, 9), (200, 90)), "PNG")))
    assert near(at(master, 4, 4), (200, 200, 200, 90), 2)


def test_alpha_that_says_nothing_is_dropped() -> None:
    assert decoded(clean(encoded(quarters().convert("RGBA"), "PNG"))).format == "JPEG"


@pytest.mark.parametrize("fmt", ["GIF", "WEBP", "PNG"])
def test_an_animation_shows_its_first_frame(fmt: str) -> None:
    others = [Image.new("RGB", (64, 64), colour) for colour in ("black", "white")]
    data = encoded(quarters(), fmt, save_all=True, append_images=others, duration=90)
    assert shows_quarters(decoded(clean(data)).convert("RGB"), by=16)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_comes_out_upright(orientation: int, fmt: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = quarters((96, 64))
    if (turn := ORIENTATIONS.get(orientation)) is not None:
        stored = stored.transpose(turn)
    master = decoded(clean(encoded(stored, fmt, exif=exif.tobytes())))
    assert master.size == (96, 64)
    assert shows_quarters(master)


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"\0" * 99],
)
def test_broken_exif_is_ignored(exif: bytes) -> None:
    assert shows_quarters(decoded(clean(encoded(quarters(), "JPEG", exif=exif))))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_impossible_orientations_are_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert shows_quarters(decoded(clean(encoded(quarters(), "JPEG", exif=exif.tobytes()))))


@pytest.mark.parametrize("profile", [b"rubbish", b"\0" * 200, b"\xff" * 5000])
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_a_broken_profile_is_ignored(profile: bytes, fmt: str) -> None:
    data = encoded(quarters(), fmt, icc_profile=profile)
    assert shows_quarters(decoded(clean(data)))


def test_a_profile_of_another_colour_space_is_ignored() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert shows_quarters(decoded(clean(encoded(quarters(), "PNG", icc_profile=profile))))


def swapped_profile() -> bytes:
    """An sRGB profile whose red and green primaries have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for entry in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12):
        tag = bytes(profile[entry : entry + 4])
        swapped = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(tag, tag)
        profile[entry : entry + 4] = swapped
    # The description is the usual one: it must not be trusted for more than it says.
    return bytes(profile).replace(b"s\0R\0G\0B", b"x\0R\0G\0B")


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_a_profile_is_obeyed(fmt: str) -> None:
    data = encoded(Image.new("RGB", (32, 32), (250, 10, 10)), fmt, icc_profile=swapped_profile())
    assert near(at(decoded(clean(data)), 16, 16), (10, 250, 10), 20)


def test_a_profile_is_obeyed_beside_alpha() -> None:
    image = Image.new("RGBA", (32, 32), (250, 10, 10, 100))
    data = encoded(image, "PNG", icc_profile=swapped_profile())
    assert near(at(decoded(clean(data)), 16, 16), (10, 250, 10, 100), 20)


def test_an_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(quarters(), "PNG", icc_profile=profile)
    assert clean(data) == clean(encoded(quarters(), "PNG"))


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1, 1), (1, 1)),
        ((1, 2000), (1, 4)),
        ((2000, 1), (4, 1)),
        ((640, 640), (640, 640)),
        ((640, 480), (640, 480)),
        ((2040, 2040), (1024, 1024)),
        ((1536, 2048), (1024, 1365)),
        ((4000, 1040), (3938, 1024)),
        ((3000, 300), (1200, 300)),
    ],
)
@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
def test_the_size_of_a_master(size: tuple[int, int], wanted: tuple[int, int], fmt: str) -> None:
    master = decoded(clean(encoded(Image.new("RGB", size, GREEN), fmt)))
    assert master.size == wanted
    assert near(at(master.convert("RGB"), 0, 0), GREEN)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_a_master_has_no_metadata(fmt: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"exif": exif.tobytes(), "icc_profile": profile, "comment": "secret"}
    master = clean(encoded(quarters(), fmt, **options))
    assert set(parts(master, Format.JPEG)) <= {"E0", "DB", "C0", "C4"}
    assert b"secret" not in master


def test_a_transparent_master_has_no_metadata() -> None:
    image = Image.new("RGBA", (20, 20), (*RED, 99))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    master = clean(encoded(image, "WEBP", exif=b"Exif\0\0secret", icc_profile=profile))
    assert set(parts(master, Format.WEBP)) <= {"VP8L", "VP8X"}


def test_cleaning_again_changes_little() -> None:
    once = clean(encoded(photo("chelsea.png"), "PNG"))
    assert psnr(pixels(decoded(clean(once))), pixels(decoded(once))) > 40


# The sample, which comes first


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(96, 64), (64, 96), (640, 400)])
def test_the_sample_shows_what_the_master_does(
    orientation: int, fmt: str, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(quarters(size), fmt, exif=exif.tobytes())
    sample, master = develop(data, 40)
    seen = Image.frombytes(sample.mode, (40, 40), sample.pixels)
    shown = decoded(render(master().whole, Canvas(40)))
    # Resizing rings beside an edge, and so does JPEG: the same edge must be at the same place.
    assert psnr(pixels(seen), pixels(shown)) > 30
    assert master().whole == clean(data)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("side", [16, 96, 256])
def test_the_sample_of_a_photograph_is_as_good_as_a_picture_of_the_master(
    name: str, fmt: str, side: int
) -> None:
    sample, master = develop(encoded(photo(name), fmt), side)
    seen = pixels(decoded(finish(sample, Canvas(side))))
    assert psnr(seen, pixels(decoded(render(master().whole, Canvas(side))))) > 32


@pytest.mark.parametrize("fmt", ["PNG", "WEBP"])
def test_the_sample_keeps_alpha(fmt: str) -> None:
    image = quarters().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((64, 64)))
    sample, master = develop(encoded(image, fmt, lossless=True), 32)
    assert sample.mode == "RGBA"
    seen = Image.frombytes("RGBA", (32, 32), sample.pixels)
    shown = decoded(render(master().whole, Canvas(32)))
    assert psnr(pixels(seen)[2:], pixels(shown)[2:]) > 35


def test_the_sample_drops_alpha_that_says_nothing() -> None:
    sample, _ = develop(encoded(quarters().convert("RGBA"), "PNG"), 20)
    assert (sample.mode, len(sample.pixels)) == ("RGB", 3 * 20**2)


@pytest.mark.parametrize("name", REFUSED)
def test_the_sample_is_refused_where_the_master_is(name: str) -> None:
    with pytest.raises(Undecodable):
        develop(REFUSED[name], 64)


# The small copy


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("side", [16, 48, 96, 128])
def test_small_pictures_look_alike_from_the_small_copy_and_from_the_master(
    name: str, side: int
) -> None:
    _, master = develop(encoded(photo(name), "JPEG"), 16)
    whole, small = master()
    assert decoded(small).size == (SMALL, SMALL)
    canvas = Canvas(side)
    assert psnr(pixels(decoded(render(small, canvas))), pixels(decoded(render(whole, canvas)))) > 30


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (2000, 400), (400, 1700)])
def test_the_small_copy_shows_the_middle_square_upright(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size)
    side = min(size)
    picture.paste(quarters((side, side)), ((size[0] - side) // 2, (size[1] - side) // 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    _, master = develop(encoded(turned, "JPEG", exif=exif.tobytes()), 16)
    small = master().small
    assert decoded(small).size == (SMALL, SMALL)
    assert shows_quarters(decoded(small))
    assert set(parts(small, Format.JPEG)) <= {"E0", "DB", "C0", "C4"}


@pytest.mark.parametrize("image", [quarters((319, 640)), quarters((640, 640)).convert("RGBA")])
def test_there_is_no_small_copy_of_what_is_small_or_has_alpha(image: Image.Image) -> None:
    if image.mode == "RGBA":
        image.putpixel((0, 0), (0, 0, 0, 0))
    _, master = develop(encoded(image, "PNG"), 16)
    assert master().small == b""
