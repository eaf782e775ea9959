"""Everything that leaves the house: the only room that knows httpx.

Bounded in time, bytes and number; no redirects, no proxies from the environment, no transparent
decompression, nothing of the viewer. Errors of httpx are translated at the wall, and no text of
theirs passes it: it holds the URL, and so the token.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final, Protocol, Self

import httpx

from gateway.errors import TimedOut, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

USER_AGENT: Final = "avatar-gateway"

# Besides its own errors httpx lets pass those of a broken TLS record and of text it cannot encode.
_FOREIGN: Final = (
    httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict, OSError,
    UnicodeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: `headers` by lower-case name, `body` as it came over the wire."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Watch(Protocol):
    """Looks at an answer while it arrives; hangs up by raising."""

    def opened(self, status: int, headers: Mapping[str, str]) -> None:
        """Judge the head, before any byte of the body is read."""

    def feed(self, chunk: bytes) -> None:
        """Judge the next bytes of the body."""


class Outbound:
    """At most `connections` calls at a time, each on its own connection; others wait their turn.

    Open it with ``async with`` inside the process that uses it: it is not fork-safe.
    """

    def __init__(
        self, *, connections: int = 32, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._connections = connections
        self._transport = transport
        self._slots = asyncio.Semaphore(connections)
        self._client: httpx.AsyncClient
        self._retired: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        self._client = self._make_client()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in (self._client, *self._retired):
            await client.aclose()

    async def get(
        self,
        url: str,
        *,
        until: float,
        limit: int,
        params: Mapping[str, str] | None = None,
        watch: Watch | None = None,
    ) -> Reply:
        """GET `url` and read at most `limit` bytes of body.

        `until` is the `time.monotonic` by which all must be over. Raises `TimedOut`,
        `UpstreamFailed`, or what `watch` raises; then the connection is closed, not drained.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise TimedOut("no time was left to ask")
        with _translated():
            async with asyncio.timeout(left):
                async with self._slots:
                    return await self._get(url, params, until, limit, watch)

    async def _get(
        self,
        url: str,
        params: Mapping[str, str] | None,
        until: float,
        limit: int,
        watch: Watch | None,
    ) -> Reply:
        left = until - time.monotonic()
        client = self._client
        # httpx loses a slot of its pool when a call is cancelled before its connection is up
        # (0.28.1). A quarter of the time for each step of connecting (a slot, TCP, TLS) means
        # that the total above can only strike later, when cancelling is safe.
        timeout = httpx.Timeout(left, connect=left / 4, pool=left / 4)
        request = client.build_request("GET", url, params=params, timeout=timeout)
        try:
            response = await client.send(request, stream=True)
        except httpx.PoolTimeout:
            # Our own semaphore keeps the pool from filling up: slots were lost after all.
            if client is self._client:
                self._retired.append(client)
                self._client = self._make_client()
            raise
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            if watch is not None:
                watch.opened(response.status_code, headers)
            body = await _read(response, limit, watch)
            return Reply(response.status_code, headers, body)
        finally:
            await response.aclose()

    def _make_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self._transport,
            headers={
                "User-Agent": USER_AGENT,
                "Accept-Encoding": "identity",
                "Accept": "*/*",
                # httpx hands what follows an answer on its connection to the next call (0.28.1):
                # one contact would get another's picture. So each call has a connection.
                "Connection": "close",
            },
            # A jar that takes nothing: what one answer sets must not go out with the next call.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=self._connections),
        )


async def _read(response: httpx.Response, limit: int, watch: Watch | None) -> bytes:
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise UpstreamFailed("the answer is larger than we take")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise UpstreamFailed("the answer is larger than we take")
        if watch is not None:
            watch.feed(chunk)
    return bytes(body)


@contextmanager
def _translated() -> Iterator[None]:
    """The wall: whatever httpx or the clock raises becomes one of ours, without its text."""
    try:
        yield
    except (httpx.TimeoutException, TimeoutError):
        raise TimedOut("the upstream did not answer in time") from None
    except _FOREIGN as error:
        raise UpstreamFailed(
            f"the upstream could not be reached ({type(error).__name__})"
        ) from None
