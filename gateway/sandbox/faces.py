"""The photos that contacts show: a person, a group's icon, a logo, an emblem."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from gateway.sandbox.cast import owner_of
from gateway.sandbox.drawing.brush import SIZE, Brush
from gateway.sandbox.drawing.emblems import scene_of
from gateway.sandbox.drawing.looks import look_of
from gateway.sandbox.drawing.people import draw_person
from gateway.sandbox.ids import colour_of, seed_of

if TYPE_CHECKING:
    from gateway.sandbox.drawing.looks import Look
    from gateway.sandbox.ids import Colour

__all__ = ["SIZE", "figure_of", "portrait"]


def figure_of(contact: str, version: int = 1) -> Image.Image:
    """Who or what the photo shows without its backdrop: 640 x 640 RGBA."""
    owner = owner_of(contact)
    seed = seed_of(owner, version)
    scene = scene_of(owner, seed)
    if scene is None:
        return _person(look_of(owner, version))
    brush = Brush(fine=2)
    scene(brush, colour_of(owner, version), seed)
    return brush.finish()


def portrait(contact: str, version: int = 1) -> Image.Image:
    """The photo: 640 x 640 RGB; its top left is flat and has the colour `colour_of` says."""
    picture = _backdrop(colour_of(contact, version))
    figure = figure_of(contact, version)
    picture.paste(figure, (0, 0), figure)
    return picture


@lru_cache(maxsize=64)
def _person(look: Look) -> Image.Image:
    brush = Brush()
    brush.zoom = 1.1
    brush.move = (SIZE / 2 * -0.1, SIZE * -0.1)
    draw_person(brush, look)
    return brush.finish()


@lru_cache(maxsize=1)
def _light() -> Image.Image:
    """Where a backdrop is lit, and how much: a disc behind the head."""
    fine = Image.new("L", (2 * SIZE, 2 * SIZE))
    ImageDraw.Draw(fine).ellipse((192, 220, 1088, 1116), fill=84)
    return fine.reduce(2)


def _backdrop(colour: Colour) -> Image.Image:
    picture = Image.new("RGB", (SIZE, SIZE), colour)
    picture.paste((255, 255, 255), (0, 0), _light())
    return picture
