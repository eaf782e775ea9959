"""For how long something on this machine waited for what it had too little of (PSI, Linux only).

A deadline is for a machine that has time: this tells of one that had none.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

KINDS: Final = ("cpu", "io")


def waited(kind: str) -> float:
    """Seconds since the machine started in which something waited; 0 where nobody tells."""
    with suppress(OSError):
        some = Path(f"/proc/pressure/{kind}").read_text().splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6
    return 0.0


@dataclass(frozen=True)
class Pressure:
    """The share of the time, from its making on, in which something waited."""

    _began: float = field(default_factory=time.monotonic)
    _waited: dict[str, float] = field(
        default_factory=lambda: {each: waited(each) for each in KINDS}
    )

    def share(self, kind: str = "cpu") -> float:
        """From 0 to 1."""
        seconds = max(0.001, time.monotonic() - self._began)
        return min(1.0, (waited(kind) - self._waited[kind]) / seconds)
