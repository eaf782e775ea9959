"""One line for each request, for who wants that: `GATEWAY_ACCESS_LOG`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gateway.telemetry import Telemetry

CONTACT: Final = "gateway.contact"
"""Under which name the edge notes in a scope whom the request is about."""

ROUTES: Final = ("avatar", "avatars", "healthz", "readyz", "metrics", "static", "hooks")
_TOLD: Final = {b"avatar-source": "source", b"avatar-reason": "reason"}


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Middleware that tells of each request: no path, no query, and of a contact its keyed hash."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and tell of it when it is over."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, facts, sent = time.perf_counter(), {"status": 0}, 0

        async def heard(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                facts["status"] = message["status"]
                facts.update(
                    (_TOLD[name], value.decode("latin-1"))
                    for name, value in message["headers"]
                    if name in _TOLD
                )
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, heard)
        finally:
            telemetry: Telemetry = scope["state"]["served"].telemetry
            telemetry.requested(
                scope.get(CONTACT),
                method=scope["method"] if scope["method"].isalpha() else None,
                route=_route_of(scope["path"]),
                **facts,
                bytes=sent,
                ms=round((time.perf_counter() - began) * 1000, 1),
            )


def _route_of(path: str) -> str:
    """The first part of `path`, if it is one of ours."""
    first = path.strip("/").partition("/")[0].removesuffix(".txt").removesuffix(".json")
    return first if first in ROUTES else ("root" if path == "/" else "other")
