"""The pictures as ready bytes: each is drawn once, in a thread, when it is first asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from gateway.sandbox.pictures import draw

if TYPE_CHECKING:
    from gateway.sandbox.minting import Photo

__all__ = ["Gallery"]

KEPT: Final = 1024


class Gallery:
    """Draws and keeps pictures; one thread, so drawing never starves the answers."""

    def __init__(self) -> None:
        """Start with empty walls."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-drawing")
        self._hung: OrderedDict[tuple[Photo, str], asyncio.Future[bytes]] = OrderedDict()

    async def picture(self, photo: Photo, style: str) -> bytes:
        """The photo's file in one of the styles of `pictures.STYLES`."""
        key = (photo, style)
        drawn = self._hung.get(key)
        if drawn is None:
            loop = asyncio.get_running_loop()
            drawn = loop.run_in_executor(self._thread, draw, style, photo.contact, photo.version)
            self._hung[key] = drawn
            if len(self._hung) > KEPT:
                self._hung.popitem(last=False)
        # Shared by everyone who asks: one client that leaves must not cancel it for the others.
        return drawn.result() if drawn.done() else await asyncio.shield(drawn)

    def close(self) -> None:
        """End the thread; what is being drawn is finished first."""
        self._thread.shutdown(wait=True, cancel_futures=True)
