"""HTTP/1.1 under httpx's own extension point: one question at a time on a connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self

import httpx

from gateway.outbound.address import Endpoint
from gateway.outbound.exchange import NoAnswer, exchange
from gateway.outbound.pool import Pool

if TYPE_CHECKING:
    from gateway.outbound.connection import Connection
    from gateway.outbound.dialling import Dial
    from gateway.outbound.message import Head

_METHODS: Final = ("GET", "POST")
_PATIENCE: Final = 60.0


class Transport(httpx.AsyncBaseTransport):
    """Questions over connections that `dial` opens; `kept` wait `idle` seconds for another.

    A POST is a question too, with a short body that is in memory: put twice, it does no harm.

    How many are in use at a time, how long an answer may take and be, is the caller's to bound:
    cancelling is safe at any moment. The ``connect`` time-out of a request is the time for all
    attempts to connect. Raises what `dial` raises, or an `httpx.TransportError`.
    """

    def __init__(self, dial: Dial, *, kept: int = 8, idle: float = 15.0) -> None:
        self._dial = dial
        self._pool = Pool(size=kept, idle=idle)

    @property
    def resting(self) -> int:
        """How many connections wait for their next question."""
        return len(self._pool)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to `request` with a body to be read as it comes, then closed."""
        if request.method not in _METHODS:
            raise httpx.UnsupportedProtocol("only GET and POST are spoken here")
        endpoint = Endpoint.of(request.url)
        connection, head = await self._ask(endpoint, request)
        stream = _Stream(connection, head, endpoint, self._pool)
        return httpx.Response(head.status, headers=head.fields, stream=stream)

    async def aclose(self) -> None:
        """Close the connections that wait; those in use are their callers'."""
        self._pool.close()

    async def _ask(self, endpoint: Endpoint, request: httpx.Request) -> tuple[Connection, Head]:
        message = _written(request)
        kept = self._pool.take(endpoint)
        if kept is not None:
            try:
                return kept, await exchange(kept, message)
            except NoAnswer:
                pass  # closed while it waited: nobody has seen the question
        seconds = request.extensions.get("timeout", {}).get("connect") or _PATIENCE
        fresh = await self._dial(endpoint, until=time.monotonic() + seconds)
        return fresh, await exchange(fresh, message)


class _Stream(httpx.AsyncByteStream):
    """A body on its connection, which goes back to the pool only if nothing speaks against it."""

    def __init__(self, connection: Connection, head: Head, endpoint: Endpoint, pool: Pool) -> None:
        self._connection = connection
        self._head = head
        self._endpoint = endpoint
        self._pool = pool

    def __aiter__(self) -> Self:
        # Not a generator: one that is left half-way ends in a task of its own, later.
        return self

    async def __anext__(self) -> bytes:
        body, connection = self._head.body, self._connection
        while not body.done:
            content = body.take(connection.buffer)
            if content:
                return content
            if not body.done and not await connection.more():
                body.end()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        # Bytes after the answer belong to nobody: the next caller must not find them.
        if self._head.lasting and self._head.body.done and self._connection.rests:
            self._pool.keep(self._endpoint, self._connection)
        else:
            self._connection.abort()


def _written(request: httpx.Request) -> bytes:
    fields = b"".join(b"%s: %s\r\n" % field for field in request.headers.raw)
    if any(end in value for _, value in request.headers.raw for end in b"\r\n"):
        raise httpx.LocalProtocolError("a header has more than one line")
    first = b"%s %s HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)
    return first + fields + b"\r\n" + request.content
