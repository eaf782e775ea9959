"""Bytes over a socket, for what no HTTP client would send."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit


def exchange(url: str, request: bytes) -> bytes:
    """Send `request` and return all that comes back until the server closes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30) as wire:
        wire.sendall(request)
        received = bytearray()
        while chunk := wire.recv(65536):
            received += chunk
    return bytes(received)


class Viewer:
    """One connection of a viewer who has asked and waits."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def ask(cls, url: str, target: str) -> Viewer:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        return cls(reader, writer)

    async def answer(self) -> bytes:
        """All of the answer: head and body."""
        data = await self._reader.read()
        await self.leave()
        return data

    async def leave(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
