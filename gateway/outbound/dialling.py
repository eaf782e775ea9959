"""From an endpoint to an open connection: names, judgement, TCP, TLS."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import httpx

from gateway.outbound.address import interleaved, literal
from gateway.outbound.connection import Connection

if TYPE_CHECKING:
    import ssl

    from gateway.outbound.address import Address, AddressGuard, Endpoint
    from gateway.outbound.names import Names

MAX_ATTEMPTS: Final = 8
"""Most addresses of a name that are tried."""


class Connect(Protocol):
    """Opens a connection to an address; raises `OSError`."""

    async def __call__(
        self, address: Address, port: int, *, tls: ssl.SSLContext | None, name: str
    ) -> Connection:
        """Connect; over TLS, if `tls` is given, with a peer that proves to be `name`."""


class Dial(Protocol):
    """Opens a connection to whoever is asked."""

    async def __call__(self, endpoint: Endpoint, *, until: float) -> Connection:
        """Return a connection to `endpoint`, open by `until` (`time.monotonic`)."""


def tls_context() -> ssl.SSLContext:
    """Certificates are verified as httpx does: against certifi, or ``SSL_CERT_FILE`` and ``_DIR``.

    Takes some 50 ms: make one and share it.
    """
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


async def open_connection(
    address: Address, port: int, *, tls: ssl.SSLContext | None, name: str
) -> Connection:
    """Connect to `address`: a number, so that nothing can be resolved a second time."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    wire = socket.socket(family, socket.SOCK_STREAM)
    try:
        wire.settimeout(0)
        await loop.sock_connect(wire, (str(address), port))
    except BaseException:
        wire.close()
        raise
    try:
        _, connection = await loop.create_connection(
            Connection, sock=wire, ssl=tls, server_hostname=name if tls else None
        )
    except BaseException:
        # asyncio loses a TLS transport that is cancelled before its first step, but not one whose
        # socket comes to its end.
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
        raise
    return connection


class Dialer:
    """Dials only addresses that `guard` has judged; the judged address is the one dialled.

    So it makes no difference what a name leads to afterwards (rebinding).
    """

    def __init__(
        self,
        names: Names,
        guard: AddressGuard,
        tls: ssl.SSLContext,
        *,
        connect: Connect = open_connection,
    ) -> None:
        self._names = names
        self._guard = guard
        self._tls = tls
        self._connect = connect

    async def __call__(self, endpoint: Endpoint, *, until: float) -> Connection:
        """Return a connection to `endpoint`, open by `until` (`time.monotonic`).

        Its addresses are tried in turn; each but the last may take a quarter of the time left.
        Raises `Blocked`, `TimedOut`, `Unreachable`, `TimeoutError` or another `OSError`.
        """
        *others, last = await self._addresses(endpoint)
        for address in others:
            try:
                return await self._attempt(endpoint, address, (until - time.monotonic()) / 4)
            except OSError:
                continue
        return await self._attempt(endpoint, last, until - time.monotonic())

    async def _addresses(self, endpoint: Endpoint) -> list[Address]:
        self._guard.judge_host(endpoint)
        written = literal(endpoint.host)
        found = await self._names.addresses(endpoint.host) if written is None else (written,)
        self._guard.judge(endpoint, found)
        return interleaved(found)[:MAX_ATTEMPTS]

    async def _attempt(self, endpoint: Endpoint, address: Address, seconds: float) -> Connection:
        tls = self._tls if endpoint.scheme == "https" else None
        async with asyncio.timeout(seconds):
            return await self._connect(address, endpoint.port, tls=tls, name=endpoint.host)
