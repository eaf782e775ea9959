"""One exchange on a connection: a question, and the head of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from gateway.outbound.message import MAX_HEAD, read_head

if TYPE_CHECKING:
    from gateway.outbound.connection import Connection
    from gateway.outbound.message import Head

_MAX_INTERIM: Final = 8


class NoAnswer(httpx.RemoteProtocolError):
    """The peer was gone before it had said anything."""


async def exchange(connection: Connection, message: bytes) -> Head:
    """Ask, and return the head of the answer; on any error the connection is closed."""
    try:
        connection.ask(message)
        return await _final_head(connection)
    except BaseException:
        connection.abort()
        raise


async def _final_head(connection: Connection) -> Head:
    room = MAX_HEAD
    for _ in range(_MAX_INTERIM + 1):
        raw = await _raw_head(connection, room)
        head = read_head(raw)
        if not head.interim:
            return head
        room -= len(raw)
    raise httpx.RemoteProtocolError("too many interim answers")


async def _raw_head(connection: Connection, room: int) -> bytes:
    """Take a head of at most `room` bytes off the connection."""
    buffer, seen = connection.buffer, 0
    while (end := buffer.find(b"\r\n\r\n", seen, room + 4)) < 0:
        if len(buffer) >= room + 4:
            raise httpx.RemoteProtocolError("the head is larger than we take")
        seen = max(len(buffer) - 3, 0)
        await _more(connection)
    raw = bytes(buffer[:end])
    del buffer[: end + 4]
    return raw


async def _more(connection: Connection) -> None:
    """Wait for more of a head; raises `NoAnswer` if nothing of it has come and nothing will."""
    try:
        if await connection.more():
            return
    except httpx.ReadError:
        if connection.answered:
            raise
    if connection.answered:
        raise httpx.RemoteProtocolError("the head was cut short")
    raise NoAnswer("the peer was gone before it answered")
