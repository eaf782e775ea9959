"""What groups, channels and businesses show: landscapes, several heads, marks and emblems."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from gateway.sandbox.drawing.brush import Brush, darker, lighter, mix
from gateway.sandbox.drawing.looks import LOOKS, STRANGERS, stranger
from gateway.sandbox.drawing.people import draw_person

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.sandbox.drawing.looks import Look
    from gateway.sandbox.ids import Colour

    Scene = Callable[[Brush, Colour, bytes], None]

__all__ = ["SCENES", "scene_of"]

CREAM: Final[Colour] = (250, 244, 230)
SUN: Final[Colour] = (255, 214, 120)
PINE: Final[Colour] = (30, 74, 70)
COCOA: Final[Colour] = (84, 52, 40)
LEAF: Final[Colour] = (188, 104, 58)


def _mountains(brush: Brush, sky: Colour, seed: bytes) -> None:
    brush.oval(452, 176, 66, 66, SUN)
    far = mix(sky, (72, 84, 132), 0.42)
    shift = seed[5] % 60
    brush.polygon(
        [(0, 420), (120, 300), (200, 372), (340 - shift, 196), (470, 352), (540, 288), (640, 400),
         (640, 640), (0, 640)],
        far,
    )  # fmt: skip
    peak = 340 - shift
    brush.polygon(
        [(peak, 196), (peak + 56, 264), (peak + 26, 254), (peak + 6, 282), (peak - 20, 256),
         (peak - 52, 268)],
        CREAM,
    )  # fmt: skip
    near = mix(darker(sky, 0.3), (38, 92, 86), 0.7)
    brush.blob(
        [(-80, 470), (120, 392), (300, 452), (480, 404), (720, 470), (720, 720), (-80, 720)], near
    )
    for x, y, height in (
        (74, 470, 92),
        (134, 486, 120),
        (196, 504, 84),
        (512, 470, 112),
        (578, 492, 140),
    ):
        _pine(brush, x, y, height)
    brush.blob(
        [(-80, 560), (160, 510), (360, 556), (560, 520), (720, 560), (720, 760), (-80, 760)],
        darker(near, 0.25),
    )
    trail = [(300, 650), (336, 604), (300, 574), (330, 552)]
    brush.stroke(trail, 14, mix(near, CREAM, 0.65))


def _pine(brush: Brush, x: float, foot: float, height: float) -> None:
    brush.polygon([(x - 5, foot), (x + 5, foot), (x + 5, foot + 18), (x - 5, foot + 18)], COCOA)
    for step in range(3):
        wide = height * (0.34 - 0.07 * step)
        low = foot - height * 0.27 * step
        brush.polygon(
            [(x - wide, low), (x + wide, low), (x, low - height * 0.5)], lighter(PINE, 0.05 * step)
        )


def _seaside(brush: Brush, sky: Colour, seed: bytes) -> None:
    del seed
    brush.oval(440, 220, 78, 78, SUN)
    sea = mix(sky, (36, 104, 150), 0.62)
    brush.polygon([(0, 360), (640, 360), (640, 640), (0, 640)], sea)
    for y, tone in ((420, 0.12), (470, 0.0), (520, 0.1)):
        wave = [(x, y + 12 * math.sin(x / 42 + y)) for x in range(-20, 680, 20)]
        brush.polygon([*wave, (680, 660), (-20, 660)], lighter(darker(sea, (y - 380) / 420), tone))
    brush.polygon([(292, 386), (420, 386), (396, 420), (318, 420)], COCOA)
    brush.polygon([(352, 226), (352, 376), (276, 376)], CREAM)
    brush.polygon([(362, 250), (362, 376), (428, 376)], lighter(LEAF, 0.15))
    brush.blob(
        [(-60, 610), (150, 560), (400, 600), (700, 556), (700, 740), (-60, 740)], (238, 212, 160)
    )


# Where heads stand in a group of two or three: move and zoom, the last one in front.
_PLACES: Final[dict[int, tuple[tuple[tuple[float, float], float], ...]]] = {
    2: (((-98.0, 84.0), 0.9), ((162.0, 84.0), 0.9)),
    3: (((-98.0, 146.0), 0.74), ((264.0, 146.0), 0.74), ((56.0, 158.0), 0.82)),
}


def _heads(brush: Brush, looks: Sequence[Look]) -> None:
    for look, (move, zoom) in zip(looks, _PLACES[len(looks)], strict=True):
        brush.move, brush.zoom = move, zoom
        draw_person(brush, look)
    brush.move, brush.zoom = (0.0, 0.0), 1.0


def _family(brush: Brush, sky: Colour, seed: bytes) -> None:
    del sky, seed
    _heads(
        brush,
        [
            LOOKS[contact]
            for contact in ("15555550122@c.us", "15555550114@c.us", "46701740652@c.us")
        ],
    )


def _friends(brush: Brush, sky: Colour, seed: bytes) -> None:
    del sky
    numbers = [seed[5] % STRANGERS, (seed[5] + 7) % STRANGERS, (seed[5] + 13) % STRANGERS]
    _heads(brush, [stranger(number) for number in numbers[: 2 + seed[6] % 2]])


def _coffee(brush: Brush, sky: Colour, seed: bytes) -> None:
    """The mark of a coffee house: a cup whose steam is a leaf."""
    del sky, seed
    brush.oval(320, 330, 232, 232, COCOA)
    brush.ring(320, 330, 212, 212, width=5, fill=lighter(LEAF, 0.2))
    brush.ring(424, 404, 44, 42, width=18, fill=CREAM)
    brush.blob(
        [
            (202, 352),
            (320, 346),
            (438, 352),
            (426, 430),
            (388, 478),
            (320, 488),
            (252, 478),
            (214, 430),
        ],
        CREAM,
    )
    brush.oval(320, 356, 108, 17, (120, 76, 54))
    brush.box(((216, 496), (424, 510)), 7, CREAM)
    leaf = [(322, 330), (276, 284), (276, 222), (330, 160), (366, 220), (364, 286)]
    brush.blob(leaf, LEAF)
    shine = [(322, 330), (340, 250), (330, 160), (366, 220), (364, 286)]
    brush.shade(shine, within=leaf, fill=lighter(LEAF, 0.5), strength=0.45)
    brush.stroke([(320, 344), (318, 290), (326, 200)], 6, COCOA)
    for y, reach in ((290, 30), (258, 30), (226, 22)):
        brush.stroke([(319, y), (320 - reach, y - 22)], 4, COCOA)
        brush.stroke([(320, y), (322 + reach, y - 22)], 4, COCOA)


def _weather(brush: Brush, sky: Colour, seed: bytes) -> None:
    """The emblem of a weather channel: a sun behind clouds."""
    del seed
    deep = mix(sky, (36, 66, 130), 0.72)
    brush.oval(320, 330, 232, 232, deep)
    for step in range(12):
        angle = math.pi * step / 6
        x, y = math.cos(angle), math.sin(angle)
        ray = [(366 + 112 * x, 268 + 112 * y), (366 + 138 * x, 268 + 138 * y)]
        brush.stroke(ray, 14, SUN)
    brush.oval(366, 268, 88, 88, SUN)
    _cloud(brush, 262, 400, 1.0, lighter(deep, 0.62))
    _cloud(brush, 344, 436, 1.12, CREAM)


def _cloud(brush: Brush, x: float, y: float, size: float, tone: Colour) -> None:
    for dx, dy, r in ((-72, 0, 40), (-28, -34, 54), (32, -26, 48), (74, 2, 38)):
        brush.oval(x + dx * size, y + dy * size, r * size, r * size, tone)
    corners = ((x - 100 * size, y - 12 * size), (x + 100 * size, y + 40 * size))
    brush.box(corners, 26 * size, tone)


def _waves(brush: Brush, sky: Colour, seed: bytes) -> None:
    """The emblem of a broadcaster: rings of sound."""
    deep = mix(sky, (60, 36, 84), 0.75)
    brush.oval(320, 330, 232, 232, deep)
    for radius, tone in ((168, 0.22), (120, 0.45), (74, 0.7)):
        brush.ring(320, 330, radius, radius, width=20, fill=lighter(deep, tone))
    brush.oval(320, 330, 34, 34, SUN if seed[5] % 2 else CREAM)


def _blossom(brush: Brush, sky: Colour, seed: bytes) -> None:
    """The emblem of a club: a flower of five to eight petals."""
    deep = mix(sky, (40, 64, 84), 0.78)
    brush.oval(320, 330, 232, 232, deep)
    petals = 5 + seed[5] % 4
    for step in range(petals):
        angle = 2 * math.pi * step / petals - math.pi / 2
        x, y = math.cos(angle), math.sin(angle)
        tone = CREAM if step % 2 or petals % 2 else lighter(sky, 0.45)
        reach = 560 / petals
        brush.oval(320 + 108 * x, 330 + 108 * y, reach * 0.62, reach * 0.62, tone)
    brush.oval(320, 330, 60, 60, SUN)


SCENES: Final[dict[str, Scene]] = {
    "blossom": _blossom,
    "coffee": _coffee,
    "family": _family,
    "friends": _friends,
    "mountains": _mountains,
    "seaside": _seaside,
    "waves": _waves,
    "weather": _weather,
}
_CAST: Final = {
    "18005550199@c.us": "coffee",
    "120363043968066561@g.us": "mountains",
    "491701234567-1581234048@g.us": "family",
    "120363144038483540@newsletter": "weather",
}
_OTHERS: Final = {
    "g.us": ("friends", "mountains", "seaside", "friends", "blossom"),
    "newsletter": ("waves", "blossom", "weather"),
}


def scene_of(contact: str, seed: bytes) -> Scene | None:
    """The painter of a contact that is no person; None for people."""
    choice = _OTHERS.get(contact.partition("@")[2])
    name = _CAST.get(contact) or (choice[seed[7] % len(choice)] if choice else None)
    return SCENES[name] if name else None
