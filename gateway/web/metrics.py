"""``GET /metrics``: the numbers of all workers, for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.web.answers import Answer, problem
from gateway.web.bearer import CHALLENGE, Bearer
from gateway.web.headers import HOUSE, NO_STORE
from gateway.web.target import header

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class MetricsEndpoint:
    """Answers with what `expose` gives (text and media type for an ``Accept``).

    If `token` is set, only to who shows it.
    """

    expose: Callable[[str], Awaitable[tuple[bytes, str]]]
    token: Bearer

    async def answer(self, scope: Scope) -> Answer:
        """Answer one GET or HEAD."""
        if self.token and not self.token.admits(scope):
            return problem(401, "The metrics token is needed.", more=CHALLENGE)
        body, media_type = await self.expose(header(scope, b"accept"))
        headers = [
            (b"content-type", media_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", NO_STORE.encode()),
            *HOUSE,
        ]
        return Answer(200, headers, body)
