"""Through a proxy: it opens a tunnel to the host, and TLS in that is with the host itself.

So the proxy learns who is asked, and neither the question nor the answer.
Source: RFC 9110, section 9.3.6 (CONNECT); RFC 7617 (Basic).
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import httpx

from gateway.errors import Unreachable
from gateway.outbound.address import Endpoint, literal
from gateway.outbound.exchange import exchange

if TYPE_CHECKING:
    import ssl

    from gateway.outbound.address import AddressGuard
    from gateway.outbound.connection import Connection
    from gateway.outbound.dialling import Dial


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, and the value of the field that names its user; empty without one."""

    endpoint: Endpoint
    authorization: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> Self:
        """Read ``http://user:password@host:port``, or the same of https; raises `ValueError`."""
        try:
            parsed = httpx.URL(url)
            endpoint = Endpoint.of(parsed)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise ValueError from None  # what is quoted there may hold a password
        if not parsed.userinfo:
            return cls(endpoint)
        user = f"{parsed.username}:{parsed.password}".encode()
        return cls(endpoint, f"Basic {b64encode(user).decode()}")

    def way_to(self, endpoint: Endpoint) -> bytes:
        """Ask for a tunnel to `endpoint`."""
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        there = f"{host}:{endpoint.port}"
        lines = [f"CONNECT {there} HTTP/1.1", f"Host: {there}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


class ProxyDialer:
    """Dials who is asked over https through `proxy`, and whoever else as `direct` does.

    Only in the operator's own network is anybody asked in clear. `dial` leads to the proxy, which
    looks names up; so here `guard` can judge no more than hosts that are written as addresses.
    """

    def __init__(
        self, proxy: Proxy, *, dial: Dial, direct: Dial, guard: AddressGuard, tls: ssl.SSLContext
    ) -> None:
        self._proxy = proxy
        self._dial = dial
        self._direct = direct
        self._guard = guard
        self._tls = tls

    async def __call__(self, endpoint: Endpoint, *, until: float) -> Connection:
        """Return a connection to `endpoint`, open by `until` (`time.monotonic`).

        Raises what a `Dialer` raises, `Unreachable` too if the proxy refuses.
        """
        if endpoint.scheme != "https":
            return await self._direct(endpoint, until=until)
        self._guard.judge_host(endpoint)
        written = literal(endpoint.host)
        self._guard.judge(endpoint, () if written is None else (written,))
        connection = await self._dial(self._proxy.endpoint, until=until)
        try:
            async with asyncio.timeout(until - time.monotonic()):
                await self._lead(connection, endpoint)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _lead(self, connection: Connection, endpoint: Endpoint) -> None:
        """Have the proxy make way; from then on it is the host who speaks."""
        head = await exchange(connection, self._proxy.way_to(endpoint))
        if not HTTPStatus.OK <= head.status < HTTPStatus.MULTIPLE_CHOICES:
            raise Unreachable(f"the proxy refused to lead there (status {head.status})")
        connection.rest()
        await connection.secure(self._tls, endpoint.host)
