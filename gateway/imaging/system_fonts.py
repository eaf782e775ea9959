"""The machine's own fonts, for scripts that are too large to ship: Chinese, Japanese, Korean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDERS: Final = tuple(
    Path(folder).expanduser()
    for folder in (
        *("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts"),
        *("C:/Windows/Fonts", "~/.local/share/fonts", "~/.fonts", "~/Library/Fonts"),
    )
)
"""Where systems keep their fonts."""

_FONTS: Final = {
    "NotoSansCJK-Bold.ttc": 2,
    "NotoSansCJK-Medium.ttc": 2,
    "NotoSansCJK-Regular.ttc": 2,
    "NotoSansCJKsc-Bold.otf": 0,
    "NotoSansCJKsc-Regular.otf": 0,
    "NotoSansCJKjp-Bold.otf": 0,
    "NotoSansCJKkr-Bold.otf": 0,
    "SourceHanSans-Bold.ttc": 2,
    "PingFang.ttc": 0,
    "msyhbd.ttc": 0,
    "wqy-zenhei.ttc": 0,
    "DroidSansFallbackFull.ttf": 0,
}
"""Names of files, the best first → which font of the file: the simplified Chinese one."""


def find(folders: Iterable[Path]) -> Iterator[tuple[Path, int]]:
    """Every font of ours that lies in `folders` or below, the best first; its file and number."""
    found: dict[str, Path] = {}
    for folder in folders:
        for place, _, files in os.walk(folder):
            for name in _FONTS.keys() & set(files):
                found.setdefault(name, Path(place, name))
    return ((found[name], number) for name, number in _FONTS.items() if name in found)
