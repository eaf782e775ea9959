"""Drops from the cache what is over, a little at a time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.renditions.cache import Renditions

PERIOD: Final = 1.0
BREATH: Final = 0.02
"""Seconds between two looks for what is over, and between two slices of it."""


@asynccontextmanager
async def tidying(renditions: Renditions) -> AsyncIterator[None]:
    """Keep `renditions` tidy meanwhile."""

    async def run() -> None:
        while True:  # noqa: ASYNC110 - time is what it waits for
            await asyncio.sleep(BREATH if renditions.tidy() else PERIOD)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
