"""A time-out that does not blame others for what held up this process.

An event loop that was busy, or whose machine was, finds everything due at once: the answer that
has lain there for long, and the timer that gives it up. asyncio's own time-outs let the timer win.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GRACE: Final = 0.2
"""Most seconds that are given beyond the time-out."""


@asynccontextmanager
async def patient(seconds: float) -> AsyncIterator[None]:
    """Raise `TimeoutError` once what is inside has taken `seconds`.

    If the loop comes late to say so, what has arrived meanwhile is taken first: for as long as it
    came late, `GRACE` seconds at most.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() + seconds
    async with asyncio.timeout(None) as scope:

        def ring() -> None:
            now = loop.time()
            scope.reschedule(now + min(now - due, GRACE))

        timer = loop.call_at(due, ring)
        try:
            yield
        finally:
            timer.cancel()
