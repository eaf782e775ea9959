"""Rendering: a master becomes the picture that a viewer asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from gateway.imaging.cutting import cut
from gateway.imaging.encoding import encode_photo
from gateway.imaging.light import centre_square, resize
from gateway.imaging.wall import open_picture, reduce, wall
from gateway.model import Colour

if TYPE_CHECKING:
    from gateway.model import Canvas, Sample


def render(original: bytes, canvas: Canvas) -> bytes:
    """Make the canvas's picture from a master, or from its small copy if that has the pixels.

    Cropped to its middle square, scaled, cut, encoded. Raises `Undecodable` if it is broken.
    """
    with wall():
        picture = _load(original, canvas.pixels)
    return encode_photo(cut(picture, canvas), canvas.format)


def finish(sample: Sample, canvas: Canvas) -> bytes:
    """Make the canvas's picture from pixels that are scaled already: cut, encoded.

    They must be as many as the canvas has.
    """
    size = (sample.side, sample.side)
    return encode_photo(
        cut(Image.frombytes(sample.mode, size, sample.pixels), canvas), canvas.format
    )


def average(sample: Sample) -> Colour:
    """The colour that a picture has from very far away; what is transparent counts as white."""
    picture = Image.frombytes(sample.mode, (sample.side, sample.side), sample.pixels)
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    far = picture.resize((1, 1), Image.Resampling.BOX).tobytes()
    return Colour(*far)


def draw_custom(picture: bytes, canvas: Canvas) -> bytes:
    """The operator's own fallback, already made a master by `clean`, as `render` would show it."""
    return render(picture, canvas)


def _load(original: bytes, pixels: int) -> Image.Image:
    """Decode the middle square of `original` at `pixels` × `pixels`; RGB or RGBA."""
    image = open_picture(original)
    width, height = reduce(image, pixels)
    image.load()
    mode = "RGBA" if image.has_transparency_data else "RGB"
    picture = image if image.mode == mode else image.convert(mode)
    return resize(picture, (pixels, pixels), centre_square(width, height))
