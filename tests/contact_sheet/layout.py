"""How the contact sheet is laid out: sections with a heading, twelve captioned tiles in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

from gateway.model import Colour

from .tiles import SIDE, WHITE, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tiles import Section, Tile

_COLUMNS: Final = 12
_GAP: Final = 20
_CAPTION: Final = 26
_HEADING: Final = 52
_MARGIN: Final = 28
_WIDTH: Final = 2 * _MARGIN + _COLUMNS * (SIDE + _GAP) - _GAP

_LIGHT: Final = 200
"""Least of a page's channels that dark captions are read on."""

_INK, _GREY = Colour(32, 38, 46), Colour(104, 114, 126)


def layout() -> Iterator[tuple[Section, int, list[tuple[Tile, int, int]]]]:
    """Each section with the row it begins at, and its tiles with their left and top."""
    top = _MARGIN
    for section in sections():
        placed = [
            (
                tile,
                _MARGIN + number % _COLUMNS * (SIDE + _GAP),
                top + _HEADING + number // _COLUMNS * (SIDE + _CAPTION + _GAP),
            )
            for number, tile in enumerate(section.tiles)
        ]
        yield section, top, placed
        top += _height(section)


def draw() -> Image.Image:
    """The whole sheet."""
    height = 2 * _MARGIN + sum(_height(section) for section in sections()) - _GAP
    sheet = Image.new("RGB", (_WIDTH, height), WHITE)
    pen = ImageDraw.Draw(sheet)
    heading, caption = ImageFont.load_default(22), ImageFont.load_default(12.5)
    for section, top, placed in layout():
        pen.text((_MARGIN, top + 8), section.heading, _INK, heading)
        for tile, left, upper in placed:
            if tile.page != WHITE:
                pen.rectangle(_band(left, upper), tile.page)
            sheet.paste(tile.composed(), (left, upper))
            at, colour = (
                (left + SIDE // 2, upper + SIDE + 20),
                _GREY if min(tile.page) > _LIGHT else WHITE,
            )
            pen.text(at, tile.caption, colour, caption, anchor="ms")
    return sheet


def _band(left: int, upper: int) -> tuple[int, int, int, int]:
    """Where a tile's page shows around it: bands of neighbours touch."""
    half = _GAP // 2
    return (left - half, upper - half, left + SIDE + half - 1, upper + SIDE + _CAPTION + half - 1)


def _height(section: Section) -> int:
    return _HEADING + -(-len(section.tiles) // _COLUMNS) * (SIDE + _CAPTION + _GAP)
