"""Where the time of one request went, for an operator who asks: ``Server-Timing``."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Laps(Protocol):
    """Measures parts of the way, or does not."""

    def lap(self, name: str) -> AbstractContextManager[None]:
        """Measure what is done inside under `name`."""


class Stopwatch:
    """Measures laps; one that is run again goes on where it was."""

    def __init__(self) -> None:
        self._laps: dict[str, float] = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Measure what is done inside under `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._laps[name] = self._laps.get(name, 0.0) + time.perf_counter() - began

    def server_timing(self) -> str:
        """Say how many milliseconds each lap took, as the header wants it."""
        return ", ".join(f"{name};dur={took * 1000:.1f}" for name, took in self._laps.items())


class _Idle:
    """Measures nothing."""

    def lap(self, _name: str) -> AbstractContextManager[None]:
        return _NOTHING


_NOTHING: Final = nullcontext()

IDLE: Final[Laps] = _Idle()
"""For everybody else."""
