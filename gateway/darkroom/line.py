"""A line to the child: a job goes over it, then what became of it comes back."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Self, cast

from gateway.darkroom.wire import ANSWER, LARGEST, LENGTH

if TYPE_CHECKING:
    from asyncio import Future, Transport


class Line(asyncio.BufferedProtocol):
    """One job at a time, and its answer read to where it stays.

    Whatever the child says unasked, or longer than any picture, ends the line; and so does who asks
    and leaves before the answer, since the next would take it for theirs.
    """

    def __init__(self) -> None:
        self._transport: Transport
        self._answer: Future[tuple[int, memoryview]] | None = None
        self._word = 0
        self._head = bytearray(ANSWER.size)
        self._body: memoryview | None = None
        self._rest = memoryview(self._head)

    @classmethod
    async def open(cls) -> tuple[Self, socket.socket]:
        """Return a line and the child's end of it; raises `OSError`."""
        ours, theirs = socket.socketpair()
        try:
            ours.settimeout(0)
            _, line = await asyncio.get_running_loop().create_unix_connection(cls, sock=ours)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        return line, theirs

    async def ask(self, job: bytes) -> tuple[int, memoryview]:
        """Return a `Word` and what came with it; raises `EOFError` if the line ends."""
        if self._transport.is_closing():
            raise EOFError
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.writelines((LENGTH.pack(len(job)), job))
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """End it; whoever waits for an answer hears so. Again does nothing."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        del exc
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(EOFError())

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the place of what is still to come of a head or a body."""
        del sizehint
        return self._rest

    def buffer_updated(self, nbytes: int) -> None:
        """Go on to the body, or hand it over."""
        self._rest = self._rest[nbytes:]
        answer = self._answer
        if answer is None or answer.done():
            self._end()
            return
        if not self._rest and self._body is None:
            self._word, length = ANSWER.unpack(self._head)
            if length > LARGEST:
                self._end()
                return
            self._rest = self._body = memoryview(bytearray(length))
        if not self._rest and self._body is not None:
            answer.set_result((self._word, self._body))
            self._answer = self._body = None
            self._rest = memoryview(self._head)

    def _end(self) -> None:
        """Take no more; what still comes goes nowhere."""
        self._rest = memoryview(self._head)
        self.close()
