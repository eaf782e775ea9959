"""What covers the hair: scarf, wrap, hat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.sandbox.drawing.brush import Brush, darker, lighter, mirrored
from gateway.sandbox.drawing.style import Style, cover, nothing

if TYPE_CHECKING:
    from gateway.sandbox.drawing.looks import Look

__all__ = ["HEADWEAR"]


def _hijab_behind(brush: Brush, look: Look) -> None:
    half = [(320, 118), (412, 140), (462, 230), (462, 350), (446, 440), (500, 520), (320, 600)]
    brush.blob(mirrored(half), darker(look.hair_colour, 0.12))


def _hijab(brush: Brush, look: Look) -> None:
    outer = [
        (320, 116), (402, 132), (452, 214), (456, 330), (428, 420), (410, 470), (452, 520),
        (380, 566), (300, 574), (214, 540), (196, 500), (224, 450), (208, 400), (184, 330),
        (188, 214), (238, 132),
    ]  # fmt: skip
    inner = [
        (318, 192), (256, 204), (226, 256), (226, 322), (252, 384), (318, 428), (388, 384),
        (414, 322), (414, 256), (384, 204),
    ]  # fmt: skip
    brush.frame(outer, inner, look.hair_colour)
    fold = darker(look.hair_colour, 0.22)
    brush.stroke([(226, 440), (290, 486), (372, 500), (440, 512)], 5, fold)
    brush.stroke([(214, 480), (280, 526), (370, 540)], 5, fold)
    brush.stroke([(250, 150), (216, 216), (206, 300)], 5, lighter(look.hair_colour, 0.2))


def _headwrap(brush: Brush, look: Look) -> None:
    outline = [
        (214, 262), (204, 200), (222, 136), (270, 92), (340, 78), (404, 98), (436, 150),
        (438, 212), (426, 262), (400, 222), (320, 204), (240, 222),
    ]  # fmt: skip
    cover(brush, look, outline)
    fold = darker(look.hair_colour, 0.24)
    for lift in (0, 34, 66):
        brush.stroke([(216, 230 - lift), (300, 184 - lift), (430, 214 - lift * 1.4)], 5, fold)
    brush.blob(
        [(330, 110), (360, 66), (404, 70), (394, 112), (356, 132)], lighter(look.hair_colour, 0.1)
    )
    brush.stroke([(346, 118), (368, 96), (392, 86)], 4, fold)


def _beanie(brush: Brush, look: Look) -> None:
    for side in (-1, 1):
        tuft = [(320 + side * dx, y) for dx, y in ((92, 220), (116, 230), (112, 300), (100, 276))]
        brush.blob(tuft, look.hair_colour)
    crown = mirrored([(320, 86), (382, 98), (424, 146), (436, 216), (320, 226)])
    brush.blob(crown, look.accent)
    dusk = [(400, 90), (470, 200), (400, 240), (392, 160)]
    brush.shade(dusk, within=crown, fill=darker(look.accent, 0.6), strength=0.4, soft=10)
    brush.box(((200, 196), (440, 246)), 22, darker(look.accent, 0.16))
    for x in range(218, 436, 17):
        brush.stroke([(x, 206), (x, 236)], 3, darker(look.accent, 0.34))


HEADWEAR: Final[dict[str, Style]] = {
    "hijab": Style(_hijab_behind, _hijab),
    "headwrap": Style(nothing, _headwrap),
    "beanie": Style(nothing, _beanie),
}
