"""The body of a request, of a size that we take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive


class TooLarge(ValueError):
    """The body has more bytes than are read."""


async def read(receive: Receive, *, limit: int) -> bytes:
    """Return the whole body; raises `TooLarge` beyond `limit` bytes."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLarge
        more = message.get("more_body", False) and message["type"] != "http.disconnect"
    return bytes(body)
