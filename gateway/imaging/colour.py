"""Colour: whatever way a file writes its pixels, they become sRGB."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image, ImageCms

from gateway.imaging.wall import PILLOW_ERRORS

_SPACES: Final = {"L": "GRAY", "LA": "GRAY", "RGB": "RGB ", "RGBA": "RGB ", "CMYK": "CMYK"}
"""Pillow's mode → the colour space that a profile must be of to mean it."""

_USUAL: Final = frozenset({"sRGB", "sRGB IEC61966-2.1", "sRGB built-in", "c2", "sRGB2014"})
"""Profiles that say what is true without them; most pictures with a profile have one of these."""

_SIXTEEN_TO_EIGHT: Final = tuple((value * 255 + 32767) // 65535 for value in range(65536))


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert a decoded picture of any mode to RGB, or RGBA if it may be transparent."""
    picture = _plain(image)
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        picture = _by_profile(picture, profile)
    if picture.mode in ("LA", "RGBA"):
        return picture.convert("RGBA")
    return picture.convert("RGB")


def _plain(image: Image.Image) -> Image.Image:
    """One byte a channel, no palette, transparency as a channel: L, LA, RGB, RGBA or CMYK."""
    if image.mode == "I;16":
        return _from_sixteen_bits(image)
    if image.mode in _SPACES and "transparency" not in image.info:
        return image
    clear = image.info.get("transparency")
    if isinstance(clear, tuple) and max(clear) > 255:  # noqa: PLR2004 - more than a byte holds
        # Colours of two bytes were read as their upper byte, but the clear one as it stands.
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    """Grey of two bytes: scaled, since Pillow's own conversion cuts at 255."""
    wide = image.convert("I")
    grey = wide.point(_SIXTEEN_TO_EIGHT, "L")
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(wide.point([255 * (value != clear) for value in range(65536)], "L"))
    return grey


def _by_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    """Convert by an ICC profile; a broken one, or one of another colour space, is ignored."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != _SPACES[picture.mode] or (
            (source.profile.profile_description or "").strip("\0 ") in _USUAL
        ):
            return picture
        target = ImageCms.createProfile("sRGB")
        colours = picture.convert(picture.mode[:-1]) if picture.mode in ("LA", "RGBA") else picture
        converted = ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
    except PILLOW_ERRORS:
        return picture
    if converted is not None and picture.mode in ("LA", "RGBA"):
        converted.putalpha(picture.getchannel("A"))
    return converted or picture
