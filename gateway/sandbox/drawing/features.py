"""What makes a face somebody's: mouths, beards, glasses, earrings, freckles."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gateway.sandbox.drawing.brush import Brush, darker, mirrored, mix

if TYPE_CHECKING:
    from gateway.sandbox.drawing.looks import Look
    from gateway.sandbox.ids import Colour

__all__ = ["BEARDS", "EXTRAS", "GLASSES", "HEAD", "INK", "MOUTHS", "WHITE"]

HEAD: Final = mirrored(
    [(320, 158), (380, 168), (418, 214), (425, 280), (414, 340), (376, 396), (320, 418)]
)
INK: Final[Colour] = (48, 34, 40)
WHITE: Final[Colour] = (252, 250, 246)


def _smile(brush: Brush, look: Look) -> None:
    brush.stroke([(288, 369), (303, 379), (320, 382), (337, 379), (352, 369)], 5.2, _lip(look))
    brush.stroke([(310, 394), (320, 396), (330, 394)], 3.2, darker(look.skin, 0.2))


def _laugh(brush: Brush, look: Look) -> None:
    mouth = [
        (284, 365),
        (302, 368),
        (320, 369),
        (338, 368),
        (356, 365),
        (342, 389),
        (320, 397),
        (298, 389),
    ]
    brush.blob(mouth, (116, 38, 44))
    teeth = [(290, 367), (320, 371), (350, 367), (342, 377), (320, 380), (298, 377)]
    brush.blob(teeth, WHITE)
    brush.shade(
        mirrored([(320, 384), (340, 392), (320, 404)]), within=mouth, fill=(214, 96, 96), strength=1
    )
    brush.stroke(mouth[:5], 4, _lip(look))


def _lips(brush: Brush, look: Look) -> None:
    red = mix(look.skin, (178, 44, 60), 0.72)
    upper = [(290, 371), (308, 364), (320, 367), (332, 364), (350, 371), (335, 376), (305, 376)]
    lower = [(292, 372), (320, 375), (348, 372), (335, 386), (320, 389), (305, 386)]
    brush.blob(lower, red)
    brush.blob(upper, darker(red, 0.14))
    brush.stroke(
        [(288, 370), (305, 375), (320, 376), (335, 375), (352, 370)], 2.6, darker(red, 0.5)
    )


def _lip(look: Look) -> Colour:
    return mix(darker(look.skin, 0.45), (150, 40, 46), 0.4)


def _nothing(brush: Brush, look: Look) -> None:
    del brush, look


JAW: Final = [
    (424, 288), (420, 336), (398, 386), (360, 418), (320, 428), (280, 418), (242, 386),
    (220, 336), (216, 288), (230, 318), (246, 342), (272, 350), (296, 345), (320, 350),
    (344, 345), (368, 350), (394, 342), (410, 318),
]  # fmt: skip


def _full_beard(brush: Brush, look: Look) -> None:
    brush.blob(JAW, darker(look.hair_colour, 0.06))
    brush.shade(
        [(420, 290), (428, 350), (380, 430), (320, 440), (372, 380)],
        within=JAW,
        fill=darker(look.hair_colour, 0.6),
        strength=0.4,
        soft=8,
    )
    brush.blob([(292, 366), (320, 360), (348, 366), (338, 388), (320, 393), (302, 388)], look.skin)


def _short_beard(brush: Brush, look: Look) -> None:
    brush.shade(JAW, within=HEAD, fill=look.hair_colour, strength=0.82, soft=2)
    brush.blob([(290, 366), (320, 359), (350, 366), (338, 389), (320, 394), (302, 389)], look.skin)


def _stubble(brush: Brush, look: Look) -> None:
    brush.shade(JAW, within=HEAD, fill=look.hair_colour, strength=0.3, soft=5)


def _moustache(brush: Brush, look: Look) -> None:
    half = [(320, 350), (340, 350), (364, 364), (372, 374), (346, 372), (320, 366)]
    brush.blob(mirrored(half), darker(look.hair_colour, 0.1))


def _round_glasses(brush: Brush, look: Look) -> None:
    _lenses(brush, look, 34, 33)


def _soft_glasses(brush: Brush, look: Look) -> None:
    _lenses(brush, look, 37, 29)


def _lenses(brush: Brush, look: Look, rx: float, ry: float) -> None:
    del look
    for side in (-1, 1):
        brush.ring(320 + side * 46, 299, rx, ry, width=5, fill=INK)
        brush.stroke([(320 + side * (46 + rx - 2), 292), (320 + side * 104, 286)], 5, INK)
    brush.stroke([(310, 294), (320, 290), (330, 294)], 5, INK)


def _square_glasses(brush: Brush, look: Look) -> None:
    del look
    for side in (-1, 1):
        x = 320 + side * 46
        frame = [(x - 34, 276), (x + 34, 276), (x + 31, 320), (x - 31, 320), (x - 34, 276)]
        for start, end in pairwise(frame):
            brush.stroke([start, end], 6, INK)
        brush.stroke([(320 + side * 80, 284), (320 + side * 105, 284)], 6, INK)
    brush.stroke([(311, 290), (329, 290)], 6, INK)


def _hoops(brush: Brush, look: Look) -> None:
    del look
    for side in (-1, 1):
        brush.ring(320 + side * 110, 342, 15, 18, width=4.5, fill=(222, 178, 84))


def _studs(brush: Brush, look: Look) -> None:
    del look
    for side in (-1, 1):
        brush.oval(320 + side * 108, 324, 6, 6, (240, 226, 190))


def _freckles(brush: Brush, look: Look) -> None:
    spot = mix(look.skin, (168, 84, 48), 0.5)
    places = ((0, 0), (14, 6), (26, -2), (8, -9), (20, -12), (34, 7))
    for side in (-1, 1):
        for dx, dy in places:
            brush.oval(320 + side * (42 + dx), 334 + dy, 2.5, 2.5, spot)


MOUTHS: Final = {"smile": _smile, "laugh": _laugh, "lips": _lips}
BEARDS: Final = {
    "none": _nothing,
    "full": _full_beard,
    "short": _short_beard,
    "stubble": _stubble,
    "moustache": _moustache,
}
GLASSES: Final = {
    "none": _nothing,
    "round": _round_glasses,
    "soft": _soft_glasses,
    "square": _square_glasses,
}
EXTRAS: Final = {"none": _nothing, "hoops": _hoops, "studs": _studs, "freckles": _freckles}
