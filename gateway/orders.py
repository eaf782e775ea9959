"""What a run is for, and a run that is under way."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.budget import Priority

if TYPE_CHECKING:
    from gateway.findings import Finding
    from gateway.model import ContactId


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is for: `side` is how many pixels a photo is first scaled to.

    `refresh` bypasses the API's cache, and asks whatever is known; what `confirms` asks about
    nobody of whom nothing is known any more.
    """

    contact: ContactId
    side: int
    priority: Priority = Priority.VIEWER
    refresh: bool = False
    confirms: bool = False


class Run:
    """A run under way: `told` is done when there is something to say, `task` when all is kept.

    `asked_at` is when it asked, in Unix seconds: an erasure since then undoes what it brought.
    `confirms` is as in its order, until somebody joins who wants to know in any case.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.confirms = order.confirms
        self.began = time.monotonic()
        self.asked_at: float | None = None
        self.told: asyncio.Future[Finding] = unwatched()
        self.task: asyncio.Task[None]

    def tell(self, finding: Finding) -> None:
        """Tell who waits; only the first word counts."""
        if not self.told.done():
            self.told.set_result(finding)


def unwatched() -> asyncio.Future[Any]:
    """A future whose exception need not be fetched by anybody."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
