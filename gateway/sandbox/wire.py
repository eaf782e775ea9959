"""HTTP/1.1 by hand: requests are read strictly, answers may be as wrong as a scenario wants.

A server library would repair or refuse most of what the sandbox has to send: cut bodies, wrong
lengths, garbage status lines, headers that drip. So a connection is a `Line` with raw bytes.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["HEAD_LIMIT", "BadRequest", "ClientLeft", "Line", "Reply", "Request"]

HEAD_LIMIT: Final = 65_536
BODY_LIMIT: Final = 1_048_576

_REQUEST_LINE = re.compile(rb"([A-Z]{3,10}) (/[!-~]*) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([ -~\t\x80-\xff]*?)[ \t]*")
_LENGTH = re.compile(r"[0-9]{1,9}")


class BadRequest(Exception):
    """What arrived is no HTTP/1.1 request that we take; the message says why."""


class ClientLeft(Exception):
    """The client closed the connection before its answer was complete."""


@dataclass(frozen=True)
class Request:
    """One request; `headers` has lower-case names, a name given twice keeps its last value."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    keep_alive: bool = True

    @cached_property
    def path(self) -> str:
        """The path, percent-decoded once."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def raw_query(self) -> str:
        """The query exactly as it was sent."""
        return self.target.partition("?")[2]

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded; the last one wins."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """A well-formed answer; `Content-Length` and `Connection` are added when it is sent."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def head(self, *, length: int | None = None, keep_alive: bool = False) -> bytes:
        """The status line and headers; another `length` than the body's is a lie on purpose."""
        phrase = HTTPStatus(self.status).phrase
        lines = [f"HTTP/1.1 {self.status} {phrase}", f"Content-Type: {self.content_type}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(self.body) if length is None else length}")
        lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@lru_cache(maxsize=2048)
def _field(line: bytes) -> tuple[str, str]:
    """One header line; cached, so that recorded calls share their strings."""
    match = _FIELD.fullmatch(line)
    if match is None:
        raise BadRequest("a header line is malformed")
    return match[1].decode().lower(), match[2].decode("latin-1")


def _parse_head(head: bytes) -> tuple[Request, int]:
    """The request of a head (without its empty line) and the length of the body to come."""
    first, *lines = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise BadRequest("the request line is malformed")
    headers = dict(map(_field, lines))
    newest = match[3] == b"1"
    if newest and "host" not in headers:
        raise BadRequest("the Host header is missing")
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not _LENGTH.fullmatch(length):
        raise BadRequest("a body needs a plain Content-Length")
    if int(length) > BODY_LIMIT:
        raise BadRequest("the body is too long")
    keep_alive = newest and headers.get("connection", "").lower() != "close"
    request = Request(match[1].decode(), match[2].decode(), headers, keep_alive=keep_alive)
    return request, int(length)


class Line:
    """One connection, seen from the server: read requests, send bytes, notice who left."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over both directions; whoever made the streams closes them."""
        self._reader = reader
        self._writer = writer

    @property
    def peer(self) -> str:
        """The client's address, without its port."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else ""

    async def read(self) -> Request | None:
        """The next request, or None when the client closed between two; or `BadRequest`."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as error:
            raise BadRequest("the head is too long") from error
        request, length = _parse_head(head[:-4])
        if not length:
            return request
        try:
            body = await self._reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return None
        return Request(
            request.method, request.target, request.headers, body, keep_alive=request.keep_alive
        )

    async def send(self, data: bytes) -> None:
        """Write and wait until the client has taken most of it; `ConnectionError` if it left."""
        self._writer.write(data)
        await self._writer.drain()

    async def reply(self, reply: Reply, *, keep_alive: bool = False) -> None:
        """Send one well-formed answer."""
        await self.send(reply.head(keep_alive=keep_alive) + reply.body)

    def reset(self) -> None:
        """End the connection with a TCP reset, the way a crashed server does."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def gone(self) -> None:
        """Return when the client has closed. Nothing is pipelined: what it still says is lost."""
        with suppress(ConnectionError):
            while await self._reader.read(HEAD_LIMIT):
                pass

    async def unless_gone(self, work: Awaitable[object]) -> None:
        """Wait for `work`, but raise `ClientLeft` (and cancel it) as soon as the client closes."""
        wanted = asyncio.ensure_future(work)
        left = asyncio.ensure_future(self.gone())
        try:
            await asyncio.wait({wanted, left}, return_when=asyncio.FIRST_COMPLETED)
            if not wanted.done():
                raise ClientLeft
            wanted.result()
        finally:
            left.cancel()
            wanted.cancel()
            await asyncio.gather(left, wanted, return_exceptions=True)

    async def pause(self, seconds: float) -> None:
        """Let real time pass; `ClientLeft` if the client does not wait that long."""
        if seconds > 0:
            await self.unless_gone(asyncio.sleep(seconds))
