"""Every connection of a worker, by what it is waited for; the pure half of the worker.

Nothing here runs by itself: a connection says what it is at, and the worker calls `sweep` now and
then. There is no timer a connection, let alone a request.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Stage(IntEnum):
    """What a connection is at."""

    CLOSING = 0
    """The last byte is written; what the peer still sends is thrown away."""
    DEPARTED = 1
    """In flight for a peer that has closed its half, and has perhaps left."""
    FRESH = 2
    """Nobody yet: not one request's head was complete."""
    HEAD = 3
    """Some of the next request's head is here."""
    IDLE = 4
    """Between two requests."""
    BODY = 5
    """In flight; some of the request's body is missing."""
    BUSY = 6
    """In flight; all of the request is here."""


LIMITS: Final[Mapping[Stage, float]] = {
    Stage.CLOSING: 1.0,
    Stage.FRESH: 5.0,
    Stage.HEAD: 5.0,
    Stage.IDLE: 5.0,
    Stage.BODY: 10.0,
}
"""Seconds a connection may stay at a stage, in all: drips do not prolong them."""

STALL: Final = 10.0
"""Seconds that a peer may take none of what was written for it."""

HESITATION: Final = 2.0
"""Seconds after which a peer that takes nothing may be cut to make room for others."""

ARREARS: Final = 60.0
"""Seconds in which a peer that fell behind must have taken all of it."""

SLICE: Final = 32
"""Connections ended in one go, so that a crowd of late ones holds nobody up."""

EVICTABLE: Final = (Stage.CLOSING, Stage.DEPARTED, Stage.FRESH, Stage.HEAD, Stage.IDLE)
"""Who goes first when there is no room: who has asked before goes after who has not."""

WAITING: Final = (Stage.FRESH, Stage.HEAD, Stage.IDLE)
"""Whose next request may be on its way."""


ACTIVE: Final = (Stage.DEPARTED, Stage.HEAD, Stage.BODY, Stage.BUSY)
"""Who would notice if nothing happened for a moment."""


class Connection(Protocol):
    """One connection, as seen from here.

    It is `promised` another request from when an answer begins that does not announce the end,
    until the next request is here.
    """

    stage: Stage | None
    promised: bool

    def expire(self) -> None:
        """Take too long for its stage."""

    def hang_up(self) -> None:
        """Close once what was written has arrived."""

    def cut(self) -> None:
        """Close at once, whatever is unsent."""

    def unsent(self) -> int:
        """Bytes written that the peer has not taken."""


@dataclass(slots=True)
class _Arrears:
    """How a peer that fell behind gets on: since when, the last progress, what is left."""

    began: float
    moved: float
    left: int


class Connections:
    """At most `capacity` connections; `clock` gives seconds that only grow."""

    def __init__(
        self,
        *,
        capacity: int,
        limits: Mapping[Stage, float] = LIMITS,
        stall: float = STALL,
        arrears: float = ARREARS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity = capacity
        self.evicted = 0
        self.refused = 0
        self._limits = limits
        self._stall = stall
        self._total = arrears
        self._clock = clock
        # Each in the order of arrival, so that the first is the one that waits longest.
        self._places: tuple[dict[Connection, float], ...] = tuple({} for _ in Stage)
        self._behind: dict[Connection, _Arrears] = {}

    def __len__(self) -> int:
        return sum(map(len, self._places))

    def __iter__(self) -> Iterator[Connection]:
        return iter([each for place in self._places for each in place])

    def waiting(self) -> list[Connection]:
        """Those whose next request may be on its way."""
        return [each for stage in WAITING for each in self._places[stage]]

    def owed(self) -> bool:
        """Whether another request may come from somebody: one may be on its way, or is promised."""
        return any(self._places[stage] for stage in WAITING) or any(
            each.promised for stage in (Stage.BODY, Stage.BUSY) for each in self._places[stage]
        )

    def quiet(self) -> bool:
        """Whether nobody is being answered, and nobody is about to be."""
        return not any(self._places[stage] for stage in ACTIVE)

    def enter(self, connection: Connection, stage: Stage) -> None:
        """Note that `connection` is at `stage` from now on."""
        old = connection.stage
        if old is not None:
            del self._places[old][connection]
        connection.stage = stage
        self._places[stage][connection] = self._clock()

    def leave(self, connection: Connection) -> None:
        """Forget `connection`; again does nothing."""
        if connection.stage is not None:
            del self._places[connection.stage][connection]
            connection.stage = None
            self._behind.pop(connection, None)

    def fall_behind(self, connection: Connection) -> None:
        """Note that the peer does not take what is written for it, until it has taken it all."""
        if connection not in self._behind:
            now = self._clock()
            self._behind[connection] = _Arrears(now, now, connection.unsent())

    def make_room(self) -> bool:
        """Let one more connection in, at the cost of the one least worth keeping.

        False if it must stay outside, since all that are inside are in flight.
        """
        if len(self) < self.capacity:
            return True
        victim = next(self._dispensable(), None)
        if victim is None:
            self.refused += 1
            return False
        self.evicted += 1
        self._cut(victim)
        return True

    def _dispensable(self) -> Iterator[Connection]:
        """Who may go, the first first; of those in flight only who takes nothing of its answer."""
        for stage in EVICTABLE:
            yield from self._places[stage]
        hesitant = self._clock() - HESITATION
        for connection, arrears in self._behind.items():
            if arrears.moved <= hesitant:
                yield connection

    def _cut(self, connection: Connection) -> None:
        self.leave(connection)
        connection.cut()

    def sweep(self) -> bool:
        """End what takes too long; true if there was more of it than is done in one go."""
        now = self._clock()
        for connection, arrears in list(self._behind.items()):
            self._judge(connection, arrears, now)
        late = list(itertools.islice(self._late(now), SLICE))
        for connection in late:
            self._expire(connection)
        return len(late) == SLICE

    def _late(self, now: float) -> Iterator[Connection]:
        for stage, limit in self._limits.items():
            for connection, since in self._places[stage].items():
                if since + limit > now:
                    break
                yield connection

    def _expire(self, connection: Connection) -> None:
        stage = connection.stage
        if stage is not None and stage is not Stage.BODY and connection.unsent():
            # It is not idle but slow: what it has not taken decides.
            self.fall_behind(connection)
            self.enter(connection, stage)
        else:
            connection.expire()

    def _judge(self, connection: Connection, arrears: _Arrears, now: float) -> None:
        left = connection.unsent()
        if not left:
            del self._behind[connection]
            return
        if left < arrears.left:
            arrears.left, arrears.moved = left, now
        if now - arrears.moved >= self._stall or now - arrears.began >= self._total:
            self._cut(connection)
