from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.sandbox import CAST, colour_of
from gateway.sandbox.drawing.brush import SIZE, Brush
from gateway.sandbox.drawing.clothes import CLOTHES
from gateway.sandbox.drawing.emblems import SCENES
from gateway.sandbox.drawing.features import BEARDS, EXTRAS, GLASSES, MOUTHS
from gateway.sandbox.drawing.hair import STYLES
from gateway.sandbox.drawing.looks import LOOKS, STRANGERS, stranger
from gateway.sandbox.drawing.people import draw_person
from gateway.sandbox.faces import figure_of, portrait

if TYPE_CHECKING:
    from PIL import Image

CORNER = (0, 0, 100, 100)


def _is_clear(figure: Image.Image) -> bool:
    """Whether the corner that carries the colour is left free."""
    return figure.crop(CORNER).getchannel("A").getbbox() is None


@pytest.mark.parametrize("contact", [c.id for c in CAST])
def test_a_portrait_is_flat_and_coloured_in_its_top_left(contact: str) -> None:
    picture = portrait(contact)
    assert (picture.mode, picture.size) == ("RGB", (SIZE, SIZE))
    assert picture.crop(CORNER).getcolors() == [(10_000, colour_of(contact))]
    assert len(picture.getcolors(SIZE * SIZE) or []) > 20


@pytest.mark.parametrize("hair", STYLES)
def test_every_hair_leaves_the_corner_free(hair: str) -> None:
    brush = Brush(fine=1)
    draw_person(brush, replace(LOOKS["15551234567@c.us"], hair=hair))
    assert _is_clear(brush.finish())


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("chance", [0, 1])
def test_every_scene_leaves_the_corner_free(name: str, chance: int) -> None:
    brush = Brush(fine=1)
    SCENES[name](brush, (150, 170, 200), bytes([chance]) * 32)
    figure = brush.finish()
    assert _is_clear(figure)
    assert figure.getchannel("A").getbbox() is not None


def test_every_part_of_a_look_has_a_painter() -> None:
    looks = [*LOOKS.values(), *map(stranger, range(STRANGERS))]
    assert {look.hair for look in looks} == STYLES.keys()
    assert {look.clothes for look in looks} == CLOTHES.keys()
    assert {look.mouth for look in looks} == MOUTHS.keys()
    assert {look.beard for look in looks} == BEARDS.keys()
    assert {look.glasses for look in looks} == GLASSES.keys()
    assert {look.extra for look in looks} == EXTRAS.keys()


def test_the_same_contact_is_drawn_the_same_again() -> None:
    contact = "4915112345678@c.us"
    assert portrait(contact).tobytes() == portrait(contact).tobytes()
    assert figure_of(contact).getchannel("A").getextrema() == (0, 255)


def test_no_two_neighbours_have_one_colour() -> None:
    colours = [colour_of(f"4915112345{n:03d}@c.us") for n in range(200)]
    assert len(set(colours)) == len(colours)
