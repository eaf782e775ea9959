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

from gateway.web.conditional import not_modified
from gateway.web.headers import representation

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import Reason
    from gateway.model import Avatar, AvatarSpec, Canvas, ContactId, Rendition
    from gateway.renditions import Companion
    from gateway.telemetry import Telemetry
    from gateway.web.headers import Headers
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

OFTEN: Final = 16
"""How often an answer must be asked for in its moment to be held in one piece: a crowd of viewers
then shares it, and the memory of those that nobody crowds around is spared."""

OK: Final = b"HTTP/1.1 200 OK\r\n"
NOT_MODIFIED: Final = b"HTTP/1.1 304 Not Modified\r\n"


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


@dataclass(slots=True)
class Tally:
    """How often answers with one `reason` were given since anybody was told."""

    reason: Reason | None
    whole: int = 0
    unmodified: int = 0


class Ready:
    """What `avatar`, which was found at `found`, is as an answer to `view`.

    What is true for a second at most, `renew` says anew: it holds from `since` until `until`. All
    of these are Unix seconds.
    """

    __slots__ = (
        "_avatar", "_body", "_end", "_head", "_joined", "_lasting", "_passing", "_rendition",
        "_representation", "_seldom", "_tally", "_view", "found", "since", "until",
    )  # fmt: skip

    def __init__(
        self, view: View, avatar: Avatar, rendition: Rendition, tally: Tally, *, now: float
    ) -> None:
        self._view = view
        self._avatar = avatar
        self._rendition = rendition
        self._tally = tally
        self._end = min(avatar.standing.fresh_until, view.end)
        self._representation = written(representation(rendition))
        self._lasting = written(view.lasting(avatar, rendition, now=now)) + b"\r\n"
        self._passing = self._head = self._joined = b""
        self._seldom = 0
        self._body = rendition.body
        self.found = now
        self.since = self.until = math.inf

    def renew(self, now: float) -> bool:
        """Be ready for now and a moment; false if it is too late for this answer."""
        if now >= self._end:
            return False
        self._passing = written(self._view.passing(self._avatar, now=now))
        self._head = b"".join((OK, self._representation, self._passing, self._lasting))
        self._joined, self._seldom = b"", OFTEN
        self.since, self.until = now, self._view.steady(self._avatar, now=now)
        return True

    def whole(self) -> bytes:
        """Return head and body, and count that."""
        self._tally.whole += 1
        if self._joined:
            return self._joined
        joined = self._head + self._body
        self._seldom -= 1
        if not self._seldom:
            self._joined = joined
        return joined

    def head(self) -> bytes:
        """Return the head alone, and count that."""
        self._tally.whole += 1
        return self._head

    def unmodified(self, *, if_none_match: str, if_modified_since: str) -> bytes | None:
        """Return 304 and count it, if the client holds the picture."""
        if if_none_match != self._rendition.etag and not not_modified(
            self._rendition,
            self._avatar.standing,
            if_none_match=if_none_match,
            if_modified_since=if_modified_since,
        ):
            return None
        self._tally.unmodified += 1
        return NOT_MODIFIED + self._passing + self._lasting


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


def written(headers: Headers) -> bytes:
    """Return `headers` as the server writes them."""
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers)
