"""What the code draws, as pictures to lay out."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

from gateway.imaging.cleaning import clean
from gateway.imaging.identicons import draw_identicon
from gateway.imaging.lettering import draw_initials
from gateway.imaging.names import initials
from gateway.imaging.rendering import render
from gateway.imaging.silhouettes import draw_fallback
from gateway.model import Kind
from gateway.sandbox.faces import portrait
from tests.imaging.letters import SHIPPED
from tests.imaging.pictures import decoded

if TYPE_CHECKING:
    from PIL import Image

    from gateway.imaging.fonts import Fonts
    from gateway.model import Canvas


@cache
def _master(contact: str) -> bytes:
    file = io.BytesIO()
    portrait(contact).save(file, "PNG")
    return clean(file.getvalue())


def photo(canvas: Canvas, contact: str) -> Image.Image:
    """What a contact of the sandbox shows."""
    return decoded(render(_master(contact), canvas))


def letters(name: str, canvas: Canvas, tint: int, fonts: Fonts = SHIPPED) -> Image.Image:
    """The initials of `name`; a silhouette if there are none."""
    if chosen := initials(name, fonts):
        return decoded(draw_initials(chosen, tint, canvas, fonts=fonts))
    return person(canvas)


def person(canvas: Canvas, kind: Kind = Kind.PERSON) -> Image.Image:
    """A silhouette."""
    return decoded(draw_fallback(kind, canvas))


def pattern(canvas: Canvas, seed: bytes = b"maya") -> Image.Image:
    """An identicon."""
    return decoded(draw_identicon(seed, canvas))
