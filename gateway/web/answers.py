"""Answers as ASGI messages: pictures, problems, nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from gateway.web.headers import COMMON, HOUSE, NO_STORE, Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. A HEAD request gets its headers and no body."""

    status: int
    headers: Headers
    body: bytes = field(default=b"", repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; `receive` is not used, since no request here has a body that matters."""
        del receive
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def problem(status: int, detail: str, *, more: Headers | None = None) -> Answer:
    """Return ``application/problem+json`` (RFC 9457); `detail` must echo nothing of the request."""
    document = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail}
    return _json(status, document, b"application/problem+json", more or [])


def document(status: int, content: object) -> Answer:
    """Return a JSON document that nobody may keep."""
    return _json(status, content, b"application/json", [])


def accepted(content: object) -> Answer:
    """Return 202: it will be done."""
    return document(202, content)


def no_content() -> Answer:
    """Return 204: it is done, and there is nothing to say."""
    return Answer(204, [(b"cache-control", NO_STORE.encode()), *COMMON])


def empty(status: int, headers: Headers) -> Answer:
    """Return no body and no type: browsers render an image whatever the status."""
    return Answer(status, [(b"content-length", b"0"), *headers])


def facts(content: object, headers: Headers) -> Answer:
    """Return a JSON document about a contact, kept as long as `headers` say."""
    body = _dumped(content)
    media = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    return Answer(200, [*media, *headers], body)


def _json(status: int, content: object, media_type: bytes, more: Headers) -> Answer:
    body = _dumped(content)
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", NO_STORE.encode()),
    ]
    return Answer(status, [*headers, *more, *COMMON], body)


def _dumped(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class HouseRules:
    """Middleware for what is not ours to build: files, and Starlette's own answers.

    They too carry our name and no guess at their type, and HEAD gets no body (the server warns
    about one).
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, but for the bytes of a body after HEAD."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bodiless = scope["method"] == "HEAD"

        async def ruled(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                missing = [each for each in HOUSE if each[0] not in names]
                message = {**message, "headers": [*message["headers"], *missing]}
            elif bodiless:
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, ruled)
