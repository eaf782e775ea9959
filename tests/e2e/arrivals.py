"""A viewer's connection that knows when an answer came, and not when its viewer had time to look.

Viewers stand for other machines. Here they share one with what they look at: who waits for the
processor behind the gateway, after the answer was sent, would count that as the gateway's. So the
kernel's word is taken: it notes when each packet arrives. For the first connection in a while it
begins to do so a little late; what it has no word on came, at the latest, when it was looked at.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Final, Self

TIMESTAMPNS: Final = 35
"""SO_TIMESTAMPNS of Linux, which Python has no name for; also what each time is labelled with."""

TIME: Final = struct.Struct("@qq")  # seconds and nanoseconds since 1970


class Wire:
    """One connection; one request at a time."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    @classmethod
    async def open(cls, address: tuple[str, int]) -> Self:
        """Connect; raises `OSError`."""
        end = socket.socket()
        try:
            end.settimeout(0)
            end.setsockopt(socket.SOL_SOCKET, TIMESTAMPNS, 1)
            await asyncio.get_running_loop().sock_connect(end, address)
        except BaseException:
            end.close()
            raise
        return cls(end)

    def close(self) -> None:
        """Close it; again does nothing."""
        self._end.close()

    def has_ended(self) -> bool:
        """Whether the other side has closed it."""
        try:
            return not self._end.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    async def ask(self, request: bytes) -> tuple[str, float]:
        """Return the head of the answer, and seconds until its last byte came.

        Raises `OSError`, and `EOFError` if the answer is not whole.
        """
        loop = asyncio.get_running_loop()
        began = time.time()
        await loop.sock_sendall(self._end, request)
        received, came = bytearray(), began
        while not (head := bytes(received).partition(b"\r\n\r\n"))[1]:
            came = await self._receive(received)
        said = head[0].decode("latin-1").lower()
        length = int(said.partition("content-length: ")[2].partition("\r\n")[0])
        while len(received) < len(head[0]) + 4 + length:
            came = await self._receive(received)
        return said, came - began

    async def _receive(self, received: bytearray) -> float:
        """Add what has come, or comes next, to `received`; when the last of it came."""
        while True:
            try:
                data, said, *_ = self._end.recvmsg(2**20, socket.CMSG_SPACE(TIME.size))
                break
            except BlockingIOError:
                await self._readable()
        if not data:
            raise EOFError
        received += data
        for _, label, when in said:
            if label == TIMESTAMPNS:
                seconds, nanoseconds = TIME.unpack(when)
                return float(seconds + nanoseconds / 1e9)
        return time.time()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._end, _tell, ready)
        try:
            await ready
        finally:
            loop.remove_reader(self._end)


def _tell(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
