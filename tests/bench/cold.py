"""Cold avatars from an upstream without latency: throughput, a viewer's wait, the upstream's."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final

from tests.bench import peers, servers
from tests.bench.asking import ask, calls, require_photos
from tests.bench.rounds import Notes, Row, compare
from tests.bench.servers import Missing, Server
from tests.bench.wrk import Question, Shot, shoot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTACTS: Final = 15_553_000_000
SIDE: Final = 96
_CONNECTIONS: Final = 8
_STEP: Final = 100_000
_ALONE: Final = 300
_COUNTED: Final = 100
_SIZES: Final = (48, 64, 96, 128, 256)


@dataclass(frozen=True, slots=True)
class Economy:
    """Questions to the upstream for each contact, over sizes, formats, workers and a restart."""

    contacts: int
    api: float
    cdn: float

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def measure(folder: Path, api: Server, *, rounds: int, seconds: int, notes: Notes) -> list[Row]:
    """New contacts in every turn; the peers are given the URL of the picture, ours has to ask."""
    fresh = count(CONTACTS, _STEP)
    with ExitStack() as stack:
        ours = stack.enter_context(servers.gateway(folder / "cold", api))
        patterns = {ours: f"/avatar/{{n}}.png?size={SIDE}"}
        for name, (peer, pattern) in _peers(folder, api).items():
            try:
                patterns[stack.enter_context(peer())] = pattern
            except Missing as missing:
                notes.missing(name, missing)

        def shot(server: Server, pattern: str) -> Shot:
            question = Question(pattern, next(fresh), _STEP)
            return shoot(
                server.url, server.pid, question, connections=_CONNECTIONS, seconds=seconds
            )

        shots = {server.name: partial(shot, server, each) for server, each in patterns.items()}
        return compare(f"{SIDE} px, PNG", shots, rounds=rounds)


def waits(folder: Path, api: Server) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds of what a lone viewer waits for a new contact."""
    first = CONTACTS - _STEP
    targets = [f"/avatar/{first + number}.png?size={SIDE}" for number in range(_ALONE)]
    with servers.gateway(folder / "alone", api) as ours:
        replies = asyncio.run(ask(ours.url, targets))[10:]  # the first one starts the quarantine
    require_photos(replies)
    hundredths = quantiles((reply.ms for reply in replies), n=100)
    return hundredths[49], hundredths[98]


def economy(folder: Path, api: Server) -> Economy:
    """Ask for every size at once, of two workers, and again after a restart."""
    first = CONTACTS - 2 * _STEP
    targets = [
        f"/avatar/{first + number}.{extension}?size={side}"
        for number in range(_COUNTED)
        for side in _SIZES
        for extension in ("png", "webp")
    ]
    before = calls(api.url)
    for _ in range(2):
        with servers.gateway(folder / "economy", api, workers=2) as ours:
            require_photos(asyncio.run(ask(ours.url, targets, at_once=16)))
    after = calls(api.url)
    return Economy(_COUNTED, *((after[each] - before[each]) / _COUNTED for each in ("api", "cdn")))


def _peers(folder: Path, api: Server) -> dict[str, tuple[Callable[[], Any], str]]:
    place = folder / "cold-peers"
    place.mkdir()
    photo = f"{api.url}/v/{{n}}.jpg"
    return {
        "thumbor": (
            partial(peers.thumbor, place),
            f"/unsafe/{SIDE}x{SIDE}/filters:format(png)/{photo}",
        ),
        "ipx": (partial(peers.ipx, place, place), f"/f_png,s_{SIDE}x{SIDE}/{photo}"),
        "nginx image_filter": (
            partial(servers.image_filter, place, f"proxy_pass {api.url};", SIDE),
            "/v/{n}.jpg",
        ),
    }
