"""Request lines whose answers are ready as bytes.

The hot path is the ordinary one, taken once a second for each spelling of a URL; what it says is
repeated until that second ends. So nothing is decided here: `AvatarEndpoint` says what is learned,
the service what may be shown, `View` in which words. A spelling that is learned lives with what is
held of its contact, and dies with it: erased, dropped or changed, it is unknown from the next
request on.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakValueDictionary, ref

from gateway.web.conditional import not_modified

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import Reason
    from gateway.model import Avatar, AvatarSpec, Canvas, ContactId, Rendition
    from gateway.renditions import Companion
    from gateway.telemetry import Telemetry
    from gateway.web.answers import Answer
    from gateway.web.views import View

MAX_LINE: Final = 1024
"""Bytes of a request line that is learned; one that is longer would cost more than it saves."""

MAX_LASTING: Final = 256
"""Spellings whose answers depend on no contact: forced fallbacks, and ids without pictures."""


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
    """The answers to one request line, good from `since` until `until` (Unix seconds)."""

    __slots__ = (
        "_avatar", "_body", "_head", "_rendition", "_tally", "_unmodified", "_view",
        "since", "until",
    )  # fmt: skip

    def __init__(
        self, view: View, avatar: Avatar, rendition: Rendition, tally: Tally, *, now: float
    ) -> None:
        self._view = view
        self._avatar = avatar
        self._rendition = rendition
        self._tally = tally
        self._head = wire(view.whole(avatar, rendition, now=now))
        self._body = rendition.body
        self._unmodified = b""
        self.since = now
        self.until = min(math.floor(now) + 1, avatar.standing.fresh_until, view.end)

    def whole(self) -> bytes:
        """Return head and body, and count that."""
        self._tally.whole += 1
        return self._head + self._body

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
        if not self._unmodified:
            answer = self._view.unmodified(self._avatar, self._rendition, now=self.since)
            self._unmodified = wire(answer)
        self._tally.unmodified += 1
        return self._unmodified


@dataclass(slots=True, weakref_slot=True, eq=False)
class Spelling:
    """One way to ask for a view, when somebody last did, and what was said."""

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
        self._said: list[ref[Spelling]] = []
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
        """Return the answers to `line` as they are now; None if the ordinary way must be gone."""
        # First: whoever was erased must not be found any more.
        self._place.heed()
        spelling = self._spellings.get(line)
        if spelling is None:
            return None
        ready, now = spelling.ready, self._clock()
        if ready is None or not ready.since <= now < ready.until:
            ready = self._renewed(spelling, now)
            if ready is None:
                self._forget(line)
        return ready

    def flush(self) -> None:
        """Tell of the answers given, and drop those whose second is over."""
        for tally in self._tallies.values():
            self._telemetry.answered(200, tally.reason, times=tally.whole)
            self._telemetry.answered(304, tally.reason, times=tally.unmodified)
            tally.whole = tally.unmodified = 0
        now, said = self._clock(), self._said
        self._said = []
        for each in said:
            spelling = each()
            if spelling is not None and spelling.ready is not None:
                if spelling.ready.until <= now:
                    spelling.ready = None
                else:
                    self._said.append(each)

    def _renewed(self, spelling: Spelling, now: float) -> Ready | None:
        """Ask for it as the ordinary way does, which also marks it as used."""
        view = spelling.view
        avatar = self._source.ready(view.contact, view.spec) if now < view.end else None
        if avatar is None or avatar.rendition is None:
            return None
        reason = avatar.standing.reason
        tally = self._tallies.setdefault(reason, Tally(reason))
        if spelling.ready is None:
            self._said.append(ref(spelling))
        spelling.ready = Ready(view, avatar, avatar.rendition, tally, now=now)
        spelling.used = now
        return spelling.ready

    def _forget(self, line: bytes) -> None:
        """A place that holds it still drops it with what it belongs to."""
        self._lasting.pop(line, None)
        self._spellings.pop(line, None)


def wire(answer: Answer) -> bytes:
    """Return the head of `answer` as the server writes it."""
    status = HTTPStatus(answer.status)
    fields = b"".join(name + b": " + value + b"\r\n" for name, value in answer.headers)
    return f"HTTP/1.1 {status} {status.phrase}\r\n".encode() + fields + b"\r\n"
