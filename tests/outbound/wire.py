"""Servers of this room's tests: what they say, byte by byte, in clear or over TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from tests.fakes import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import trustme

    from tests.fakes import Talk, WireServer

LIMIT: Final = 64 * 1024


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def saying(raw: bytes, *, hang_up: bool = True) -> Talk:
    """Answer with these very bytes, then close or fall silent."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if hang_up:
            writer.close()

    return talk


def dripping(head: bytes, drop: bytes) -> Talk:
    """Say `head`, then `drop` again and again, slowly and for ever."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return talk


def flooding(head: bytes, flood: bytes = b"x" * 65_536) -> Talk:
    """Say `head`, then `flood` again and again, as much as anybody takes."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(flood)
            await writer.drain()

    return talk


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Say nothing until the client is gone."""
    await reader.read()


def resetting(begin: bytes) -> Talk:
    """Say `begin`, then drop the connection without a goodbye."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        await writer.drain()
        await asyncio.sleep(0.05)  # a reset overtakes what the client has not read yet
        wire = writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return talk


async def hung_up(closed: asyncio.Event) -> None:
    """Wait until the server has seen the client go."""
    async with asyncio.timeout(20):
        await closed.wait()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context that trusts `authority` too."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@asynccontextmanager
async def serving_tls(
    talk: Talk, identity: trustme.LeafCert, names: list[str | None] | None = None
) -> AsyncIterator[WireServer]:
    """Serve over TLS as `identity`; the names it is asked for are added to `names`."""
    asked = [] if names is None else names
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    identity.configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with serving(talk, context) as server:
        yield server
