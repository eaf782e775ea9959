"""Cleaning: untrusted bytes become a master, once, and everything else starts from that.

Meant for a process that can be killed; nothing here limits time or memory beyond what the
header check refuses.
"""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import Image

from gateway.imaging.colour import to_srgb
from gateway.imaging.encoding import encode_master
from gateway.imaging.light import centre_square, resize
from gateway.imaging.wall import PILLOW_ERRORS, inspect, open_picture, reduce, wall
from gateway.model import SMALL, Master, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAX_SIDE: Final = 1024
"""Longest shorter side of a master: the largest picture that anybody can ask for."""

_MAX_ASPECT: Final = 4
"""Longer than this and the ends are cut off; every rendition shows the middle square anyway."""

_ORIENTATION: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's orientation → what makes the picture upright."""

_one_at_a_time = threading.Lock()


def clean(data: bytes) -> bytes:
    """Turn untrusted bytes into a master; raises `Undecodable`.

    The first frame, whole, upright, in sRGB, without metadata, the shorter side at most 1024
    pixels and the longer at most four times the shorter: JPEG, or lossless WebP if any pixel is
    not opaque.
    """
    inspect(data)
    with _guarded():
        return encode_master(_whole(_decode(open_picture(data))))


def develop(data: bytes, side: int) -> tuple[Sample, Callable[[], Master]]:
    """Turn untrusted bytes into a first picture of `side` pixels, and then into a master.

    The sample comes at once: what `render` would make of the master, before it is cut. The call
    that comes with it makes the master as `clean` does, and its small copy. Both raise
    `Undecodable`.
    """
    inspect(data)
    with _guarded():
        image = open_picture(data)
        whole = image.size
        square = centre_square(*reduce(image, side))
        decoded = _decode(image)
        scaled = resize(decoded.picture, (side, side), square)
        # Turned afterwards: the square in the middle stays there, and is smaller.
        sample = decoded.upright(scaled)

    def master() -> Master:
        with _guarded():
            # What was decoded at a reduced size is decoded again, which takes less time than
            # the viewer would have waited for the whole.
            again = decoded if image.size == whole else _decode(open_picture(data))
            picture = _whole(again)
            return Master(encode_master(picture), _small(picture))

    return Sample(side, sample.mode, sample.tobytes()), master


@contextmanager
def _guarded() -> Iterator[None]:
    """Decode behind the wall; Pillow's warnings are errors or nothing."""
    # Filters for warnings belong to the process, so two threads must not both change them.
    with _one_at_a_time, warnings.catch_warnings(), wall():
        # Pillow warns of flaws beside the picture (odd EXIF, odd MPO index): no reason to refuse.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


class _Decoded(NamedTuple):
    """A first frame in sRGB, RGB or RGBA, as it was stored, and what turns it upright."""

    picture: Image.Image
    turn: Image.Transpose | None

    def upright(self, picture: Image.Image) -> Image.Image:
        return picture if self.turn is None else picture.transpose(self.turn)


def _decode(image: Image.Image) -> _Decoded:
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    return _Decoded(_opaque(to_srgb(image)), turn)


def _whole(decoded: _Decoded) -> Image.Image:
    return _fit(decoded.upright(decoded.picture))


def _small(whole: Image.Image) -> bytes:
    """The small copy; none of a picture that is hardly larger, or that is lossless for its alpha.

    All of it is averages of whole blocks, the first of two by two pixels as they are: in linear
    light that would take half as long again, and shows no difference. What a small copy spares each
    picture that is drawn from it is more than it costs.
    """
    if whole.mode == "RGBA" or min(whole.size) < 2 * SMALL:
        return b""
    half = whole.reduce(2) if min(whole.size) >= 4 * SMALL else whole
    return encode_master(resize(half, (SMALL, SMALL), centre_square(*half.size), gap=1))


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation; what cannot be read counts as absent."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except PILLOW_ERRORS:
        return 1


def _opaque(picture: Image.Image) -> Image.Image:
    """Without its alpha channel, if that says nothing."""
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    return picture


def _fit(picture: Image.Image) -> Image.Image:
    """Cut off the ends of a long strip and shrink what is too large."""
    width, height = picture.size
    shorter = min(width, height)
    wide, high = min(width, _MAX_ASPECT * shorter), min(height, _MAX_ASPECT * shorter)
    left, top = (width - wide) // 2, (height - high) // 2
    box = (left, top, left + wide, top + high)
    if shorter > _MAX_SIDE:
        size = (round(wide * _MAX_SIDE / shorter), round(high * _MAX_SIDE / shorter))
        return resize(picture, size, box)
    return picture if (wide, high) == picture.size else picture.crop(box)
