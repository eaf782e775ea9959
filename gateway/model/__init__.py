"""The words of the house: frozen values that every floor may speak."""

from __future__ import annotations

from gateway.model.cdn import OriginPattern
from gateway.model.contact import MAX_ID_LENGTH, ContactId, Kind
from gateway.model.news import News, Tidings
from gateway.model.options import ALIASES, KNOWN, NAMES
from gateway.model.portrait import (
    SMALL,
    Absence,
    Master,
    Photo,
    PhotoUrl,
    Portrait,
    Sample,
    Sighting,
    version_of,
)
from gateway.model.rendition import DIGEST_SIZE, Avatar, Path, Rendition, Standing, digest_of
from gateway.model.spec import (
    DPRS,
    MAX_NAME_LENGTH,
    MAX_SIZE,
    MIN_SIZE,
    AvatarSpec,
    Canvas,
    Colour,
    Fallback,
    Format,
    Shape,
)

__all__ = [
    "ALIASES",
    "DIGEST_SIZE",
    "DPRS",
    "KNOWN",
    "MAX_ID_LENGTH",
    "MAX_NAME_LENGTH",
    "MAX_SIZE",
    "MIN_SIZE",
    "NAMES",
    "SMALL",
    "Absence",
    "Avatar",
    "AvatarSpec",
    "Canvas",
    "Colour",
    "ContactId",
    "Fallback",
    "Format",
    "Kind",
    "Master",
    "News",
    "OriginPattern",
    "Path",
    "Photo",
    "PhotoUrl",
    "Portrait",
    "Rendition",
    "Sample",
    "Shape",
    "Sighting",
    "Standing",
    "Tidings",
    "digest_of",
    "version_of",
]
