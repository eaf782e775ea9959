"""One connection: bytes out, bytes in, never more in memory than a little."""

from __future__ import annotations

import asyncio
import select
import ssl
from typing import TYPE_CHECKING, Final, cast

import httpx

if TYPE_CHECKING:
    from asyncio import Future, Transport

_ROOM: Final = 64 * 1024


class Connection(asyncio.BufferedProtocol):
    """A peer that speaks only when it is asked.

    `buffer` holds what came and was not taken yet; beyond 64 KiB of it nothing more is read from
    the socket. A byte that nobody asked for ends the connection: it would be read as the answer
    to the next question, and one contact would get another's picture.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._room = memoryview(bytearray(_ROOM))
        self._transport: Transport
        self._asked = False
        self._answered = False
        self._paused = False
        self._ended = False
        self._lost = False
        self._waiter: Future[None] | None = None

    @property
    def answered(self) -> bool:
        """Whether any byte has come since the last question."""
        return self._answered

    @property
    def rests(self) -> bool:
        """Whether the peer is there, and silent."""
        gone = self._ended or self._lost or self._transport.is_closing()
        return not (gone or self.buffer or self._readable())

    def ask(self, request: bytes) -> None:
        """Send `request`; from now on the peer may speak."""
        self._asked, self._answered = True, False
        self._transport.write(request)

    async def more(self) -> bool:
        """Wait until `buffer` has grown; False if the peer has said all.

        Raises `httpx.ReadError` if the connection was lost. One caller at a time.
        """
        before = len(self.buffer)
        if not self._ended and not self._lost:
            self._resume()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if len(self.buffer) > before:
            return True
        if not self._ended:
            raise httpx.ReadError("the connection was lost")
        return False

    async def secure(self, tls: ssl.SSLContext, name: str) -> None:
        """Go on over TLS with a peer that proves to be `name`; raises `OSError`."""
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(self._transport, self, tls, server_hostname=name)
        if secured is None:
            raise ConnectionAbortedError
        self._transport = secured

    def rest(self) -> None:
        """Take back the right to speak: the answer has been read to its end."""
        self._asked = False

    def abort(self) -> None:
        """Close at once; nothing is drained and nobody is waited for."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the room for the next bytes."""
        del sizehint
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Take the next bytes in, or hang up on who speaks out of turn."""
        if not self._asked:
            self._ended = True
            self.abort()
            return
        self._answered = True
        self.buffer += self._room[:nbytes]
        if len(self.buffer) >= _ROOM and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Note that the peer has said all; the transport closes itself."""
        self._ended = self._parted()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end. Without a goodbye before it, it is a loss, whatever `exc` says."""
        del exc
        self._lost = True
        self._wake()

    def _parted(self) -> bool:
        """Whether the end comes from the peer: the standard loop takes TCP's for that of TLS."""
        secure = self._transport.get_extra_info("ssl_object")
        try:
            return secure is None or not secure.read(1)
        except ssl.SSLError:
            return False

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _readable(self) -> bool:
        """Whether bytes or an end lie in the socket that the loop has not seen yet."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))
