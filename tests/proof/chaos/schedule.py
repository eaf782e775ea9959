"""Disturbances, drawn from a seed: the same seed and length give the same schedule.

There are lanes, and in each of them one disturbance follows the other; so nothing is frozen that
is dead already, while everything else may come together. A lane is dealt as cards are: no kind
comes again before all others of its lane have come.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Kind(StrEnum):
    """What is done."""

    API_FAULTS = "API faults for some"
    CDN_FAULTS = "CDN faults for some"
    SLOW_CDN = "slow CDN for some"
    API_DOWN = "API fault for all"
    UNLINKED = "phone not linked"
    A_DAY = "a day passes at the API"
    ERASED = "contacts erased"
    WORKER_KILLED = "worker killed"
    DECODER_KILLED = "decoder killed"
    RELOADED = "reload"
    VALKEY_FROZEN = "Valkey frozen"
    VALKEY_KILLED = "Valkey killed"
    VALKEY_EMPTIED = "Valkey emptied"
    STORE_FROZEN = "store frozen"
    STORE_KILLED = "store killed"


LASTING: Final[Mapping[Kind, tuple[float, float]]] = {
    Kind.API_FAULTS: (1.0, 8.0),
    Kind.CDN_FAULTS: (1.0, 8.0),
    Kind.SLOW_CDN: (1.0, 5.0),
    Kind.API_DOWN: (1.0, 6.0),
    Kind.UNLINKED: (1.0, 4.0),
    Kind.VALKEY_FROZEN: (0.5, 4.0),
    Kind.VALKEY_KILLED: (0.5, 5.0),
    Kind.STORE_FROZEN: (0.5, 4.0),
    Kind.STORE_KILLED: (0.5, 5.0),
}
"""Seconds, at least and at most, that each lasts; the others are over at once."""

LANES: Final[Mapping[str, Sequence[Kind]]] = {
    "people": (Kind.API_FAULTS, Kind.CDN_FAULTS, Kind.SLOW_CDN, Kind.ERASED),
    "upstream": (Kind.API_DOWN, Kind.UNLINKED, Kind.A_DAY),
    "left": (Kind.WORKER_KILLED, Kind.DECODER_KILLED, Kind.WORKER_KILLED, Kind.RELOADED),
    # Its workers live on, so that it can be seen whether their memory grows.
    "right": (Kind.DECODER_KILLED,),
    "valkey": (Kind.VALKEY_FROZEN, Kind.VALKEY_KILLED, Kind.VALKEY_EMPTIED),
    "store": (Kind.STORE_FROZEN, Kind.STORE_KILLED),
}


@dataclass(frozen=True, slots=True)
class Disturbance:
    """At `at` seconds from the start something is done in `lane`, and undone `lasting` later.

    `luck` decides everything else: which contacts, which fault, which worker.
    """

    at: float
    lane: str
    kind: Kind
    lasting: float
    luck: int


def draw(seed: int, seconds: float, *, rest: float) -> list[Disturbance]:
    """Draw what happens within `seconds`; in each lane about `rest` seconds lie in between."""
    chance = random.Random(seed)  # noqa: S311 - a proof must be repeatable
    drawn = [each for lane in LANES for each in _lane(chance, lane, seconds, rest)]
    return sorted(drawn, key=lambda each: each.at)


def _lane(chance: random.Random, lane: str, seconds: float, rest: float) -> Iterator[Disturbance]:
    cards: list[Kind] = []
    at = chance.uniform(0.0, rest)
    while at < seconds:
        cards = cards or chance.sample(LANES[lane], len(LANES[lane]))
        kind = cards.pop()
        lasting = min(chance.uniform(*LASTING.get(kind, (0.0, 0.0))), seconds - at)
        yield Disturbance(at, lane, kind, lasting, chance.getrandbits(32))
        at += lasting + chance.uniform(0.5, 1.5) * rest
