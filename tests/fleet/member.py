"""A process of its own that joins a fleet; what it is called with says what it does there."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Final

from gateway.budget import Grant, Outcome, Rate
from gateway.fleet import ValkeyErasures, ValkeyLeases, ValkeyLedger
from tests.fleet.servers import joined

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.fleet import Fleet

KEY: Final = "a" * 64
PERIOD: Final = 1.0
LIMIT: Final = 20


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def hold(fleet: Fleet) -> None:
    """Hold a lease and eight queries until somebody ends the process."""
    async with (
        ValkeyLeases(fleet).lease(KEY, patience=30) as lease,
        ValkeyLedger(fleet, rate=None) as ledger,
    ):
        grants = [await ledger.take(young=60) for _ in range(8)]
        say("held" if lease.held and all(isinstance(each, Grant) for each in grants) else "not")
        await asyncio.Event().wait()


async def ask(fleet: Fleet) -> None:
    """Put queries as fast as the budget lets, and say when."""
    async with ValkeyLedger(fleet, rate=Rate(LIMIT, PERIOD)) as ledger:
        until = time.monotonic() + 4
        while time.monotonic() < until:
            taken = await ledger.take(young=60)
            if isinstance(taken, Grant):
                say(repr(time.time()))
                await ledger.settle(taken, Outcome.ANSWERED)
            else:
                await asyncio.sleep(taken.seconds)


async def hear(fleet: Fleet) -> None:
    """Say what is erased."""
    async with ValkeyErasures(fleet, keep=30, clock=time.time) as erasures:
        say("listening")
        while True:
            for key in erasures.since():
                say(key)
            if erasures.lost():
                say("lost")
            await asyncio.sleep(0.001)


TASKS: Final[dict[str, Callable[[Fleet], Awaitable[None]]]] = {
    "hold": hold,
    "ask": ask,
    "hear": hear,
}


async def main(url: str, task: str) -> None:
    async with joined(url) as fleet:
        await TASKS[task](fleet)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
