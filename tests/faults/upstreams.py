"""Upstreams that misbehave: the sandbox playing a part, and places where no HTTP is spoken."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import trustme

from gateway.sandbox import Sandbox
from tests.faults.stage import CONTACT, asked, behind
from tests.processes import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

PICTURE: Final = "/v2/contacts/profile-picture"
SESSION: Final = "/v2/session/info"
PHOTO: Final = "/v/t61.24694-24/1_2_3_n.jpg"


@dataclass(frozen=True, slots=True)
class Opened:
    """An upstream that runs, and the settings of a gateway before it.

    `calls` counts what reached it: picture queries, downloads, session probes.
    """

    settings: dict[str, str]
    calls: Callable[[], tuple[int, int, int]]


class Upstream(Protocol):
    """Something to stand before."""

    def opened(self) -> AbstractAsyncContextManager[Opened]:
        """Run it."""


@dataclass(frozen=True, slots=True)
class Plays:
    """The sandbox, with scenarios for the contact on either side.

    `session` is the status of the WhatsApp session, `wait` the seconds before it is told in
    place of a picture; `times` ends the part on the CDN's side. `origins` are those allowed, if
    not the sandbox itself.
    """

    api: str | None = None
    cdn: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    session: str = "WORKING"
    wait: float = 0.0
    times: int | None = None
    origins: str = ""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Opened]:
        async with Sandbox() as sandbox:
            sandbox.set_session(self.session, wait=self.wait)
            if self.api or self.cdn:
                sandbox.set_contact(
                    CONTACT, api=self.api, cdn=self.cdn, params=self.params, times=self.times
                )
            allowed = {"GATEWAY_CDN_ORIGINS": self.origins} if self.origins else {}
            yield Opened(
                behind(sandbox.base_url, **allowed),
                lambda: (*asked(sandbox), sandbox.count("session")),
            )


@dataclass(frozen=True, slots=True)
class DeadApi:
    """An API that is not one: `place` tells where; what reaches it as a request is counted."""

    place: Callable[[], AbstractAsyncContextManager[Place]]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Opened]:
        async with self.place() as place:
            settings = behind(place.url, GATEWAY_CDN_ORIGINS="https://*.whatsapp.net")
            yield Opened(settings, lambda: (place.count(PICTURE), 0, place.count(SESSION)))


@dataclass(frozen=True, slots=True)
class DeadCdn:
    """A sandbox whose API sends everybody to a CDN that is not one."""

    place: Callable[[], AbstractAsyncContextManager[Place]]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Opened]:
        async with self.place() as place, Sandbox() as sandbox:
            sandbox.set_contact(CONTACT, api=f"url:{place.url}{PHOTO}?oh=01_x")
            yield Opened(
                behind(sandbox.base_url, GATEWAY_CDN_ORIGINS=place.url),
                lambda: (sandbox.count("picture"), place.count(PHOTO), sandbox.count("session")),
            )


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere on loopback, and the requests that were understood there."""

    url: str
    requests: list[bytes] = field(default_factory=list)

    def count(self, path: str) -> int:
        """How many asked for `path`, or for something below it."""
        return sum(f" {path}".encode() in head for head in self.requests)


@asynccontextmanager
async def unknown_name() -> AsyncIterator[Place]:
    """A name that no resolver knows."""
    yield Place("http://wawp.invalid")


@asynccontextmanager
async def refusing() -> AsyncIterator[Place]:
    """A port that is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield Place(f"http://{HOST}:{taken.getsockname()[1]}")


@asynccontextmanager
async def overrun() -> AsyncIterator[Place]:
    """A listener whose queue is full, so that no connection comes about."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((HOST, 0))
        listener.listen(0)
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.settimeout(0)
            with suppress(BlockingIOError):
                caller.connect(listener.getsockname())
        yield Place(f"http://{HOST}:{listener.getsockname()[1]}")


@asynccontextmanager
async def silent() -> AsyncIterator[Place]:
    """A server that takes requests and says nothing."""
    async with _listening() as place:
        yield place


TODAY: Final = datetime.now(UTC)
LONG_AGO: Final = TODAY - timedelta(days=9)
YESTERDAY: Final = TODAY - timedelta(days=1)


def _signed(*names: str, until: datetime | None = None) -> ssl.SSLContext:
    """A server's context with a certificate for `names` from an authority made for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = trustme.CA().issue_cert(*names, not_before=LONG_AGO, not_after=until)
    leaf.configure_cert(context)
    return context


def _self_signed() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    with authority.private_key_pem.tempfile() as key, authority.cert_pem.tempfile() as cert:
        context.load_cert_chain(cert, key)
    return context


def expired() -> AbstractAsyncContextManager[Place]:
    return _listening(_signed(HOST, until=YESTERDAY))


def wrong_host() -> AbstractAsyncContextManager[Place]:
    return _listening(_signed("pictures.example"))


def self_signed() -> AbstractAsyncContextManager[Place]:
    return _listening(_self_signed())


def foreign_authority() -> AbstractAsyncContextManager[Place]:
    return _listening(_signed(HOST))


@asynccontextmanager
async def _listening(context: ssl.SSLContext | None = None) -> AsyncIterator[Place]:
    """Take requests and never answer."""
    requests: list[bytes] = []
    talks: set[asyncio.Task[None]] = set()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                head = await reader.readuntil(b"\r\n\r\n")
                requests.append(head)
                await reader.read()
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(listen(reader, writer))
        talks.add(talk)
        talk.add_done_callback(talks.discard)

    server = await asyncio.start_server(accept, HOST, 0, ssl=context)
    scheme = "https" if context else "http"
    try:
        yield Place(f"{scheme}://{HOST}:{server.sockets[0].getsockname()[1]}", requests)
    finally:
        server.close()
        for talk in list(talks):
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)
