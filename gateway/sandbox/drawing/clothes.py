"""What people wear: each garment covers the shoulders up to the neck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.sandbox.drawing.brush import Brush, darker, lighter, mirrored

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.sandbox.drawing.looks import Look
    from gateway.sandbox.ids import Colour

__all__ = ["CLOTHES", "NECK"]

NECK: Final = mirrored([(320, 360), (362, 372), (366, 440), (388, 486), (320, 520)])
TORSO: Final = mirrored(
    [(320, 462), (378, 470), (452, 494), (528, 530), (566, 600), (580, 690), (320, 700)]
)
WHITE: Final[Colour] = (252, 250, 246)


def _tee(brush: Brush, look: Look) -> None:
    _body(brush, look.cloth)
    brush.blob(mirrored([(320, 452), (372, 462), (366, 498), (320, 522)]), look.skin)
    brush.stroke(
        [(266, 468), (282, 502), (320, 518), (358, 502), (374, 468)], 9, darker(look.cloth, 0.14)
    )
    _throat(brush, look)


def _sweater(brush: Brush, look: Look) -> None:
    _body(brush, look.cloth)
    brush.stroke(
        [(262, 472), (284, 504), (320, 514), (356, 504), (378, 472)], 24, darker(look.cloth, 0.13)
    )
    for x in range(272, 380, 12):
        lift = abs(x - 320) * 0.3
        brush.stroke([(x, 508 - lift), (x, 520 - lift)], 2, darker(look.cloth, 0.24))


def _turtleneck(brush: Brush, look: Look) -> None:
    _body(brush, look.cloth)
    collar = mirrored([(320, 414), (358, 412), (374, 424), (378, 486), (320, 506)])
    brush.blob(collar, look.cloth)
    brush.shade(
        mirrored([(320, 390), (390, 400), (372, 436), (320, 446)]),
        within=collar,
        fill=darker(look.cloth, 0.7),
        strength=0.5,
        soft=5,
    )
    brush.stroke(
        [(264, 486), (292, 500), (320, 504), (348, 500), (376, 486)], 4, darker(look.cloth, 0.2)
    )


def _hoodie(brush: Brush, look: Look) -> None:
    hood = mirrored([(320, 440), (386, 426), (424, 462), (404, 510), (320, 556)])
    _body(brush, look.cloth)
    brush.blob(hood, darker(look.cloth, 0.16))
    brush.blob(mirrored([(320, 430), (366, 446), (362, 486), (320, 524)]), darker(look.cloth, 0.4))
    brush.blob(mirrored([(320, 400), (362, 430), (356, 478), (320, 508)]), look.skin)
    _throat(brush, look)
    for side in (-1, 1):
        brush.stroke([(320 + side * 34, 526), (320 + side * 38, 600)], 6, look.accent)


def _shirt(brush: Brush, look: Look) -> None:
    _body(brush, look.cloth)
    _opening(brush, look)
    brush.stroke([(320, 534), (320, 660)], 3, darker(look.cloth, 0.2))
    for y in (556, 600):
        brush.oval(320, y, 4.5, 4.5, lighter(look.cloth, 0.6))
    _collar(brush, lighter(look.cloth, 0.16))


def _suit(brush: Brush, look: Look) -> None:
    _body(brush, look.cloth)
    brush.polygon([(272, 448), (368, 448), (384, 474), (336, 660), (304, 660), (256, 474)], WHITE)
    _opening(brush, look)
    brush.polygon([(306, 520), (334, 520), (330, 540), (310, 540)], darker(look.accent, 0.15))
    brush.polygon([(310, 540), (330, 540), (342, 650), (298, 650)], look.accent)
    _lapels(brush, look)
    _collar(brush, WHITE)


def _blazer(brush: Brush, look: Look) -> None:
    _body(brush, look.cloth)
    brush.polygon(
        [(272, 448), (368, 448), (386, 474), (336, 660), (304, 660), (254, 474)], look.accent
    )
    brush.blob(mirrored([(320, 436), (364, 444), (368, 466), (352, 504), (320, 524)]), look.skin)
    _throat(brush, look)
    _lapels(brush, look)


def _blouse(brush: Brush, look: Look) -> None:
    _body(brush, look.cloth)
    brush.polygon([(276, 440), (364, 440), (382, 470), (320, 566), (258, 470)], look.skin)
    _throat(brush, look)
    for side in (-1, 1):
        edge = [(320 + side * 62, 467), (320 + side * 36, 516), (320, 568)]
        brush.stroke(edge, 11, darker(look.cloth, 0.14))


def _stripes(brush: Brush, look: Look) -> None:
    _body(brush, look.cloth)
    for y in (530, 566, 602, 638):
        band = [
            (20, y + 8),
            (200, y),
            (320, y + 4),
            (440, y),
            (620, y + 8),
            (620, y + 20),
            (440, y + 13),
            (320, y + 17),
            (200, y + 13),
            (20, y + 20),
        ]
        brush.shade(band, within=TORSO, fill=look.accent, strength=1)
    brush.blob(mirrored([(320, 452), (392, 462), (372, 486), (320, 500)]), look.skin)
    brush.stroke([(248, 470), (282, 492), (320, 499), (358, 492), (392, 470)], 7, look.accent)
    _throat(brush, look)


def _body(brush: Brush, cloth: Colour) -> None:
    brush.blob(TORSO, cloth)
    shadow = [(590, 520), (600, 700), (420, 700), (470, 600), (480, 520)]
    brush.shade(shadow, within=TORSO, fill=darker(cloth, 0.6), strength=0.35, soft=16)


def _throat(brush: Brush, look: Look) -> None:
    """The chin's shadow once more, where clothes left skin on top of it."""
    shadow = mirrored([(320, 380), (398, 390), (378, 432), (320, 456)])
    brush.shade(shadow, within=NECK, fill=darker(look.skin, 0.45), strength=0.4, soft=6)


def _opening(brush: Brush, look: Look) -> None:
    brush.polygon([(274, 444), (366, 444), (368, 462), (320, 540), (272, 462)], look.skin)
    _throat(brush, look)


def _collar(brush: Brush, colour: Colour) -> None:
    for side in (-1, 1):
        flap = [(320 + side * dx, y) for dx, y in ((52, 446), (68, 470), (44, 532), (4, 530))]
        brush.polygon([(320 + side * 52, 448), *flap[1:]], colour)
        brush.stroke([flap[3], flap[0]], 3, darker(colour, 0.2))


def _lapels(brush: Brush, look: Look) -> None:
    tone = darker(look.cloth, 0.16)
    for side in (-1, 1):
        flap = (
            (62, 462),
            (104, 488),
            (112, 540),
            (84, 548),
            (92, 564),
            (14, 668),
            (6, 668),
            (40, 540),
        )
        brush.polygon([(320 + side * dx, y) for dx, y in flap], tone)


CLOTHES: Final[dict[str, Callable[[Brush, Look], None]]] = {
    "tee": _tee,
    "sweater": _sweater,
    "turtleneck": _turtleneck,
    "hoodie": _hoodie,
    "shirt": _shirt,
    "suit": _suit,
    "blazer": _blazer,
    "blouse": _blouse,
    "stripes": _stripes,
}
