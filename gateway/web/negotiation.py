"""What ``Accept`` asks for (RFC 9110 §12.5.1)."""

from __future__ import annotations

import re
from typing import Final

from gateway.model import Format

_RANGE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)/([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*((?:;.*)?)")
_QUALITY = re.compile(r";\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE)

_TIES: Final = (Format.WEBP, Format.PNG, Format.JPEG)
"""Formats that ``image/*`` stands for, the one preferred among equals first."""


def image_format(accept: str) -> Format:
    """Choose the format that `accept` (all ``Accept`` lines joined by commas) likes best.

    AVIF costs ten times the CPU of the others and is chosen only when nothing else is liked as
    much. ``*/*`` says nothing about images: it counts for PNG. Nothing acceptable is PNG too.
    """
    ranges = _ranges(accept)
    any_image = ranges.get("image/*")
    liked = {fmt: ranges.get(fmt.media_type, any_image or 0.0) for fmt in _TIES}
    if "image/png" not in ranges and any_image is None:
        liked[Format.PNG] = ranges.get("*/*", 0.0)
    best = max(_TIES, key=lambda fmt: liked[fmt])  # the first of equals
    if ranges.get("image/avif", 0.0) > liked[best]:
        return Format.AVIF
    return best if liked[best] > 0 else Format.PNG


def wants_json(accept: str) -> bool:
    """Whether `accept` names a JSON type."""
    return any(
        quality > 0 and (name.endswith(("/json", "+json")))
        for name, quality in _ranges(accept).items()
    )


def _ranges(accept: str) -> dict[str, float]:
    """Quality by media range, lower-case; malformed ranges are passed over."""
    found: dict[str, float] = {}
    for item in accept.split(","):
        match = _RANGE.fullmatch(item)
        if match is None:
            continue
        quality = 1.0
        if match[3]:
            q = _QUALITY.search(match[3])
            if q is None and re.search(r";\s*q\s*=", match[3], re.IGNORECASE):
                continue
            quality = float(q[1]) if q else 1.0
        name = f"{match[1]}/{match[2]}".lower()
        found[name] = max(quality, found.get(name, 0.0))
    return found
