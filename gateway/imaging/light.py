"""Resizing as the eye expects it: in linear light.

An sRGB number is not an amount of light: averaging the numbers darkens fine contrast. So each
channel becomes floating-point light by a look-up table, is resized, and turned back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageMath

if TYPE_CHECKING:
    from collections.abc import Callable

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels; need not be whole."""

_LANCZOS: Final = Image.Resampling.LANCZOS


def _light(value: int) -> float:
    """The amount of light (0–1) behind an sRGB number (0–255); IEC 61966-2-1."""
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - the standard's constants


_TO_LIGHT: Final = tuple(_light(value) for value in range(256))
_TO_SHARE: Final = tuple(value / 255 for value in range(256))


def centre_square(width: float, height: float) -> Box:
    """The largest square in the middle of a picture."""
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def resize(picture: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
    """Scale the part `box` of an RGB or RGBA `picture` to exactly `size` pixels.

    Enlarging an opaque picture does not need linear light. With alpha every pixel counts for as
    much as it covers, so what is transparent lends its colour to nobody.
    """
    if picture.mode == "RGBA":
        return _resize_weighted(picture, size, box)
    shrinks = size[0] < box[2] - box[0] or size[1] < box[3] - box[1]
    if not shrinks:
        return picture.resize(size, _LANCZOS, box)
    # Band by band, so that only one is held in floating point (four times its size) at a time.
    bands = [
        _numbers(picture.getchannel(band).point(_TO_LIGHT, "F").resize(size, _LANCZOS, box))
        for band in "RGB"
    ]
    return Image.merge("RGB", bands)


def _resize_weighted(picture: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
    weight = picture.getchannel("A").point(_TO_SHARE, "F")
    total = weight.resize(size, _LANCZOS, box)
    # Below this a pixel is written as wholly transparent, so its colour is nobody's concern.
    divisor = _compute(lambda ops: ops["max"](ops["total"], 1 / 510), total=total)
    colours = []
    for band in "RGB":
        light = picture.getchannel(band).point(_TO_LIGHT, "F")
        weighted = _compute(lambda ops: ops["light"] * ops["weight"], light=light, weight=weight)
        summed = weighted.resize(size, _LANCZOS, box)
        colours.append(
            _numbers(_compute(lambda ops: ops["sum"] / ops["by"], sum=summed, by=divisor))
        )
    return Image.merge(
        "RGBA", [*colours, total.point(lambda share: share * 255 + 0.5).convert("L")]
    )


def _compute(formula: Callable[[dict[str, Any]], Any], **images: Image.Image) -> Image.Image:
    """Arithmetic on whole images of mode F, by name."""
    result: Image.Image = ImageMath.lambda_eval(formula, **images)
    return result


def _numbers(light: Image.Image) -> Image.Image:
    """Turn light (mode F) back into sRGB numbers (mode L), rounded.

    The standard's straight piece near black is left out: that costs at most a step and a half,
    in the deepest blacks only, and saves a pass over the pixels. What the filter undershot has
    no root, so it is cut off first.
    """
    root = _compute(lambda ops: ops["max"](ops["light"], 0.0) ** (1 / 2.4), light=light)
    # The last half rounds: the conversion to whole numbers cuts.
    return root.point(lambda value: value * (255 * 1.055) + (0.5 - 255 * 0.055)).convert("L")
