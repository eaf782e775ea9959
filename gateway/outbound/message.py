"""The grammar of an HTTP/1.1 answer, read strictly: RFC 9112 without its leniencies.

What two readers could frame differently is refused, and so is what has no end in sight: whoever
controls an upstream must not put words into another answer, or keep us reading. All errors are
`httpx.RemoteProtocolError`, and none repeats what came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from httpx import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_HEAD: Final = 32 * 1024
"""Most bytes of a head, interim answers counted."""

MAX_FIELDS: Final = 128
"""Most fields of a head."""

MAX_FRAMING: Final = 64 * 1024
"""Most bytes of a body that are chunk sizes and trailers, and no content."""

_MAX_LINE: Final = 4096
_BODILESS: Final = {204, 304}
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_FIELD: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")
_LENGTH: Final = re.compile(rb"[0-9]{1,20}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")


class Body(Protocol):
    """Cuts a body out of a connection's bytes."""

    @property
    def done(self) -> bool:
        """Whether the body has ended, by its own account."""

    def take(self, buffer: bytearray) -> bytes:
        """Take content off the front of `buffer`, and its framing; empty if more is needed."""

    def end(self) -> None:
        """Note that the peer has said all; raises if that cuts the body short."""


@dataclass(frozen=True, slots=True)
class Head:
    """An answer's head; `lasting` says that the connection may serve once more after the body."""

    status: int
    fields: Sequence[tuple[bytes, bytes]] = field(repr=False)
    lasting: bool
    body: Body

    @property
    def interim(self) -> bool:
        """Whether another answer follows (1xx)."""
        return self.status < 200  # noqa: PLR2004 - the first final status


def read_head(raw: bytes) -> Head:
    """Read a head without the empty line that ends it."""
    first, *lines = raw.split(b"\r\n")
    match = _STATUS.fullmatch(first)
    if match is None:
        raise RemoteProtocolError("the status line cannot be read")
    if len(lines) > MAX_FIELDS:
        raise RemoteProtocolError("the head has too many fields")
    fields = [_field(line) for line in lines]
    status, modern = int(match[2]), match[1] == b"1"
    if status == 101:  # noqa: PLR2004 - another protocol, which nobody asked for
        raise RemoteProtocolError("the connection was switched to another protocol")
    body = _body(status, fields, modern=modern)
    closes = b"close" in _tokens(fields, b"connection")
    return Head(status, fields, modern and not closes and not isinstance(body, Rest), body)


class Sized:
    """A body of a declared length."""

    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def done(self) -> bool:
        """Whether all of the length has been taken."""
        return self._left == 0

    def take(self, buffer: bytearray) -> bytes:
        """Take what is there of the length."""
        content = bytes(buffer[: self._left])
        del buffer[: self._left]
        self._left -= len(content)
        return content

    def end(self) -> None:
        """Raise: the rest of the length will not come."""
        raise RemoteProtocolError("the body was cut short")


class Rest:
    """A body that ends with the connection."""

    done = False

    def take(self, buffer: bytearray) -> bytes:
        """Take all there is."""
        content = bytes(buffer)
        buffer.clear()
        return content

    def end(self) -> None:
        """Note the end."""
        self.done = True


class Chunked:
    """A body in chunks; extensions and trailers are checked and dropped."""

    def __init__(self) -> None:
        self.done = False
        self._left = 0
        self._framing = 0
        self._expected = self._size

    def take(self, buffer: bytearray) -> bytes:
        """Take the content of what chunks are there, whole or not."""
        content = bytearray()
        while not self.done:
            if self._left:
                part = buffer[: self._left]
                if not part:
                    break
                del buffer[: self._left]
                self._left -= len(part)
                content += part
            elif (line := self._line(buffer)) is None:
                break
            else:
                self._expected(line)
        return bytes(content)

    def end(self) -> None:
        """Raise: the last chunk will not come."""
        raise RemoteProtocolError("the body was cut short")

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\r\n", 0, _MAX_LINE + 2)
        if end < 0:
            if len(buffer) > _MAX_LINE + 1:
                raise RemoteProtocolError("a line between chunks is too long")
            return None
        line = bytes(buffer[:end])
        del buffer[: end + 2]
        self._framing += end + 2
        if self._framing > MAX_FRAMING:
            raise RemoteProtocolError("the body is cut into too many chunks")
        return line

    def _size(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("a chunk's size cannot be read")
        self._left = int(match[1], 16)
        self._expected = self._end_of_chunk if self._left else self._trailer

    def _end_of_chunk(self, line: bytes) -> None:
        if line:
            raise RemoteProtocolError("a chunk is longer than it says")
        self._expected = self._size

    def _trailer(self, line: bytes) -> None:
        if line:
            _field(line)
        else:
            self.done = True


def _field(line: bytes) -> tuple[bytes, bytes]:
    # White space around the value is stripped and not matched: two greedy runs of it would take
    # quadratic time.
    match = _FIELD.fullmatch(line)
    if match is None:
        raise RemoteProtocolError("a header field cannot be read")
    return match[1], match[2].strip(b" \t")


def _body(status: int, fields: Sequence[tuple[bytes, bytes]], *, modern: bool) -> Body:
    """How the body ends (RFC 9112, 6.3); whatever is said twice or in two ways is refused."""
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        raise RemoteProtocolError("the body's length is told twice")
    if lengths and _LENGTH.fullmatch(lengths[0]) is None:
        raise RemoteProtocolError("the body's length is no number")
    if codings and (codings[0].lower() != b"chunked" or not modern):
        raise RemoteProtocolError("the body has a transfer coding that nobody asked for")
    if status in _BODILESS or status < 200:  # noqa: PLR2004 - interim answers have no body
        return Sized(0)
    if codings:
        return Chunked()
    return Sized(int(lengths[0])) if lengths else Rest()


def _tokens(fields: Sequence[tuple[bytes, bytes]], wanted: bytes) -> set[bytes]:
    found = b",".join(value for name, value in fields if name.lower() == wanted)
    return {token.strip(b" \t") for token in found.lower().split(b",")}
