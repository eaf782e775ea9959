"""Fetch the picture behind a signed URL: bounded, watched while it arrives, never redirected."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import Blocked, OverBudget, PhotoGone, Undecodable, UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.model import OriginPattern, PhotoUrl
    from gateway.outbound import Outbound

MAX_PICTURE: Final = 2 * 2**20
"""Most bytes of a picture that are read."""

_GONE: Final = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


class Inspector(Protocol):
    """Judges a picture by its first bytes, chunk by chunk; raises `Undecodable`."""

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes."""

    def finish(self) -> None:
        """Judge the whole: nothing more will come."""


class Origin:
    """The CDN: a `PhotoUrl` in, the picture's bytes as they came out.

    Only URLs on one of `allowed` are fetched; a new `inspect` looks at each picture.
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        allowed: Sequence[OriginPattern],
        inspect: Callable[[], Inspector],
    ) -> None:
        self._outbound = outbound
        self._allowed = tuple(allowed)
        self._inspect = inspect

    async def __call__(self, source: PhotoUrl, *, until: float) -> bytes:
        """Return the picture; all must be over at `until` (`time.monotonic`).

        Raises `Blocked`, `PhotoGone` (403, 404, 410: a freshly signed URL may work),
        `OverBudget` (429), `Undecodable`, `TimedOut` or `UpstreamFailed`.
        """
        if not any(pattern.admits(source.url) for pattern in self._allowed):
            raise Blocked("the picture's URL is not on GATEWAY_CDN_ORIGINS")
        picture = _Picture(self._inspect())
        reply = await self._outbound.get(source.url, until=until, limit=MAX_PICTURE, watch=picture)
        picture.inspector.finish()
        return reply.body


class _Picture:
    """Hangs up as soon as the head or the first bytes say that no picture we take will come."""

    def __init__(self, inspector: Inspector) -> None:
        self.inspector = inspector

    def opened(self, status: int, headers: Mapping[str, str]) -> None:
        if status in _GONE:
            raise PhotoGone("the CDN no longer serves this URL")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise OverBudget("the CDN wants to be left alone")
        if status in {HTTPStatus.NO_CONTENT, HTTPStatus.PARTIAL_CONTENT}:
            raise Undecodable("the CDN sent no whole picture")
        if status != HTTPStatus.OK:
            raise UpstreamFailed(f"the CDN answered {status}")
        if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise Undecodable("the CDN sent an encoded body")
        declared = headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > MAX_PICTURE:
            raise Undecodable("the picture is larger than we take")

    def feed(self, chunk: bytes) -> None:
        self.inspector.feed(chunk)
