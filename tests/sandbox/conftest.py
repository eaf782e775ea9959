from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from gateway.sandbox import ACCESS_TOKEN, INSTANCE_ID, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAYA = "15551234567@c.us"


@dataclass(frozen=True, slots=True)
class Wire:
    """What came over a connection, byte for byte, and how it ended."""

    data: bytes
    ended: str

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    @property
    def length(self) -> int:
        return int(self.headers["content-length"])

    @property
    def json(self) -> Any:  # noqa: ANN401  (whatever the sandbox says)
        return json.loads(self.body)


class Tap:
    """Asks a sandbox over bare sockets, to see what really goes over the wire."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def send(self, data: bytes, *, limit: int = 64_000_000, silence: float = 10.0) -> Wire:
        """Send bytes, read to the end, to `limit` bytes, or until nothing comes for a while."""
        url = urlsplit(self.sandbox.base_url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        try:
            writer.write(data)
            heard = bytearray()
            while len(heard) < limit:
                try:
                    more = await asyncio.wait_for(reader.read(65_536), silence)
                except TimeoutError:
                    return Wire(bytes(heard), "silent")
                except ConnectionResetError:
                    return Wire(bytes(heard), "reset")
                if not more:
                    return Wire(bytes(heard), "closed")
                heard += more
            return Wire(bytes(heard), "limit")
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def get(self, target: str, *, limit: int = 64_000_000, silence: float = 10.0) -> Wire:
        head = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        return await self.send(head.encode(), limit=limit, silence=silence)

    async def ask(
        self,
        contact: str = MAYA,
        *,
        refresh: bool = False,
        limit: int = 64_000_000,
        silence: float = 10.0,
    ) -> Wire:
        """Ask the API for a contact's picture."""
        target = question(contact, refresh=refresh)
        return await self.get(target, limit=limit, silence=silence)

    async def download(
        self, contact: str = MAYA, *, limit: int = 64_000_000, silence: float = 10.0
    ) -> Wire:
        """Load a contact's photo from the CDN under a good URL."""
        target = self.sandbox.mint(contact).removeprefix(self.sandbox.base_url)
        return await self.get(target, limit=limit, silence=silence)


def question(contact: str, *, refresh: bool = False) -> str:
    query = {"instance_id": INSTANCE_ID, "access_token": ACCESS_TOKEN, "contactId": contact}
    if refresh:
        query["refresh"] = "true"
    return f"/v2/contacts/profile-picture?{urlencode(query)}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox) -> Tap:
    return Tap(sandbox)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as http:
        yield http


@pytest.fixture
async def keyed(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose every request carries the credentials, instead of a query in its URL."""
    keys = {"instance_id": INSTANCE_ID, "access_token": ACCESS_TOKEN}
    async with httpx.AsyncClient(base_url=sandbox.base_url, params=keys, trust_env=False) as http:
        yield http
