"""Formats and sizes: bytes, time, and how near the picture is to the best that can be made."""

from __future__ import annotations

import io
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from gateway.imaging.cleaning import develop
from gateway.imaging.rendering import render
from gateway.model import Canvas, Format, Photo, PhotoUrl
from tests.imaging.pictures import Pixels, decoded, pixels, psnr

if TYPE_CHECKING:
    from collections.abc import Callable

SIDES: Final = (48, 96, 128, 256, 512, 1024)
_TURNS: Final = 5
_IN_COLOURS: Final = 256
"""Most pixels that are tried with 256 colours: larger takes seconds."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Medians over the photographs; `least` is the worst of them in dB."""

    side: int
    format: str
    ms: float
    size: float
    ssim: float
    psnr: float
    least: float

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def measure(originals: list[bytes]) -> list[Quality]:
    """Every format at every side, from a portrait that is known; and 256 colours beside."""
    portraits = [_portrait(original) for original in originals]
    rows = []
    for side in SIDES:
        wanted = [reference(original, side) for original in originals]
        for fmt in Format:
            canvas = Canvas(side, fmt)
            ways = [_drawing(portrait, canvas) for portrait in portraits]
            rows.append(_row(side, fmt.value, ways, wanted))
        if side <= _IN_COLOURS:
            ways = [_palette(portrait, side) for portrait in portraits]
            rows.append(_row(side, "png, 256 colours (not used)", ways, wanted))
    return rows


def reference(original: bytes, side: int) -> Pixels:
    """The square `original` at `side` pixels: Lanczos in linear light, in floating point."""
    share = pixels(decoded(original).convert("RGB")) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    bands = [
        np.asarray(
            Image.fromarray(light[..., band].astype(np.float32)).resize(
                (side, side), Image.Resampling.LANCZOS
            )
        )
        for band in range(3)
    ]
    small = np.clip(np.dstack(bands), 0, 1)
    back: Pixels = 255 * np.where(
        small <= 0.0031308, small * 12.92, 1.055 * small ** (1 / 2.4) - 0.055
    )
    return back


def _portrait(original: bytes) -> Photo:
    whole, small = develop(original, 16)[1]()
    return Photo(PhotoUrl("https://x/a.jpg"), 1.0, 1.0, 1.0, "0a1b", None, whole, small)


def _drawing(portrait: Photo, canvas: Canvas) -> Callable[[], bytes]:
    return lambda: render(portrait.original(canvas.pixels), canvas)


def _palette(portrait: Photo, side: int) -> Callable[[], bytes]:
    picture = decoded(render(portrait.original(side), Canvas(side)))

    def draw() -> bytes:
        out = io.BytesIO()
        picture.quantize(256).save(out, "PNG")
        return out.getvalue()

    return draw


def _row(side: int, name: str, ways: list[Callable[[], bytes]], wanted: list[Pixels]) -> Quality:
    figures = []
    for way, right in zip(ways, wanted, strict=True):
        times = []
        for _ in range(_TURNS):
            before = time.process_time()
            body = way()
            times.append(1000 * (time.process_time() - before))
        seen = pixels(decoded(body).convert("RGB"))
        alike = float(structural_similarity(seen, right, channel_axis=2, data_range=255))  # type: ignore[no-untyped-call]
        figures.append((median(times), len(body), alike, psnr(seen, right)))
    ms, size, alike, decibel = (median(column) for column in zip(*figures, strict=True))
    return Quality(side, name, ms, size, alike, decibel, min(each[3] for each in figures))
