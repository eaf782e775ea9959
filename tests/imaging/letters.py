"""Fonts to test with: those that ship, whatever the machine has; and letters without any font."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.imaging.fonts import Fonts
from gateway.imaging.scripts import script_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE = Path(__file__).parent / "sample-cjk.woff2"
"""A font of seven characters, which stands for that of a machine that has one."""

SHIPPED = Fonts(())
UNSHAPED = Fonts((), shaping=False)


def with_sample(folder: Path, name: str = "NotoSansCJKsc-Bold.otf") -> Fonts:
    """Install the sample in `folder` under the name of a font that is looked for."""
    shutil.copy(SAMPLE, folder / name)
    return Fonts((folder,))


class Every:
    """Letters of which none is missing: what a person would choose, whatever can be drawn."""

    def has(self, cluster: str) -> bool:
        return bool(cluster)

    def pairs(self, first: str, last: str) -> bool:
        one, other = script_of(first), script_of(last)
        return one is not None and other is not None and one.font == other.font


class Only(Every):
    """Letters of which there are these only."""

    def __init__(self, *letters: str) -> None:
        self._letters = letters

    def has(self, cluster: str) -> bool:
        return cluster in self._letters


def joined(letters: Sequence[str]) -> str:
    """Initials as they are written."""
    return "".join(letters)
