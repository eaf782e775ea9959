"""Everything compared takes turns, so that what else the machine does meets all alike."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tests.bench.wrk import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.bench.wrk import Shot


_TRIES: Final = 3


class Notes:
    """What the reader has to know beside the figures: who is missing, and why."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def missing(self, name: str, reason: Exception) -> None:
        """Name a peer that could not be measured."""
        self.reasons[name] = str(reason)


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of one server in one case; times as many as the first one named, turn by turn.

    `rate` is requests a second, `cpu` microseconds of CPU for each, `p50` and `p99` milliseconds.
    """

    case: str
    server: str
    rate: float
    rate_ratio: float
    cpu: float
    cpu_ratio: float
    p50: float
    p99: float
    p99_ratio: float

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def compare(case: str, shots: Mapping[str, Callable[[], Shot]], *, rounds: int) -> list[Row]:
    """Let everybody have `rounds` turns, each round beginning with another one."""
    names = list(shots)
    found: dict[str, list[Shot]] = {name: [] for name in names}
    for name in names:
        _patient(shots[name])  # connections, caches and branch predictors are warm from here on
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            found[name].append(_patient(shots[name]))
    return [_row(case, name, found[name], found[names[0]]) for name in names]


def _patient(shot: Callable[[], Shot]) -> Shot:
    """Shoot again if nothing came: on a busy machine a second may pass without any answer."""
    for _ in range(_TRIES - 1):
        with suppress(Failed):
            return shot()
    return shot()


def _row(case: str, name: str, own: list[Shot], first: list[Shot]) -> Row:
    pairs = list(zip(own, first, strict=True))
    return Row(
        case,
        name,
        rate=median(shot.rate for shot in own),
        rate_ratio=median(shot.rate / other.rate for shot, other in pairs),
        cpu=median(shot.cpu for shot in own),
        # The other way round: as many times cheaper, so that more is better everywhere.
        cpu_ratio=median(other.cpu / shot.cpu if shot.cpu else 0.0 for shot, other in pairs),
        p50=median(shot.p50 for shot in own),
        p99=median(shot.p99 for shot in own),
        p99_ratio=median(shot.p99 / other.p99 for shot, other in pairs),
    )
