"""Vector drawings: the small part of SVG that our own art is written in, drawn with Pillow.

The art in ``static/silhouettes`` uses absolute ``M L C Z`` paths, ``circle`` and a ``rect`` that
fills the page, all with ``fill``, ``stroke`` and ``stroke-width`` (round caps and joins).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from PIL import Image, ImageDraw

from gateway.model import Colour

if TYPE_CHECKING:
    from pathlib import Path

Point = tuple[float, float]

_STEPS: Final = 48
"""Straight pieces that a curve is drawn as: at 1024 pixels the error is far below one."""

_STRIP: Final = 64
"""Rows of the finished picture that are drawn at a time."""

_WORD: Final = re.compile(r"[MLCZ]|-?[0-9.]+")


@dataclass(frozen=True, slots=True)
class Outline:
    """A polygon, or a circle if `radius` is set; in the drawing's own units."""

    points: tuple[Point, ...]
    radius: float
    closed: bool
    fill: Colour | None
    stroke: Colour | None
    width: float

    def draw(self, pen: ImageDraw.ImageDraw, scale: float, top: float) -> None:
        """Draw at `scale` pixels a unit on a strip that begins at row `top`."""
        points = [(x * scale, y * scale - top) for x, y in self.points]
        half = self.width * scale / 2
        if self.radius:
            self._draw_circle(pen, points[0], self.radius * scale, half)
            return
        if self.fill:
            pen.polygon(points, self.fill)
        if self.stroke:
            line = [*points, points[0]] if self.closed else points
            pen.line(line, self.stroke, round(2 * half))
            for point in line:
                # Round joins and caps: Pillow's own lines end square.
                pen.circle(point, half, self.stroke)

    def _draw_circle(
        self, pen: ImageDraw.ImageDraw, centre: Point, radius: float, half: float
    ) -> None:
        if self.stroke:
            pen.circle(centre, radius + half, self.stroke)
        if self.fill:
            pen.circle(centre, radius - half if self.stroke else radius, self.fill)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Outlines, back to front, on a square page of `side` units filled with `page`."""

    side: float
    page: Colour
    outlines: tuple[Outline, ...]

    def draw(self, pixels: int) -> Image.Image:
        """The drawing as RGB, `pixels` × `pixels`, edges smoothed.

        Drawn larger and averaged (8 times up to 256 pixels, 4 times above), in strips: the
        whole at four times 1024 pixels would take 64 MB.
        """
        factor = 8 if pixels <= 256 else 4  # noqa: PLR2004 - said above
        scale = pixels * factor / self.side
        image = Image.new("RGB", (pixels, pixels))
        for top in range(0, pixels, _STRIP):
            rows = min(_STRIP, pixels - top)
            strip = Image.new("RGB", (pixels * factor, rows * factor), self.page)
            pen = ImageDraw.Draw(strip)
            for outline in self.outlines:
                outline.draw(pen, scale, top * factor)
            image.paste(strip.reduce(factor), (0, top))
        return image


def read(path: Path) -> Drawing:
    """Read one of our own SVG files."""
    root = ET.parse(path).getroot()  # noqa: S314 - a file of ours, not input
    side = float(root.get("viewBox", "0 0 0 0").split()[2])
    page = Colour(0, 0, 0)
    outlines: list[Outline] = []
    for element in root:
        match element.tag.rpartition("}")[2]:
            case "rect":
                page = _colour(element, "fill") or page
            case "circle":
                centre = (float(element.get("cx", 0)), float(element.get("cy", 0)))
                outlines.append(_outline(element, (centre,), float(element.get("r", 0))))
            case "path":
                outlines.append(_outline(element, tuple(_points(element.get("d", ""))), 0))
    return Drawing(side, page, tuple(outlines))


def _outline(element: ET.Element, points: tuple[Point, ...], radius: float) -> Outline:
    return Outline(
        points,
        radius,
        closed=element.get("d", "").endswith("Z"),
        fill=_colour(element, "fill"),
        stroke=_colour(element, "stroke"),
        width=float(element.get("stroke-width", 0)),
    )


def _colour(element: ET.Element, name: str) -> Colour | None:
    text = element.get(name, "none")
    return None if text == "none" else Colour(*bytes.fromhex(text.removeprefix("#")))


def _points(path: str) -> list[Point]:
    """The corners of a path, curves cut into straight pieces."""
    words = iter(_WORD.findall(path))
    points: list[Point] = []
    for word in words:
        if word in "ML":
            points.append((float(next(words)), float(next(words))))
        elif word == "C":
            start = points[-1]
            bends = [(float(next(words)), float(next(words))) for _ in range(3)]
            points += [_bezier((start, *bends), k / _STEPS) for k in range(1, _STEPS + 1)]
    return points


def _bezier(bends: tuple[Point, ...], at: float) -> Point:
    """The point at the share `at` of a Bézier curve (de Casteljau)."""
    while len(bends) > 1:
        bends = tuple(
            (a[0] + (b[0] - a[0]) * at, a[1] + (b[1] - a[1]) * at) for a, b in pairwise(bends)
        )
    return bends[0]
