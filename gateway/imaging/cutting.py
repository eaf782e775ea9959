"""Cutting: a square picture gets its shape, its ring and its background.

Only alpha says where a picture ends. The colours under a half-covered edge pixel stay those of
the picture, so no light or dark fringe shows on any page.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageChops

from gateway.model import Colour, Format, Shape

if TYPE_CHECKING:
    from gateway.model import Canvas

WHITE: Final = Colour(255, 255, 255)

_ANY: Final = (0,) + (255,) * 255
"""Look-up table: whether a pixel is covered at all."""

_ROUNDING: Final = 0.2
"""Radius of a rounded corner, as a share of the side."""

_MARGIN: Final = 2
"""Pixels beyond the edge that keep the picture's colours, for viewers that scale carelessly."""


def cut(picture: Image.Image, canvas: Canvas) -> Image.Image:
    """Apply shape, ring and background to a square RGB or RGBA `picture` of the canvas's size.

    Returns RGB if the result is opaque everywhere, else RGBA.
    """
    ringed = _ring(picture, canvas)
    alpha = _alpha(ringed, canvas)
    bg = page_colour(canvas)
    if alpha is None:
        return ringed
    if bg is not None:
        page = Image.new("RGB", ringed.size, bg)
        page.paste(ringed.convert("RGB"), mask=alpha)
        return page
    shaped = ringed.copy() if ringed.mode == "RGBA" else _evened(ringed, canvas)
    shaped.putalpha(alpha)
    return shaped


def page_colour(canvas: Canvas) -> Colour | None:
    """What shows where the picture does not; None is transparent, which JPEG cannot be."""
    return canvas.bg or (WHITE if canvas.format is Format.JPEG else None)


def ring_width(pixels: int) -> int:
    """Width of the ring in pixels."""
    return max(1, round(pixels / 32))


def _ring(picture: Image.Image, canvas: Canvas) -> Image.Image:
    """Lay the ring over the picture: all that lies outside the shape made smaller by its width.

    It reaches beyond the shape's edge, which `_shape` then cuts: so edge pixels are all ring.
    """
    if canvas.ring is None:
        return picture
    inside = coverage(canvas.pixels, canvas.shape, ring_width(canvas.pixels))
    ring = Image.new(picture.mode, picture.size, canvas.ring)
    if picture.mode == "RGB":
        return Image.composite(picture, ring, inside)
    # With alpha, the ring lies over the picture and both may be half there.
    ring.putalpha(ImageChops.invert(inside))
    return Image.alpha_composite(picture, ring)


def _alpha(picture: Image.Image, canvas: Canvas) -> Image.Image | None:
    """What remains of the picture within the shape (mode L); None if that is all of it."""
    own = picture.getchannel("A") if picture.mode == "RGBA" else None
    if canvas.shape is Shape.SQUARE:
        return own
    mask = coverage(canvas.pixels, canvas.shape, 0)
    return mask if own is None else ImageChops.multiply(own, mask)


def _evened(picture: Image.Image, canvas: Canvas) -> Image.Image:
    """The RGB picture with one even colour, its mean, far outside the shape.

    Nothing is ever seen there, and what is even takes no room when compressed.
    """
    kept = coverage(canvas.pixels, canvas.shape, -_MARGIN).point(_ANY)
    mean = picture.resize((1, 1), Image.Resampling.BOX).resize(picture.size)
    return Image.composite(picture, mean, kept)


def coverage(pixels: int, shape: Shape, inset: int) -> Image.Image:
    """How much of each pixel the shape covers, 0–255: mode L, `pixels` × `pixels`.

    `inset` makes the shape smaller by so many pixels on each side; negative: larger.
    """
    radius = _radius(pixels, shape) - inset
    mask = Image.new("L", (pixels, pixels), 0)
    mask.paste(255, (inset, inset, pixels - inset, pixels - inset))
    if radius > 0:
        tile = _corner(radius)
        far = pixels - inset - tile.width
        right = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        mask.paste(tile, (inset, inset))
        mask.paste(right, (far, inset))
        mask.paste(tile.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (inset, far))
        mask.paste(right.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (far, far))
    return mask


def _radius(pixels: int, shape: Shape) -> float:
    """The corner radius of the uncut shape, in pixels; a multiple of one half."""
    match shape:
        case Shape.SQUARE:
            return 0
        case Shape.CIRCLE:
            return pixels / 2
        case Shape.ROUNDED:
            return round(pixels * _ROUNDING)


@lru_cache(maxsize=24)
def _corner(radius: float) -> Image.Image:
    """The top left corner of a rounded square: mode L, as many pixels as the radius touches.

    Each pixel's value is the area of it that lies within `radius` of the corner's centre.
    The largest tile has 512 pixels a side, so the cache holds 6 MB at most.
    """
    side, arc = math.ceil(radius), _Arc(radius)
    tile, whole = bytearray(side * side), b"\xff" * side
    # Row by row: left of where the arc enters it nothing is covered, from where it leaves it on
    # everything is. Only right of the diagonal, where the arc is flat; the rest mirrors that.
    for y in range(side):
        full = math.ceil(arc.crossings[y])
        tile[y * side + full : (y + 1) * side] = whole[full:]
        for x in range(max(y, int(arc.crossings[y + 1])), full):
            share = round(255 * (arc.above(y + 1, x) - arc.above(y, x)))
            tile[y * side + x] = tile[x * side + y] = share
    return Image.frombytes("L", (side, side), bytes(tile))


class _Arc:
    """A quarter of a circle, from the bottom left to the top right of a tile.

    `crossings` says for each line between two rows where the arc crosses it, from the left; the
    same from the top for each line between two columns.
    """

    def __init__(self, radius: float) -> None:
        lines = range(math.ceil(radius) + 1)
        self.crossings = [_crossing(radius, min(line, radius)) for line in lines]
        self._radius = radius
        self._areas = [_area(radius, line) for line in lines]
        self._areas_there = [_area(radius, at) for at in self.crossings]

    def above(self, line: int, column: int) -> float:
        """The area of that column between the arc and the `line` below it."""
        start, area = self.crossings[line], self._areas_there[line]
        if start <= column:
            start, area = column, self._areas[column]
        elif start >= column + 1:
            return 0
        return (column + 1 - start) * (line - self._radius) + self._areas[column + 1] - area


def _crossing(radius: float, line: float) -> float:
    """Where the arc crosses a line, that far from the edge; from the other edge."""
    return radius - math.sqrt(radius**2 - (radius - line) ** 2)


def _area(radius: float, line: float) -> float:
    """The area of the circle's upper half that lies left of `line`."""
    left = radius - line
    return (radius**2 * math.acos(left / radius) - left * math.sqrt(radius**2 - left**2)) / 2
