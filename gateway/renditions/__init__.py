"""What this worker holds ready: encoded renditions and how their contacts stand."""

from __future__ import annotations

from gateway.renditions.cache import Renditions
from gateway.renditions.shelf import (
    COMPANION_OVERHEAD,
    DRAWN_SHARE,
    ENTRY_OVERHEAD,
    MAX_COMPANIONS,
    MAX_PER_CONTACT,
    RENDITION_OVERHEAD,
    Companion,
)
from gateway.renditions.tidying import tidying

__all__ = [
    "COMPANION_OVERHEAD",
    "DRAWN_SHARE",
    "ENTRY_OVERHEAD",
    "MAX_COMPANIONS",
    "MAX_PER_CONTACT",
    "RENDITION_OVERHEAD",
    "Companion",
    "Renditions",
    "tidying",
]
