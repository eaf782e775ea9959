"""The bodies of requests, which nobody may make as long as they like."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive


class TooLarge(ValueError):
    """The body is longer than it may be."""


async def body_of(receive: Receive, most: int) -> bytes:
    """Return the whole body; raises `TooLarge` beyond `most` bytes."""
    held = bytearray()
    more = True
    while more:
        message = await receive()
        held += message.get("body", b"")
        if len(held) > most:
            raise TooLarge
        more = message.get("more_body", False)
    return bytes(held)
