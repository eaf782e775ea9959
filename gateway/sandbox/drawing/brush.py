"""Drawing with smooth shapes: a canvas of 640 units, painted finer and then reduced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.sandbox.ids import Colour

    Point = tuple[float, float]

__all__ = ["SIZE", "Brush", "darker", "lighter", "mirrored", "mix"]

SIZE: Final = 640
FINE: Final = 3
_STEPS: Final = 12


class Brush:
    """Paints on a transparent square; later shapes cover earlier ones.

    `move` and `zoom` place what is drawn: a point p lands on `move + zoom * p`.
    """

    def __init__(self, fine: int = FINE) -> None:
        """Begin with an empty canvas, `fine` times as large as the picture will be."""
        self._fine = fine
        self._image = Image.new("RGBA", (SIZE * fine, SIZE * fine), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)
        self.move: Point = (0.0, 0.0)
        self.zoom = 1.0

    def finish(self) -> Image.Image:
        """The picture, 640 x 640 RGBA, with clean edges."""
        # Premultiplied while it is reduced, or transparent black would darken every edge.
        return self._image.convert("RGBa").reduce(self._fine).convert("RGBA")

    def blob(self, points: Sequence[Point], fill: Colour) -> None:
        """A closed smooth shape through the points."""
        self._draw.polygon(self._placed(_smooth(points, closed=True)), fill=(*fill, 255))

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A shape with corners."""
        self._draw.polygon(self._placed(points), fill=(*fill, 255))

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """An ellipse around (x, y)."""
        corners = self._placed([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.ellipse([*corners[0], *corners[1]], fill=(*fill, 255))

    def ring(self, x: float, y: float, rx: float, ry: float, *, width: float, fill: Colour) -> None:
        """The outline of an ellipse."""
        corners = self._placed([(x - rx, y - ry), (x + rx, y + ry)])
        wide = max(1, round(width * self.zoom * self._fine))
        self._draw.ellipse([*corners[0], *corners[1]], outline=(*fill, 255), width=wide)

    def box(self, corners: tuple[Point, Point], radius: float, fill: Colour) -> None:
        """A rectangle with round corners."""
        low, high = self._placed(corners)
        self._draw.rounded_rectangle(
            [*low, *high], radius * self.zoom * self._fine, fill=(*fill, 255)
        )

    def frame(self, outer: Sequence[Point], inner: Sequence[Point], fill: Colour) -> None:
        """A smooth shape with a smooth hole."""
        box = self._box(outer)
        mask = ImageChops.subtract(self._mask(outer, box), self._mask(inner, box))
        self._image.paste((*fill, 255), box[:2], mask)

    def stroke(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A smooth line through the points, with round ends."""
        track = self._placed(_smooth(points, closed=False))
        wide = max(1, round(width * self.zoom * self._fine))
        self._draw.line(track, fill=(*fill, 255), width=wide, joint="curve")
        for x, y in (track[0], track[-1]):
            reach = wide / 2
            self._draw.ellipse([x - reach, y - reach, x + reach, y + reach], fill=(*fill, 255))

    def shade(
        self,
        shape: Sequence[Point],
        *,
        within: Sequence[Point],
        fill: Colour,
        strength: float,
        soft: float = 0.0,
    ) -> None:
        """Tint what lies inside both smooth shapes; `soft` blurs the tint's edge by units.

        What is inside `within` must have been painted before.
        """
        box = self._box(within)
        inside, tint = self._mask(within, box), self._mask(shape, box)
        if soft:
            # Blurred small: the same look at a ninth of the work.
            size = tint.size
            tint = tint.reduce(self._fine).filter(ImageFilter.GaussianBlur(soft * self.zoom))
            tint = tint.resize(size, Image.Resampling.BILINEAR)
        levels = [round(level * strength) for level in range(256)]
        mask = ImageChops.multiply(tint, inside).point(levels)
        self._image.paste((*fill, 255), box[:2], mask)

    def _box(self, points: Sequence[Point]) -> tuple[int, int, int, int]:
        """The part of the canvas that a smooth shape touches, in pixels."""
        placed = self._placed(_smooth(points, closed=True))
        side = SIZE * self._fine
        left, top = (max(0, int(min(p[axis] for p in placed))) for axis in (0, 1))
        right, low = (min(side, int(max(p[axis] for p in placed)) + 2) for axis in (0, 1))
        return left, top, max(right, left + 1), max(low, top + 1)

    def _mask(self, points: Sequence[Point], box: tuple[int, int, int, int]) -> Image.Image:
        left, top, right, low = box
        mask = Image.new("L", (right - left, low - top))
        outline = [(x - left, y - top) for x, y in self._placed(_smooth(points, closed=True))]
        ImageDraw.Draw(mask).polygon(outline, fill=255)
        return mask

    def _placed(self, points: Sequence[Point]) -> list[Point]:
        (left, top), zoom = self.move, self.zoom
        return [((left + zoom * x) * self._fine, (top + zoom * y) * self._fine) for x, y in points]


def mirrored(right_half: Sequence[Point], axis: float = 320.0) -> list[Point]:
    """A closed outline from its right half, given from top to bottom."""
    left = [(2 * axis - x, y) for x, y in reversed(right_half) if x != axis]
    return [*right_half, *left]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with a share (0-1) of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def darker(colour: Colour, share: float = 0.25) -> Colour:
    """Towards a warm black."""
    return mix(colour, (30, 16, 28), share)


def lighter(colour: Colour, share: float = 0.25) -> Colour:
    """Towards white."""
    return mix(colour, (255, 255, 255), share)


def _smooth(points: Sequence[Point], *, closed: bool) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    if closed:
        ring = [points[-1], *points, points[0], points[1]]
    else:
        ring = [points[0], *points, points[-1]]
    curve: list[Point] = []
    for at in range(1, len(ring) - 2):
        before, start, end, after = ring[at - 1 : at + 3]
        for step in range(_STEPS):
            t = step / _STEPS
            curve.append(
                (
                    _between(before[0], start[0], end[0], after[0], t),
                    _between(before[1], start[1], end[1], after[1], t),
                )
            )
    curve.append(ring[-2])
    return curve


def _between(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
