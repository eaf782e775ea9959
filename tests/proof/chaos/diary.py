"""What happened, and when, to be read beside what went wrong."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Diary:
    """`counts` by what happened, `lines` with the seconds since the beginning."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def note(self, what: str, detail: str = "") -> None:
        """Something has happened just now."""
        self.counts[what] += 1
        self.lines.append(f"{self.when()} {what}{detail and f': {detail}'}")

    def when(self) -> str:
        """The time, as it stands in the diary."""
        return f"{time.monotonic() - self._began:.2f} s"
