"""How things stand in this worker now, and in what all share: the gauges of `/metrics`."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.telemetry import metrics as m

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.assembly import Gateway
    from gateway.telemetry.metrics import Metric, Series

TICK: Final = 1.0
"""Seconds between two measurements."""

_MEMORY: Final = Path("/proc/self/statm")


def measure(gateway: Gateway) -> None:
    """Note how this worker stands."""
    gateway.telemetry.measure(_found(gateway))


def _found(gateway: Gateway) -> Iterator[tuple[Metric, tuple[str, ...], float]]:
    yield m.CACHE_BYTES, (), gateway.renditions.size
    yield m.CACHE_ENTRIES, (), len(gateway.renditions)
    yield m.CONFIRMATIONS, (), len(gateway.confirmations)
    for source in gateway.sources:
        yield m.WAITING, (source.name,), source.budget.waiting
    yield m.DECODES_WAITING, (), gateway.quarantine.waiting
    for lane, waiting in gateway.studio.waiting.items():
        yield m.RENDERS_WAITING, (lane,), waiting
    yield m.MEMORY, (), _resident()


def _resident() -> float:
    """Bytes of this process in memory; 0 where the system does not say."""
    try:
        pages = int(_MEMORY.read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


@asynccontextmanager
async def measuring(gateway: Gateway) -> AsyncIterator[None]:
    """Measure now and then meanwhile."""

    async def go_on() -> None:
        while True:
            measure(gateway)
            await asyncio.sleep(TICK)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def exposed(gateway: Gateway, accept: str) -> tuple[bytes, str]:
    """Return the numbers of all workers and of what they share, and their media type."""
    measure(gateway)
    return gateway.telemetry.exposed(await _asked(gateway), accept=accept)


async def _asked(gateway: Gateway) -> dict[Series, float]:
    """What all workers share: the state of each budget."""
    found: dict[Series, float] = {}
    for source in gateway.sources:
        status, now, labels = await source.budget.status(), time.time(), (str(source.name),)
        if status.left is not None:
            found[m.BUDGET_LEFT, labels] = float(status.left)
        found[m.IN_FLIGHT, labels] = float(status.in_flight)
        found[m.BREAKER, labels] = float(status.open_since is not None)
        paused = now if status.paused_until is None else status.paused_until
        found[m.PAUSE, labels] = max(paused - now, 0.0)
    return found
