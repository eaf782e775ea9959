"""The room's verb: ask, bounded in time, bytes and number, and silent about what was asked.

A URL holds a token or a signature, a header a key. httpx's client, which logs each URL, follows
redirects, keeps cookies and reads proxies from the environment, is left out: a request of httpx
goes straight to a transport. No text of httpx's passes the wall, nor an error that still knows the
request.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, cast

import httpx

from gateway.errors import AvatarUnavailable, TimedOut, Unreachable, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType

USER_AGENT: Final = "avatar-gateway"

_FIELDS: Final = httpx.Headers(
    {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
)
# Besides its own errors httpx lets pass those of text that it cannot encode; OSError is TCP, TLS.
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


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked; all of it may be secret."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] | None = field(repr=False)
    params: Mapping[str, str] | None = field(default=None, repr=False)
    document: object = field(default=None, repr=False)

    def written(self, patience: float) -> httpx.Request:
        """The request, which may take `patience` seconds to connect; raises what httpx raises."""
        headers = _FIELDS.copy()
        headers.update(self.headers)
        return httpx.Request(
            self.method,
            self.url,
            params=self.params,
            headers=headers,
            json=self.document,
            extensions={"timeout": {"connect": patience}},
        )


class Watch(Protocol):
    """Looks at an answer while it arrives; hangs up by raising."""

    def opened(self, status: int, headers: Mapping[str, str]) -> None:
        """Judge the head, before any byte of the body is read."""

    def feed(self, chunk: bytes) -> None:
        """Judge the next bytes of the body."""


class Outbound:
    """At most `connections` calls at a time over `transport`; others wait their turn.

    Open it with ``async with`` inside the process that uses it: it is not fork-safe.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, *, connections: int = 32) -> None:
        self._transport = transport
        self._slots = asyncio.Semaphore(connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._transport.aclose()

    # Both verbs are plain functions: a frame of theirs would know the URL, and stand in tracebacks.
    def get(
        self,
        url: str,
        *,
        until: float,
        limit: int,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        watch: Watch | None = None,
    ) -> Coroutine[Any, Any, Reply]:
        """GET `url` and read at most `limit` bytes of body.

        `until` is the `time.monotonic` by which all must be over: names, TCP, TLS, head and body.
        Raises `TimedOut`, `Unreachable`, `UpstreamFailed`, `Blocked`, or what `watch` raises; then
        the connection is closed, not drained.
        """
        return self._ask(_Question("GET", url, headers, params), until, limit, watch)

    def post(
        self,
        url: str,
        document: object,
        *,
        until: float,
        limit: int,
        headers: Mapping[str, str] | None = None,
    ) -> Coroutine[Any, Any, Reply]:
        """POST `document` as JSON, as `get` asks.

        Only for questions: one that a connection loses without an answer is put once more.
        """
        return self._ask(_Question("POST", url, headers, document=document), until, limit, None)

    async def _ask(
        self, question: _Question, until: float, limit: int, watch: Watch | None
    ) -> Reply:
        left = until - time.monotonic()
        if left <= 0:
            raise TimedOut("no time was left to ask")
        failure: AvatarUnavailable
        try:
            async with asyncio.timeout(left), self._slots:
                return await self._put(question, until, limit, watch)
        except AvatarUnavailable as error:
            failure = error.with_traceback(None)
        except (httpx.TimeoutException, TimeoutError):
            failure = TimedOut("the upstream did not answer in time")
        except _FOREIGN as error:
            failure = Unreachable(f"the upstream could not be reached ({type(error).__name__})")
        # Out here the error gets no context, and no frame of its traceback knows the question.
        del question
        raise failure

    async def _put(
        self, question: _Question, until: float, limit: int, watch: Watch | None
    ) -> Reply:
        request = question.written(until - time.monotonic())
        response = await self._transport.handle_async_request(request)
        try:
            headers = dict(response.headers.items())
            if watch is not None:
                watch.opened(response.status_code, headers)
            body = await _read(response, limit, watch)
            return Reply(response.status_code, headers, body)
        finally:
            await response.aclose()


async def _read(response: httpx.Response, limit: int, watch: Watch | None) -> bytes:
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise UpstreamFailed("the answer is larger than we take")
    body = bytearray()
    # The stream itself, so that nothing decodes what the peer says it has encoded.
    async for chunk in cast("httpx.AsyncByteStream", response.stream):
        body += chunk
        if len(body) > limit:
            raise UpstreamFailed("the answer is larger than we take")
        if watch is not None:
            watch.feed(chunk)
    return bytes(body)
