"""Hair, one style a pair of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.sandbox.drawing.brush import Brush, darker, lighter, mirrored
from gateway.sandbox.drawing.headwear import HEADWEAR
from gateway.sandbox.drawing.style import Style, cover, nothing

if TYPE_CHECKING:
    from gateway.sandbox.drawing.looks import Look

__all__ = ["STYLES"]


def _crop(brush: Brush, look: Look) -> None:
    half = [
        (320, 136),
        (384, 144),
        (428, 190),
        (434, 262),
        (424, 290),
        (414, 246),
        (394, 216),
        (320, 204),
    ]
    cover(brush, look, mirrored(half))


def _fade(brush: Brush, look: Look) -> None:
    sides = mirrored(
        [(320, 150), (396, 164), (428, 214), (428, 286), (418, 280), (410, 224), (320, 196)]
    )
    brush.blob(sides, darker(look.skin, 0.5))
    cover(
        brush,
        look,
        mirrored([(320, 138), (372, 140), (408, 168), (414, 214), (386, 204), (320, 196)]),
    )


def _parted(brush: Brush, look: Look) -> None:
    outline = [
        (226, 288), (208, 250), (212, 186), (256, 140), (330, 124), (400, 140), (436, 196),
        (436, 254), (422, 290), (414, 244), (396, 220), (340, 214), (282, 184), (262, 222),
        (232, 246),
    ]  # fmt: skip
    cover(brush, look, outline)
    brush.stroke([(282, 184), (272, 160), (270, 142)], 4, darker(look.hair_colour, 0.3))


def _quiff(brush: Brush, look: Look) -> None:
    outline = [
        (222, 284), (210, 236), (220, 176), (238, 128), (300, 98), (372, 100), (424, 136),
        (438, 196), (432, 250), (420, 284), (412, 232), (386, 204), (330, 198), (270, 206),
        (236, 232),
    ]  # fmt: skip
    cover(brush, look, outline)
    for lift in (0, 22, 44):
        curve = [(262 + lift, 190), (280 + lift, 150 - lift / 4), (330 + lift, 122)]
        brush.stroke(curve, 4, darker(look.hair_colour, 0.22))


def _wavy_short(brush: Brush, look: Look) -> None:
    outline = [
        (224, 292), (202, 258), (210, 222), (200, 190), (226, 160), (238, 132), (276, 128),
        (304, 108), (340, 120), (376, 112), (402, 138), (430, 154), (434, 192), (444, 226),
        (432, 262), (420, 294), (412, 246), (386, 226), (352, 230), (330, 212), (294, 228),
        (262, 218), (238, 246),
    ]  # fmt: skip
    cover(brush, look, outline)


def _receding(brush: Brush, look: Look) -> None:
    for side in (-1, 1):
        patch = [(72, 160), (104, 190), (114, 250), (110, 300), (100, 272), (94, 224), (80, 196)]
        brush.blob([(320 + side * dx, y) for dx, y in patch], look.hair_colour)
    brush.blob(
        mirrored([(320, 146), (366, 152), (398, 172), (362, 172), (320, 168)]), look.hair_colour
    )


def _bald(brush: Brush, look: Look) -> None:
    gleam = [(256, 200), (280, 176), (312, 172), (286, 194)]
    brush.shade(gleam, within=gleam, fill=(255, 255, 255), strength=0.4, soft=3)
    del look


def _curls_behind(brush: Brush, look: Look) -> None:
    tone = darker(look.hair_colour, 0.12)
    for x, y, r in (
        (236, 200, 66), (206, 270, 66), (200, 346, 62), (226, 410, 52), (404, 200, 66),
        (434, 270, 66), (440, 346, 62), (414, 410, 52), (276, 150, 62), (364, 150, 62),
        (320, 138, 60),
    ):  # fmt: skip
        brush.oval(x, y, r, r, tone)


def _curls(brush: Brush, look: Look) -> None:
    for x, y, r in (
        (238, 226, 34), (254, 190, 38), (292, 166, 40), (336, 160, 40), (376, 174, 40),
        (402, 212, 34), (412, 252, 24), (226, 262, 24), (310, 190, 26), (356, 192, 26),
    ):  # fmt: skip
        brush.oval(x, y, r, r, look.hair_colour)
    for x, y in (
        (240, 176),
        (284, 146),
        (338, 138),
        (388, 164),
        (190, 250),
        (444, 250),
        (178, 330),
        (454, 334),
    ):
        arc = [(x - 16, y + 8), (x - 6, y - 8), (x + 12, y - 6)]
        brush.stroke(arc, 5, lighter(look.hair_colour, 0.16))


def _puff_behind(brush: Brush, look: Look) -> None:
    for x, y, r in ((320, 122, 70), (272, 134, 44), (368, 134, 44), (292, 94, 40), (348, 94, 40)):
        brush.oval(x, y, r, r, darker(look.hair_colour, 0.05))


def _puff(brush: Brush, look: Look) -> None:
    half = [(320, 142), (384, 152), (426, 206), (430, 276), (416, 250), (390, 206), (320, 190)]
    cover(brush, look, mirrored(half))
    for dx in (-60, -30, 0, 30, 60):
        line = [(320 + dx * 1.3, 198 + abs(dx) * 0.2), (320 + dx, 172), (320 + dx * 0.6, 150)]
        brush.stroke(line, 3, lighter(look.hair_colour, 0.14))
    brush.stroke([(262, 156), (320, 142), (378, 156)], 12, look.cloth)


def _bob_behind(brush: Brush, look: Look) -> None:
    half = [(320, 128), (404, 144), (452, 214), (462, 310), (450, 392), (404, 412), (320, 400)]
    brush.blob(mirrored(half), darker(look.hair_colour, 0.14))


def _bob(brush: Brush, look: Look) -> None:
    top = mirrored(
        [(320, 126), (398, 140), (444, 200), (452, 262), (418, 236), (396, 222), (320, 226)]
    )
    cover(brush, look, top)
    for side in (-1, 1):
        lock = [(100, 210), (126, 226), (140, 310), (128, 396), (96, 404), (104, 360), (106, 290)]
        brush.blob([(320 + side * dx, y) for dx, y in lock], look.hair_colour)


def _fringe_behind(brush: Brush, look: Look) -> None:
    half = [(320, 126), (408, 146), (454, 226), (464, 340), (472, 460), (440, 540), (320, 520)]
    brush.blob(mirrored(half), darker(look.hair_colour, 0.14))


def _fringe(brush: Brush, look: Look) -> None:
    top = mirrored(
        [(320, 124), (400, 140), (446, 206), (448, 290), (424, 268), (410, 246), (320, 254)]
    )
    cover(brush, look, top)
    for x in (268, 294, 320, 346, 372):
        brush.stroke([(320 + (x - 320) * 0.6, 176), (x, 246)], 3, darker(look.hair_colour, 0.35))


def _long_behind(brush: Brush, look: Look) -> None:
    half = [
        (320, 128), (400, 142), (452, 216), (466, 320), (490, 430), (478, 540), (430, 590),
        (320, 560),
    ]  # fmt: skip
    brush.blob(mirrored(half), darker(look.hair_colour, 0.14))


def _long(brush: Brush, look: Look) -> None:
    for side in (-1, 1):
        lock = [
            (0, 130), (70, 140), (122, 190), (138, 290), (150, 400), (168, 500), (140, 580),
            (112, 540), (120, 440), (106, 350), (108, 280), (86, 216), (8, 168),
        ]  # fmt: skip
        outline = [(320 + side * dx, y) for dx, y in lock]
        brush.blob(outline, look.hair_colour)
        gleam = [(320 + side * dx, y) for dx, y in ((60, 156), (104, 210), (118, 320), (92, 240))]
        tone = lighter(look.hair_colour, 0.4)
        brush.shade(gleam, within=outline, fill=tone, strength=0.35, soft=7)


def _bun_behind(brush: Brush, look: Look) -> None:
    brush.oval(320, 112, 60, 54, look.hair_colour)
    brush.stroke([(284, 110), (312, 84), (350, 92)], 5, lighter(look.hair_colour, 0.25))
    brush.stroke([(292, 130), (330, 112), (360, 118)], 4, darker(look.hair_colour, 0.2))


def _bun(brush: Brush, look: Look) -> None:
    half = [(320, 136), (390, 148), (430, 200), (434, 282), (420, 262), (396, 216), (320, 182)]
    cover(brush, look, mirrored(half))
    brush.stroke([(322, 184), (316, 160), (320, 140)], 3, darker(look.hair_colour, 0.25))


def _ponytail_behind(brush: Brush, look: Look) -> None:
    tail = [
        (380, 150),
        (470, 180),
        (512, 280),
        (500, 400),
        (470, 500),
        (440, 470),
        (452, 370),
        (430, 270),
    ]
    brush.blob(tail, darker(look.hair_colour, 0.12))


def _ponytail(brush: Brush, look: Look) -> None:
    outline = [
        (222, 286), (206, 240), (216, 180), (262, 140), (330, 130), (396, 142), (432, 196),
        (436, 270), (424, 286), (412, 232), (380, 196), (340, 214), (288, 228), (246, 234),
    ]  # fmt: skip
    cover(brush, look, outline)


def _braids_behind(brush: Brush, look: Look) -> None:
    half = [(320, 130), (396, 142), (440, 206), (452, 300), (456, 420), (320, 430)]
    brush.blob(mirrored(half), darker(look.hair_colour, 0.2))
    for side in (-1, 1):
        for step, (dx, y) in enumerate((118 + n * 3, 330 + n * 30) for n in range(8)):
            for shift in (0, 22):
                tone = look.hair_colour if step % 2 else lighter(look.hair_colour, 0.12)
                brush.oval(320 + side * (dx + shift - 8), y, 15, 20, tone)


def _braids(brush: Brush, look: Look) -> None:
    half = [(320, 136), (392, 148), (432, 204), (438, 320), (418, 310), (398, 214), (320, 188)]
    cover(brush, look, mirrored(half))
    for dx in (-70, -42, -14, 14, 42, 70):
        line = [
            (320 + dx * 1.25, 200 + abs(dx) * 0.3),
            (320 + dx * 1.05, 170),
            (320 + dx * 0.7, 144),
        ]
        brush.stroke(line, 4, lighter(look.hair_colour, 0.18))


STYLES: Final[dict[str, Style]] = {
    **HEADWEAR,
    "crop": Style(nothing, _crop),
    "fade": Style(nothing, _fade),
    "parted": Style(nothing, _parted),
    "quiff": Style(nothing, _quiff),
    "wavy_short": Style(nothing, _wavy_short),
    "receding": Style(nothing, _receding),
    "bald": Style(nothing, _bald),
    "curls": Style(_curls_behind, _curls),
    "puff": Style(_puff_behind, _puff),
    "bob": Style(_bob_behind, _bob),
    "fringe": Style(_fringe_behind, _fringe),
    "long": Style(_long_behind, _long),
    "bun": Style(_bun_behind, _bun),
    "ponytail": Style(_ponytail_behind, _ponytail),
    "braids": Style(_braids_behind, _braids),
}
