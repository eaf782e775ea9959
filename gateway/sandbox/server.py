"""The sandbox as a server: one port on loopback for the API, the CDN, the levers and a page."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from gateway.sandbox import api, cdn, control, page
from gateway.sandbox.gallery import Gallery
from gateway.sandbox.scenarios import API, CDN
from gateway.sandbox.wire import HEAD_LIMIT, BadRequest, ClientLeft, Line, Reply
from gateway.sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gateway.sandbox.wire import Request

__all__ = ["Sandbox", "run"]

FIVE_DAYS: Final = 5 * 86_400.0
BACKLOG: Final = 2_048
DESCRIPTORS: Final = 8_192
IPV4: Final = 4


class Sandbox(World):
    """A world that can be reached over HTTP for as long as the `async with` lasts.

    Its methods are the same levers as the control API under `/_sandbox/`; they belong to the
    event loop that entered the sandbox. `OSError` on entering if the port is taken.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        url_life: float = FIVE_DAYS,
        clock: Callable[[], float] = time.time,
        gateway_url: str | None = None,
    ) -> None:
        """Port 0 takes any free one; the page at `/` shows its pictures through `gateway_url`."""
        super().__init__(scenarios={"api": API, "cdn": CDN}, url_life=url_life, clock=clock)
        self._host = host
        self._port = port
        self._gateway_url = gateway_url
        self._gallery = Gallery()
        self._talks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Start to listen."""
        self._server = await asyncio.start_server(
            self._accept, self._host, self._port, limit=HEAD_LIMIT, backlog=BACKLOG
        )
        self.base_url = _url_of(*self._server.sockets[0].getsockname()[:2])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection, whatever it was doing."""
        if self._server is not None:
            self._server.close()
            while self._talks:
                for talk in self._talks:
                    talk.cancel()
                await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()
        self._gallery.close()
        # An aborted transport closes its socket in the next turn of the loop.
        await asyncio.sleep(0)

    async def serve_forever(self) -> None:
        """Wait until cancelled; connections are served meanwhile and before."""
        await asyncio.Event().wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first request to its end."""
        try:
            with suppress(ConnectionError, ClientLeft):
                await self._answer_all(Line(reader, writer))
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _answer_all(self, line: Line) -> None:
        keep_alive = True
        while keep_alive:
            try:
                request = await line.read()
            except BadRequest as problem:
                await line.reply(Reply(400, f"{problem}\n".encode(), "text/plain"))
                return
            if request is None:
                return
            reply = await self._answer(request, line)
            if reply is None:
                return
            keep_alive = request.keep_alive
            await line.reply(reply, keep_alive=keep_alive)

    async def _answer(self, request: Request, line: Line) -> Reply | None:
        path = request.path
        if path.startswith(control.PREFIX):
            return await control.answer(request, line, self)
        method = api.method_of(path)
        if request.method != (method or "GET"):
            allow = (("Allow", method or "GET"),)
            return Reply(405, b"Method Not Allowed\n", "text/plain", allow)
        if path.startswith(cdn.PREFIXES):
            return await cdn.answer(request, line, self, self._gallery)
        if method is not None:
            return await api.answer(request, line, self)
        if path == "/":
            body = page.render(self._gateway_url, self.base_url).encode()
            return Reply(200, body, "text/html; charset=utf-8", page.HEADERS)
        return Reply(404, b"Not Found\n", "text/plain")


def run(
    host: str,
    port: int,
    gateway_url: str | None,
    *,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then return; `OSError` if the port is taken.

    `ready` is called once with the base URL as soon as connections are taken.
    """
    _allow_descriptors()
    asyncio.run(_run(host, port, gateway_url, ready))


def _allow_descriptors() -> None:
    """Raise the soft limit: many systems start at 1,024 or fewer, and each client takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _url_of(host: str, port: int) -> str:
    """The URL under which this machine reaches a listening address."""
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        # Listening everywhere is no address to go to; loopback is one of the places meant.
        host = "127.0.0.1" if address.version == IPV4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _run(
    host: str, port: int, gateway_url: str | None, ready: Callable[[str], None] | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Sandbox(host=host, port=port, gateway_url=gateway_url) as sandbox:
        if ready is not None:
            ready(sandbox.base_url)
        await stop.wait()
