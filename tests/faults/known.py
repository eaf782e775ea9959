"""A photo that is known before anything goes wrong: flat green, as no sandbox draws them."""

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
from tests.faults.stage import CONTACT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.faults.stage import View

HOUR: Final = 3600.0
STALE: Final = 30 * HOUR
"""An age at which a photo is no longer fresh (25 h, and up to a tenth more), and still shown."""

URL: Final = "https://pps.whatsapp.net/v/t61.24694-24/1_7_7_n.jpg?ccb=11-4&oh=01_known&oe=FFFFFFFF"
"""Where it came from, long ago: whatever the upstream names now is another photo."""

_GREEN: Final = (0, 128, 64)
_NEAR: Final = 6


@cache
def picture() -> bytes:
    """The file that the CDN once sent."""
    out = io.BytesIO()
    Image.new("RGB", (640, 640), _GREEN).save(out, "JPEG")
    return out.getvalue()


def photo(*, age: float = STALE, url: str = URL) -> Photo:
    """The photo as it was learned, and last confirmed, `age` seconds ago."""
    then = time.time() - age
    return Photo(
        source=PhotoUrl(url),
        fetched=then,
        since=then,
        confirmed=then,
        version=version_of(picture()),
        sample=None,
        master=clean(picture()),
    )


async def remember(
    settings: Mapping[str, str], known: Photo | None = None, contact: str = CONTACT
) -> None:
    """Put the photo where the gateway with these `settings` will look for it."""
    loaded = Settings.load(dict(settings), env_file=None)
    async with open_gateway(loaded) as gateway:
        await gateway.portraits.put(ContactId.parse(contact), known or photo())


def stored_in(folder: Path) -> dict[str, str]:
    """The setting by which portraits outlive the one who wrote them."""
    return {"GATEWAY_STORE": folder.as_uri()}


def is_known(view: View) -> bool:
    """Whether this is the photo that was known, and no other."""
    with Image.open(io.BytesIO(view.response.content)) as image:
        found = image.convert("RGB").tobytes()
    wanted = bytes(_GREEN) * (len(found) // len(_GREEN))
    return view.reason is None and max(map(_apart, found, wanted)) <= _NEAR


def _apart(one: int, other: int) -> int:
    return abs(one - other)
