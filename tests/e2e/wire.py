"""Bytes over a socket, for what no HTTP client would send."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


def exchange(url: str, request: bytes, *, half_close: bool = False) -> bytes:
    """Send `request` and return all that comes back until the server closes.

    `half_close` says at once that no more will be sent.
    """
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30) as wire:
        wire.sendall(request)
        if half_close:
            wire.shutdown(socket.SHUT_WR)
        received = bytearray()
        while chunk := wire.recv(65536):
            received += chunk
    return bytes(received)


class Viewer:
    """One connection of a viewer who has asked and waits."""

    def __init__(
        self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.url = url
        self._reader = reader
        self._writer = writer

    @classmethod
    async def ask(cls, url: str, target: str, *, connection: str = "close") -> Viewer:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        fields = f"Host: x\r\nConnection: {connection}\r\n"
        writer.write(f"GET {target} HTTP/1.1\r\n{fields}\r\n".encode())
        await writer.drain()
        return cls(url, reader, writer)

    @property
    def port(self) -> int:
        """The viewer's own end of the connection."""
        port: int = self._writer.get_extra_info("sockname")[1]
        return port

    async def answer(self) -> bytes:
        """All of the answer: head and body."""
        data = await self._reader.read()
        await self.leave()
        return data

    async def leave(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@dataclass(frozen=True)
class Received:
    """One answer, as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


def answers(data: bytes, *, heads: frozenset[int] = frozenset()) -> list[Received]:
    """Split `data` into answers; those at the places in `heads` answer HEAD and have no body."""
    found: list[Received] = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, head
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (f.partition(": ") for f in fields)}
        status = int(line.split()[1])
        bodiless = len(found) in heads or status in {100, 304}
        length = 0 if bodiless else int(headers["content-length"])
        assert len(data) >= length
        found.append(Received(status, headers, data[:length]))
        data = data[length:]
    return found
