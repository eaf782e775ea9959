"""Many portraits that are known: each contact's photo is one flat colour of its own."""

from __future__ import annotations

import io
import time
from functools import cache
from typing import TYPE_CHECKING, Final

from PIL import Image

from gateway.assembly import open_gateway
from gateway.imaging.cleaning import clean
from gateway.model import ContactId, Photo, PhotoUrl, version_of
from gateway.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEVELS: Final = 5
_STEP: Final = 63
COLOURS: Final = _LEVELS**3
"""How many colours there are that no encoder takes for each other.

A small round JPEG is off by up to 22 in its middle: the white of its corners bleeds.
"""

_NEAR: Final = _STEP // 2


def contact_of(number: int) -> str:
    """The id of a contact who has a photo, whatever the sandbox thinks of it."""
    return f"1555{number:06}1@c.us"


def colour_of(number: int) -> tuple[int, int, int]:
    """What a contact's photo shows."""
    place = number % COLOURS
    red, green, blue = place // _LEVELS**2, place // _LEVELS % _LEVELS, place % _LEVELS
    return red * _STEP, green * _STEP, blue * _STEP


@cache
def picture_in(colour: tuple[int, int, int], side: int = 96) -> bytes:
    """A photo as the CDN sends it."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "JPEG", quality=90)
    return out.getvalue()


def seen_in(body: bytes) -> set[int]:
    """Whose colour a picture shows in its middle, among the first `COLOURS` contacts."""
    with Image.open(io.BytesIO(body)) as image:
        found = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    assert isinstance(found, tuple)
    return {number for number in range(COLOURS) if _near(found, colour_of(number))}


def shows(body: bytes, number: int) -> bool:
    """Whether a picture shows that contact's colour, and nobody else's."""
    return seen_in(body) == {number % COLOURS}


def _near(found: tuple[float, ...], wanted: tuple[int, int, int]) -> bool:
    return all(abs(got - level) < _NEAR for got, level in zip(found, wanted, strict=True))


async def fill(settings: Mapping[str, str], number: int) -> None:
    """Write the portraits of so many contacts where a gateway with `settings` looks for them."""
    async with open_gateway(Settings.load(dict(settings), env_file=None)) as gateway:
        for each in range(number):
            await gateway.portraits.put(ContactId.parse(contact_of(each)), _portrait(each))


def _portrait(number: int) -> Photo:
    then, master = time.time() - 3600, _master(colour_of(number))
    source = PhotoUrl(f"https://pps.whatsapp.net/v/{number}.jpg?oh=01_x&oe=FFFFFFFF")
    return Photo(source, then, then, then, version_of(master), None, master)


@cache
def _master(colour: tuple[int, int, int]) -> bytes:
    return clean(picture_in(colour))
