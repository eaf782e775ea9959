"""Connections that wait for their next question."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from gateway.outbound.address import Endpoint
    from gateway.outbound.connection import Connection


class Pool:
    """At most `size` connections, each for at most `idle` seconds; the oldest goes first."""

    def __init__(self, *, size: int, idle: float) -> None:
        self._size = size
        self._idle = idle
        self._resting: dict[Connection, tuple[Endpoint, TimerHandle]] = {}

    def __len__(self) -> int:
        return len(self._resting)

    def take(self, endpoint: Endpoint) -> Connection | None:
        """Hand out the youngest connection to `endpoint` that is still there; None without one."""
        for connection in reversed([c for c, (end, _) in self._resting.items() if end == endpoint]):
            self._forget(connection)
            if connection.rests:
                return connection
            connection.abort()
        return None

    def keep(self, endpoint: Endpoint, connection: Connection) -> None:
        """Keep `connection`, whose last answer was read to its end."""
        connection.rest()
        timer = asyncio.get_running_loop().call_later(self._idle, self._drop, connection)
        self._resting[connection] = (endpoint, timer)
        if len(self._resting) > self._size:
            self._drop(next(iter(self._resting)))

    def close(self) -> None:
        """Close all, and whatever would be kept from now on."""
        self._size = 0
        for connection in list(self._resting):
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._forget(connection)
        connection.abort()

    def _forget(self, connection: Connection) -> None:
        self._resting.pop(connection)[1].cancel()
