"""An answer as bytes, said anew when what it says has passed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.web.conditional import not_modified
from gateway.web.headers import representation

if TYPE_CHECKING:
    from gateway.errors import Reason
    from gateway.model import Avatar, Rendition
    from gateway.web.headers import Headers
    from gateway.web.views import View

OFTEN: Final = 16
"""How often an answer must be asked for in its moment to be held in one piece: a crowd of viewers
then shares it, and the memory of those that nobody crowds around is spared."""

OK: Final = b"HTTP/1.1 200 OK\r\n"
NOT_MODIFIED: Final = b"HTTP/1.1 304 Not Modified\r\n"


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


def written(headers: Headers) -> bytes:
    """Return `headers` as the server writes them."""
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers)
