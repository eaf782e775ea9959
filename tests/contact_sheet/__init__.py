"""The contact sheet: what the code draws, as one picture, drawn by the code itself.

``python -m tests.contact_sheet`` writes ``docs/contact-sheet.png``; a test compares what is drawn
today with what is in that file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .layout import draw, layout
from .tiles import SIDE

__all__ = ["FILE", "SIDE", "draw", "layout"]

FILE: Final = Path(__file__).parent.parent.parent / "docs" / "contact-sheet.png"
