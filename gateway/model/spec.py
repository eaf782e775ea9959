"""What a viewer asks for: the picture's size, cut, colours, format and fallback."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

MIN_SIZE: Final = 16
MAX_SIZE: Final = 1024
"""Bounds of a picture's side: of ``size`` in CSS pixels, and of ``size × dpr`` in pixels."""

MAX_NAME_LENGTH: Final = 64
DPRS: Final = (1.0, 1.5, 2.0, 3.0)


class Format(StrEnum):
    """An image format we write; the value is the canonical file extension."""

    PNG = "png"
    JPEG = "jpg"
    WEBP = "webp"
    AVIF = "avif"

    @property
    def media_type(self) -> str:
        """The ``Content-Type`` of this format."""
        return "image/jpeg" if self is Format.JPEG else f"image/{self.value}"


class Shape(StrEnum):
    """How the square picture is cut."""

    SQUARE = "square"
    CIRCLE = "circle"
    ROUNDED = "rounded"


class Fallback(StrEnum):
    """What is shown where there is no photo."""

    SILHOUETTE = "silhouette"
    INITIALS = "initials"
    IDENTICON = "identicon"
    BLANK = "blank"
    NOT_FOUND = "404"


class Colour(NamedTuple):
    """An opaque sRGB colour, 0–255 each."""

    red: int
    green: int
    blue: int


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is drawn, and nothing else: two requests with equal canvases get equal bytes.

    `pixels` is the side of the square picture; `bg` None means transparent where the format can
    (white in JPEG).
    """

    pixels: int
    format: Format = Format.PNG
    shape: Shape = Shape.SQUARE
    bg: Colour | None = None
    ring: Colour | None = None


@dataclass(frozen=True, slots=True)
class AvatarSpec:
    """One request's wishes, already checked.

    `size` is 16–1024 CSS pixels, `dpr` one of `DPRS`, their product at most 1024. `version` is
    the ``v=`` of the URL, which only lengthens the life downstream.
    """

    size: int = 128
    dpr: float = 1.0
    format: Format = Format.PNG
    shape: Shape = Shape.SQUARE
    bg: Colour | None = None
    ring: Colour | None = None
    fallback: Fallback = Fallback.SILHOUETTE
    name: str = ""
    forced: bool = False
    version: str = ""
    canvas: Canvas = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute what is drawn, once."""
        pixels = math.floor(self.size * self.dpr + 0.5)
        canvas = Canvas(pixels, self.format, self.shape, self.bg, self.ring)
        object.__setattr__(self, "canvas", canvas)
