"""What viewers ask for, and whether what they get is what they may get.

Every contact has a photo of one colour. Right is this photo, or a fallback whose reason is one
that a gateway may have whose upstream fails; in any case of exactly the size and format asked for.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image, UnidentifiedImageError

from gateway.errors import Reason
from tests.e2e.album import contact_of, seen_in, shows

if TYPE_CHECKING:
    import random

    from tests.e2e.wire import Received

SIZES: Final = (16, 24, 31, 32, 48, 64, 96, 128)
SHAPES: Final = ("square", "circle", "rounded")
FORMATS: Final = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
"""Ending of a URL → what Pillow calls that format."""

HONEST: Final = frozenset({
    Reason.TIMEOUT, Reason.DISCONNECTED, Reason.UPSTREAM, Reason.BUDGET, Reason.BLOCKED,
    Reason.UNDECODABLE, Reason.BUSY,
})  # fmt: skip
"""Reasons that pass. Nobody hides a photo, so `none` would be untrue, and `internal` is a bug."""

PHOTO: Final = "photo"


@dataclass(frozen=True, slots=True)
class Request:
    """A request for the picture of the contact with that number."""

    number: int
    size: int
    extension: str
    shape: str

    @property
    def target(self) -> str:
        options = f"size={self.size}&shape={self.shape}"
        return f"/avatar/{contact_of(self.number)}.{self.extension}?{options}"


def any_request(chance: random.Random, people: int) -> Request:
    """Draw what is asked for next, of so many contacts."""
    return Request(
        chance.randrange(people),
        chance.choice(SIZES),
        chance.choice(tuple(FORMATS)),
        chance.choice(SHAPES),
    )


def shown(answer: Received) -> str:
    """What an answer says that it shows: a photo, or why there is none."""
    return answer.headers.get("avatar-reason") or answer.headers.get("avatar-source", "nothing")


def fault(request: Request, answer: Received) -> str | None:
    """What is wrong with an answer; None if nothing is."""
    if answer.status != 200:
        return f"status {answer.status}"
    try:
        with Image.open(io.BytesIO(answer.body)) as image:
            image.load()
            found = image.format, *image.size
    except (UnidentifiedImageError, OSError) as error:
        return f"no picture: {error}"
    wanted = FORMATS[request.extension], request.size, request.size
    if found != wanted:
        return f"{found} instead of {wanted}"
    if shown(answer) != PHOTO:
        return None if shown(answer) in HONEST else f"a fallback for {shown(answer)}"
    if not shows(answer.body, request.number):
        return f"shows {seen_in(answer.body) or 'nobody'}"
    return None
