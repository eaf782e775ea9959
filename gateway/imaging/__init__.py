"""Pictures: judged, cleaned, cut, drawn and encoded; nothing else in the house knows Pillow."""

from __future__ import annotations

from gateway.imaging.artist import Artist, Plan
from gateway.imaging.assets import static_path
from gateway.imaging.cleaning import clean
from gateway.imaging.header import HeaderCheck
from gateway.imaging.identicons import draw_identicon
from gateway.imaging.lettering import draw_initials
from gateway.imaging.names import initials
from gateway.imaging.rendering import draw_custom, render
from gateway.imaging.silhouettes import draw_blank, draw_fallback
from gateway.imaging.studio import Studio
from gateway.imaging.tints import TINTS

__all__ = [
    "TINTS",
    "Artist",
    "HeaderCheck",
    "Plan",
    "Studio",
    "clean",
    "draw_blank",
    "draw_custom",
    "draw_fallback",
    "draw_identicon",
    "draw_initials",
    "initials",
    "render",
    "static_path",
]
