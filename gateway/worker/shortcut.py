"""The short cut: whole requests for what is known, answered before anything is parsed.

It takes no part in HTTP beyond the plainest request there is: one GET or HEAD in one piece, in
HTTP/1.1, with one good Host, no body and nothing that changes how the connection goes on. Whatever
else comes is left to the ordinary way, untouched. It knows nothing of the connection either:
`gateway.worker.protocol` asks it only where a request may begin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.worker.grammar import is_authority

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FIELDS: Final = 64
"""Fields of a request; more are refused, and not here."""

MAX_BLOCK: Final = 4096
"""Bytes of all fields together; browsers send about 700."""

MAX_REMEMBERED: Final = 512
"""Blocks of fields that are known to be good: a client repeats its own to the byte."""

_BLOCK: Final = re.compile(rb"\r\n(?:[A-Za-z0-9!#$%&'*+.^`|~-]+:[\t\x20-\x7e]*\r\n)*\r\n")

_ELSEWHERE: Final = frozenset(
    (b"content-length", b"transfer-encoding", b"content-type", b"te", b"trailer", b"expect",
     b"upgrade", b"http2-settings", b"authorization")
)  # fmt: skip
"""Fields of requests that have a body or want another protocol, and of who may be told more."""


class Ready(Protocol):
    """The answers to one request line."""

    def whole(self) -> bytes:
        """Return head and body."""

    def head(self) -> bytes:
        """Return the head alone."""

    def unmodified(self, *, if_none_match: str, if_modified_since: str) -> bytes | None:
        """Return what to say if the client holds the picture; None if it does not."""


class Table(Protocol):
    """What is known; the application's part."""

    def get(self, line: bytes) -> Ready | None:
        """Return the answers to the request line `line`, which is one of GET."""

    def flush(self) -> int:
        """Settle accounts; called every second. Return how many answers they are about."""


@dataclass(frozen=True, slots=True)
class _Conditions:
    """On what the request depends: both texts are empty if it depends on nothing."""

    if_none_match: str = ""
    if_modified_since: str = ""


_NONE: Final = _Conditions()


class Shortcut:
    """Answers from `table`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._blocks: dict[bytes, _Conditions] = {}

    def __call__(self, data: bytes) -> bytes | None:
        """Return the answer to `data`, if that is one request and its answer is known."""
        end = data.find(b"\r\n")
        line, block = data[:end], data[end:]
        bodiless = line.startswith(b"HEAD ")
        ready = self._table.get(b"GET" + line[4:] if bodiless else line)
        if ready is None:
            return None
        conditions = self._blocks.get(block)
        if conditions is None:
            conditions = self._read(block)
            if conditions is None:
                return None
        if conditions is not _NONE:
            unmodified = ready.unmodified(
                if_none_match=conditions.if_none_match,
                if_modified_since=conditions.if_modified_since,
            )
            if unmodified is not None:
                return unmodified
        return ready.head() if bodiless else ready.whole()

    def flush(self) -> int:
        """Settle accounts; return how many answers there were since the last time."""
        return self._table.flush()

    def _read(self, block: bytes) -> _Conditions | None:
        """Judge a block of fields and remember it; None if it is not for the short cut."""
        conditions = _conditions(block)
        if conditions is not None:
            if len(self._blocks) >= MAX_REMEMBERED:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[block] = conditions
        return conditions


def _conditions(block: bytes) -> _Conditions | None:
    if len(block) > MAX_BLOCK or _BLOCK.fullmatch(block) is None:
        return None
    fields = [
        (name.lower(), value.strip(b" \t"))
        for name, _, value in (line.partition(b":") for line in block.split(b"\r\n")[1:-2])
    ]
    if len(fields) > MAX_FIELDS or not _is_plain(fields):
        return None
    found = _Conditions(_all(fields, b"if-none-match"), _all(fields, b"if-modified-since"))
    return _NONE if found == _NONE else found


def _is_plain(fields: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether these ask for nothing but an answer, and for no end after it."""
    hosts = [value for name, value in fields if name == b"host"]
    wanted = {value.lower() for name, value in fields if name == b"connection"}
    return (
        len(hosts) == 1
        and is_authority(hosts[0])
        and wanted <= {b"keep-alive"}
        and not any(name in _ELSEWHERE for name, _ in fields)
    )


def _all(fields: Sequence[tuple[bytes, bytes]], name: bytes) -> str:
    """All values of the field `name`, as the application joins them."""
    return ", ".join(value.decode("ascii") for key, value in fields if key == name)
