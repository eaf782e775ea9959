"""Pictures of every kind through the whole gateway: an image of the size asked, always, in time."""

from __future__ import annotations

import io
import struct
import time
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image

from gateway.assembly import open_gateway
from gateway.errors import Reason
from gateway.model import AvatarSpec, ContactId
from gateway.settings import Settings
from tests.gallery import showing
from tests.imaging.bombs import oddities, weapons
from tests.imaging.pictures import encoded, photo, png, quarters
from tests.imaging.test_header import REFUSED
from tests.processes import settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.assembly import Gateway
    from tests.gallery import Gallery

LIMIT: Final = 2 * 1.2
"""Seconds, twice those that any picture may take."""


def _modes() -> Iterator[tuple[str, bytes]]:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = quarters().convert("L") if mode == "I;16" else quarters().convert(mode)
        yield f"PNG {mode}", encoded(picture.convert(mode), "PNG")
    for mode in ("L", "RGB", "CMYK"):
        for options in ({}, {"progressive": True}, {"quality": 100, "subsampling": 0}):
            yield f"JPEG {mode} {options}", encoded(quarters().convert(mode), "JPEG", **options)
    for mode in ("L", "P", "RGB", "1"):
        yield f"GIF {mode}", encoded(quarters().convert(mode), "GIF")
    for options in ({}, {"lossless": True}, {"quality": 1}):
        yield f"WebP {options}", encoded(quarters().convert("RGBA"), "WEBP", **options)


def _sizes() -> Iterator[tuple[str, bytes]]:
    for size in ((1, 1), (1, 2000), (2000, 1), (640, 640), (96, 96), (2048, 2048), (4000, 1040)):
        for fmt in ("JPEG", "PNG"):
            yield f"{fmt} of {size}", encoded(Image.new("RGB", size, (9, 99, 199)), fmt)
    yield "a photograph", encoded(photo("astronaut.png"), "JPEG")
    yield "a deep one", png(2, 2, depth=16, body=(b"\0" + struct.pack(">6H", *range(6))) * 2)


SHOWN: Final = {**dict(_modes()), **dict(_sizes()), **oddities()}


@pytest.fixture(scope="module")
def refused() -> dict[str, bytes]:
    return {**REFUSED, **weapons()}


@pytest.fixture
async def rooms(refused: dict[str, bytes]) -> AsyncIterator[tuple[Gateway, Gallery]]:
    """A gateway, and an upstream with the pictures that are shown and then those that are not."""
    with showing([*SHOWN.values(), *refused.values()]) as gallery:
        settings = Settings.load(settings_for(gallery.url, "memory:"), env_file=None)
        async with open_gateway(settings) as gateway:
            yield gateway, gallery


async def seen(gateway: Gateway, number: int) -> tuple[float, Reason | None]:
    """Look at a picture; how long that took, and why it is a fallback."""
    contact = ContactId.parse(f"1555{number:07d}")
    begun = time.monotonic()
    avatar = await gateway.avatars.get(contact, AvatarSpec(size=96))
    took = time.monotonic() - begun
    assert avatar.rendition is not None
    with Image.open(io.BytesIO(avatar.rendition.body)) as image:
        image.load()
        assert (image.size, image.format) == ((96, 96), "PNG")
    return took, avatar.standing.reason


async def test_every_kind_of_picture_is_shown_and_no_weapon_harms(
    rooms: tuple[Gateway, Gallery], refused: dict[str, bytes]
) -> None:
    gateway, gallery = rooms
    for number, name in enumerate([*SHOWN, *refused]):
        took, reason = await seen(gateway, number)
        assert took < LIMIT, name
        assert reason is (None if name in SHOWN else Reason.UNDECODABLE), name
    assert gallery.counts == {
        "api": len(SHOWN) + len(refused), "cdn": len(SHOWN) + len(refused),
    }  # fmt: skip
