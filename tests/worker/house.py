"""The worker's protocol on the test's own loop, over real sockets, under a clock that is moved."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from gunicorn.config import Config

from gateway.server import MAX_FIELD, MAX_FIELDS, MAX_REQUEST_LINE
from gateway.worker.connections import Connections
from gateway.worker.protocol import GuardedProtocol
from tests.fakes import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gateway.worker.shortcut import Shortcut


async def eventually(happened: Callable[[], object]) -> None:
    """Wait for what the kernel does when it likes."""
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


class FakeLog:
    """Notes what a worker says."""

    access_log_enabled = False

    def __init__(self) -> None:
        self.lines: list[str] = []

    def debug(self, text: str, *arguments: object) -> None:
        self.lines.append(text % arguments)

    info = warning = error = exception = debug


class FakeApp:
    """Answers every request with `size` bytes once `gate` is open, having read what it is told."""

    def __init__(self, size: int = 2) -> None:
        self.size = size
        self.reads = False
        self.silent = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        self.scopes.append(scope)
        self.entered.set()
        if self.reads:
            await self._read(receive)
        await self.gate.wait()
        if self.silent:
            return
        length = str(self.size).encode()
        headers = [(b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"a" * self.size})

    async def _read(self, receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        more, body = True, b""
        while more:
            message = await receive()
            more = message.get("more_body", False)
            body += message.get("body", b"")
        self.bodies.append(body)


class House:
    """What a connection needs of its worker."""

    def __init__(self, app: FakeApp, *, capacity: int = 100) -> None:
        self.cfg = Config()
        self.cfg.set("limit_request_line", MAX_REQUEST_LINE)
        self.cfg.set("limit_request_fields", MAX_FIELDS)
        self.cfg.set("limit_request_field_size", MAX_FIELD)
        self.cfg.set("pre_request", lambda _worker, _request: None)
        self.log = FakeLog()
        self.asgi: Callable[..., Awaitable[None]] = app
        self.state: dict[str, object] = {}
        self.loop = asyncio.get_running_loop()
        self.clock = Clock()
        self.connections = Connections(capacity=capacity, clock=self.clock)
        self.shortcut: Shortcut | None = None
        self.stopping = False
        self.alive = True
        self.nr = self.nr_conns = 0
        self.max_requests = sys.maxsize
        self.protocols: list[GuardedProtocol] = []
        self.port = 0

    def protocol(self) -> GuardedProtocol:
        made = GuardedProtocol(self)
        self.protocols.append(made)
        return made

    async def late(self, seconds: float) -> None:
        """Let `seconds` pass, and have everybody looked at."""
        self.clock.advance(seconds)
        self.connections.sweep()
        await asyncio.sleep(0)


class Wire:
    """One peer; its reads end after a while rather than never."""

    def __init__(self, own: socket.socket) -> None:
        self._own = own
        self._loop = asyncio.get_running_loop()

    async def say(self, data: bytes) -> None:
        async with asyncio.timeout(10):
            await self._loop.sock_sendall(self._own, data)

    async def hear(self, size: int = 65536) -> bytes:
        async with asyncio.timeout(10):
            return await self._loop.sock_recv(self._own, size)

    async def rest(self) -> bytes:
        """All that comes until the other side has said all."""
        heard = b""
        while more := await self.hear():
            heard += more
        return heard

    def shut(self) -> None:
        self._own.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._own.close()


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[Callable[..., Awaitable[Wire]]]:
    """Serve; yields what connects, with a receive buffer as small as it is told."""
    server = await house.loop.create_server(house.protocol, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    wires: list[Wire] = []

    async def connect(*, receives: int | None = None) -> Wire:
        own = socket.socket()
        if receives is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        own.setblocking(False)  # noqa: FBT003 - its only argument
        wires.append(Wire(own))
        known = len(house.protocols)
        await house.loop.sock_connect(own, address)
        await eventually(lambda: len(house.protocols) > known)
        await eventually(lambda: house.protocols[-1].transport)
        return wires[-1]

    try:
        yield connect
    finally:
        server.close()
        for connection in house.connections:
            connection.cut()
        for wire in wires:
            wire.close()
        await eventually(lambda: not house.nr_conns)
        await server.wait_closed()
