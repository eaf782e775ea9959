"""Writes the contact sheet."""

from __future__ import annotations

from typing import Final

from . import FILE, draw

_STEP: Final = 4
"""Shades this close are written as one: nobody tells them apart, and the file is smaller."""

_SHADES: Final = [min(round(shade / _STEP) * _STEP, 255) for shade in range(256)]

draw().point(_SHADES * 3).save(FILE, optimize=True)
