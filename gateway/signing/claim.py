"""What a URL says, in the one spelling that is signed, and what it shows for it.

The message is ``/avatar/`` and the rest of the path, then, if there are any, ``?`` and the pairs of
the query in order. Parts of the path, names and values are percent-decoded once and encoded again,
all but letters, digits and ``-._~``; a ``+`` in the query is a space. ``sig`` is left out, and so
is every name that the gateway does not know: mail trackers add theirs. A name given twice stands
in the message twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes

from gateway.model import KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = b"/avatar/"

EXPIRED: Final = 0.0
"""The end of a URL whose ``exp`` is no number, or is given twice."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The `message`, every ``sig`` that came with it as it was spelt, and when it ends.

    `end` is in Unix seconds, infinity where there is no ``exp``. `made` says that the URL shows a
    signature or a piece of one, whether it is any good or not.
    """

    message: bytes = field(repr=False)
    signatures: tuple[bytes, ...] = field(repr=False)
    end: float
    made: bool

    @classmethod
    def of(cls, path: bytes, query: bytes) -> Claim:
        """Read `path`, which starts with ``/avatar/``, and `query` as they were sent."""
        message = "/avatar/" + "/".join(map(_respelt, path.removeprefix(PREFIX).split(b"/")))
        pairs: list[str] = []
        signatures: list[bytes] = []
        ends: list[str] = []
        for name, value in _pairs(query):
            if name == "sig":
                signatures.append(value)
                continue
            respelt = _respelt(value.replace(b"+", b" "))
            pairs.append(f"{name}={respelt}")
            if name == "exp":
                ends.append(respelt)
        if pairs:
            message += "?" + "&".join(sorted(pairs))
        return cls(message.encode(), tuple(signatures), _end(ends), bool(signatures or ends))


def _pairs(query: bytes) -> Iterator[tuple[str, bytes]]:
    """The pairs whose names are known; the values as they were sent."""
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        known = _respelt(name.replace(b"+", b" "))
        if known in KNOWN:
            yield known, value


def _respelt(text: bytes) -> str:
    """Decode `text` once, and encode all of it that is not unreserved (RFC 3986)."""
    return quote(unquote_to_bytes(text), safe="")


def _end(values: list[str]) -> float:
    if not values:
        return math.inf
    # A float reads as many digits as there are, which an int refuses to.
    return float(values[0]) if len(values) == 1 and values[0].isdigit() else EXPIRED
