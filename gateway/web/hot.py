"""Request lines whose answers are ready as bytes.

Nothing is decided here: `AvatarEndpoint` says what is learned, the service what may be shown,
`View` in which words. What the ordinary way would say is repeated until it would say it otherwise,
a second at most. A spelling that is learned lives with what is held of its contact, and dies with
it: erased, dropped or changed, it is unknown from the next request on.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakValueDictionary, ref

from gateway.web.ready import Ready, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import Reason
    from gateway.model import Avatar, AvatarSpec, Canvas, ContactId
    from gateway.renditions import Companion
    from gateway.telemetry import Telemetry
    from gateway.web.views import View

MAX_LINE: Final = 1024
"""Bytes of a request line that is learned; one that is longer would cost more than it saves."""

MAX_LASTING: Final = 256
"""Spellings whose answers depend on no contact: forced fallbacks, and ids without pictures."""

TRUST: Final = 5.0
"""Seconds after which the service is asked again, even if nothing has changed."""

LINGER: Final = 2.0
"""Seconds after its last use for which an answer is held as bytes."""

SLICE: Final = 4096
"""Answers looked at in one go, so that a crowd of them holds nobody up."""


class Source(Protocol):
    """The service, as far as nobody has to wait for it."""

    def ready(self, contact: ContactId, spec: AvatarSpec) -> Avatar | None:
        """Return what would be shown now, if it is held and will not change soon."""


class Place(Protocol):
    """Where spellings live."""

    def heed(self) -> None:
        """Drop who was erased since the last call."""

    def accompany(self, contact: ContactId, companion: Companion) -> bool:
        """Hold `companion` until something about `contact` changes; False if it is not held."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class Spelling:
    """One way to ask for a view, when somebody last did (Unix seconds), and what is said then."""

    view: View
    used: float = -math.inf
    ready: Ready | None = None

    @property
    def canvas(self) -> Canvas:
        """What is drawn."""
        return self.view.spec.canvas


class HotTable:
    """Spellings that `source` can answer at once, kept in `place`; `clock` gives Unix seconds."""

    def __init__(
        self,
        source: Source,
        place: Place,
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._place = place
        self._telemetry = telemetry
        self._clock = clock
        self._spellings: WeakValueDictionary[bytes, Spelling] = WeakValueDictionary()
        self._lasting: dict[bytes, Spelling] = {}
        self._warm: deque[ref[Spelling]] = deque()
        self._tallies: dict[Reason | None, Tally] = {}

    def __len__(self) -> int:
        return len(self._spellings)

    def learn(self, line: bytes, view: View) -> None:
        """Note that `line` asks for `view`, whatever the rest of the request says.

        What `source` does not hold, or holds for a moment only, is not learned.
        """
        if len(line) > MAX_LINE or line in self._spellings:
            return
        avatar = self._source.ready(view.contact, view.spec)
        if avatar is None:
            return
        spelling = Spelling(view)
        if math.isinf(avatar.standing.fresh_until):
            if len(self._lasting) >= MAX_LASTING:
                del self._lasting[next(iter(self._lasting))]
            self._lasting[line] = spelling
        elif not self._place.accompany(view.contact, spelling):
            return
        self._spellings[line] = spelling

    def get(self, line: bytes) -> Ready | None:
        """Return the answers to `line` as they are now; None if the ordinary way must be gone.

        They are for this moment: whoever keeps them misses what is erased.
        """
        # First: whoever was erased must not be found any more.
        self._place.heed()
        spelling = self._spellings.get(line)
        if spelling is None:
            return None
        ready, now = spelling.ready, self._clock()
        if ready is None or not ready.since <= now < ready.until:
            ready = self._renewed(spelling, now)
            if ready is None:
                # Its place drops it with the rest of what is held of the contact.
                self._lasting.pop(line, None)
                self._spellings.pop(line, None)
        return ready

    def flush(self) -> int:
        """Tell of the answers given, and return how many they are.

        Those that nobody asks for now are forgotten, some at a time.
        """
        given = 0
        for tally in self._tallies.values():
            given += tally.whole + tally.unmodified
            self._telemetry.answered(200, tally.reason, times=tally.whole)
            self._telemetry.answered(304, tally.reason, times=tally.unmodified)
            self._telemetry.hot(tally.whole + tally.unmodified)
            tally.whole = tally.unmodified = 0
        idle = self._clock() - LINGER
        for _ in range(min(SLICE, len(self._warm))):
            warm = self._warm.popleft()
            spelling = warm()
            if spelling is None:
                continue
            if spelling.used > idle:
                self._warm.append(warm)
            else:
                spelling.ready = None
        return given

    def _renewed(self, spelling: Spelling, now: float) -> Ready | None:
        """Say it for this moment; now and then, find it as the ordinary way does.

        That marks it as used, where it is kept.
        """
        ready = spelling.ready
        if ready is None or not ready.found <= now < ready.found + TRUST:
            ready = self._found(spelling.view, now)
            if ready is None:
                return None
            if spelling.ready is None:
                self._warm.append(ref(spelling))
            spelling.ready = ready
        spelling.used = now
        return ready if ready.renew(now) else None

    def _found(self, view: View, now: float) -> Ready | None:
        avatar = self._source.ready(view.contact, view.spec)
        if avatar is None or avatar.rendition is None:
            return None
        reason = avatar.standing.reason
        tally = self._tallies.setdefault(reason, Tally(reason))
        return Ready(view, avatar, avatar.rendition, tally, now=now)
