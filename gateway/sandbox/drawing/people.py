"""A person, head and shoulders: from back to front around whatever hair they wear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.sandbox.drawing.brush import Brush, darker, mirrored, mix
from gateway.sandbox.drawing.clothes import CLOTHES, NECK
from gateway.sandbox.drawing.features import BEARDS, EXTRAS, GLASSES, HEAD, INK, MOUTHS, WHITE
from gateway.sandbox.drawing.hair import STYLES

if TYPE_CHECKING:
    from gateway.sandbox.drawing.looks import Look
    from gateway.sandbox.ids import Colour

__all__ = ["draw_person"]


def draw_person(brush: Brush, look: Look) -> None:
    """Paint one person at the brush's place, from back to front."""
    style = STYLES[look.hair]
    style.behind(brush, look)
    _neck(brush, look)
    CLOTHES[look.clothes](brush, look)
    _head(brush, look)
    BEARDS[look.beard](brush, look)
    _features(brush, look)
    MOUTHS[look.mouth](brush, look)
    style.before(brush, look)
    GLASSES[look.glasses](brush, look)
    EXTRAS[look.extra](brush, look)


def _neck(brush: Brush, look: Look) -> None:
    brush.blob(NECK, look.skin)
    shadow = mirrored([(320, 340), (400, 360), (384, 424), (320, 452)])
    brush.shade(shadow, within=NECK, fill=darker(look.skin, 0.45), strength=0.55, soft=5)


def _head(brush: Brush, look: Look) -> None:
    for side in (-1, 1):
        brush.oval(320 + side * 105, 298, 17, 27, darker(look.skin, 0.06))
        brush.oval(320 + side * 107, 300, 9, 16, darker(look.skin, 0.22))
    brush.blob(HEAD, look.skin)
    shadow = [(430, 150), (470, 300), (420, 430), (330, 440), (392, 380), (404, 280), (386, 190)]
    brush.shade(shadow, within=HEAD, fill=darker(look.skin, 0.4), strength=0.42, soft=12)
    warm = mix(look.skin, (226, 82, 74), 0.6)
    for side in (-1, 1):
        x = 320 + side * 62
        cheek = mirrored([(x, 322), (x + 24, 334), (x, 352)], x)
        brush.shade(cheek, within=HEAD, fill=warm, strength=0.36, soft=7)


def _features(brush: Brush, look: Look) -> None:
    brow = SHADED.get(look.hair) or darker(look.hair_colour, 0.15)
    for side in (-1, 1):
        x = 320 + side * 45
        almond = [
            (x - 19, 298),
            (x - 9, 288),
            (x + 6, 287),
            (x + 18, 297),
            (x + 6, 306),
            (x - 8, 306),
        ]
        if side < 0:
            almond = [(2 * x - px, py) for px, py in almond]
        brush.blob(almond, WHITE)
        brush.oval(x, 297, 9.6, 10.4, look.eyes)
        brush.oval(x, 297, 5, 5.6, INK)
        brush.oval(x + 3.4, 293, 2.6, 2.8, WHITE)
        lid = [(x - side * 19, 299), (x - side * 8, 288), (x + side * 7, 287), (x + side * 20, 296)]
        brush.stroke(lid, 4.4, INK)
        arch = [(x - side * 22, 268), (x, 259), (x + side * 25, 267)]
        brush.stroke(arch, 8, brow)
    shade = darker(look.skin, 0.3)
    brush.stroke([(317, 300), (310, 330), (306, 341), (316, 347), (330, 345)], 4, shade)


# Where the head is covered, the brows cannot take its colour.
SHADED: Final[dict[str, Colour]] = {"hijab": (58, 42, 38), "headwrap": (36, 30, 34)}
