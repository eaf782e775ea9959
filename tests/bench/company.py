"""Hits in company: how long they take while cold avatars and bombs are worked on, on their core."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tests.bench import servers
from tests.bench.asking import ask, keep_asking, require_photos
from tests.bench.upstream import BOMBS
from tests.bench.wrk import Question, Shot, shoot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.servers import Server

CONTACTS: Final = 15_554_000_000
RATE: Final = 20.0
"""Cold avatars a second."""

BOMB_RATE: Final = 5.0

_CONNECTIONS: Final = 32
_HIT: Final = f"/avatar/{CONTACTS}.png?size=96"


@dataclass(frozen=True, slots=True)
class Company:
    """Hits beside something else: medians over the rounds; times as much as alone."""

    beside: str
    rate: float
    p99: float
    p99_ratio: float

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def measure(folder: Path, api: Server, *, rounds: int, seconds: int) -> list[Company]:
    """Alone, beside cold avatars, beside bombs: in turns."""
    cold = (f"/avatar/{number}.png?size=96" for number in count(CONTACTS + 1))
    bombs = (f"/avatar/{number}.png?size=96" for number in count(BOMBS))
    kinds: dict[str, tuple[Iterator[str], float] | None] = {
        "nothing": None,
        "20 cold avatars a second": (cold, RATE),
        "5 bombs a second": (bombs, BOMB_RATE),
    }
    found: dict[str, list[Shot]] = {name: [] for name in kinds}
    with servers.gateway(folder / "company", api) as ours:
        require_photos(asyncio.run(ask(ours.url, [_HIT] * 64)))
        hits = partial(
            shoot, ours.url, ours.pid, Question(_HIT), connections=_CONNECTIONS, seconds=seconds
        )
        hits()
        for _ in range(rounds):
            for name, beside in kinds.items():
                found[name].append(asyncio.run(_shot(ours, hits, beside)))
    alone = found["nothing"]
    return [
        Company(
            name,
            rate=median(shot.rate for shot in shots),
            p99=median(shot.p99 for shot in shots),
            p99_ratio=median(
                shot.p99 / other.p99 for shot, other in zip(shots, alone, strict=True)
            ),
        )
        for name, shots in found.items()
    ]


async def _shot(
    ours: Server, hits: partial[Shot], beside: tuple[Iterator[str], float] | None
) -> Shot:
    if beside is None:
        return await asyncio.to_thread(hits)
    targets, rate = beside
    others = asyncio.create_task(keep_asking(ours.url, targets, rate=rate))
    try:
        return await asyncio.to_thread(hits)
    finally:
        others.cancel()
        await asyncio.gather(others, return_exceptions=True)
