"""One of several workers that share a budget: waits for its contacts' turns, one line a turn.

Arguments: the file, queries a period, seconds of a period, how many contacts, its own name.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.budget import (
    Budget,
    Database,
    FileLedger,
    MemoryLedger,
    Outcome,
    Priority,
    Rate,
    ShelteredLedger,
)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell(detail: str | None) -> None:
    if detail is not None:
        say(f"failed {detail}")


async def work(path: Path, rate: Rate, contacts: int, name: str) -> None:
    async with (
        Database(path, patience=20.0) as database,
        FileLedger(database, rate) as shared,
        Budget(
            ShelteredLedger(shared, MemoryLedger(rate.among(4)), tell=tell), young=3.0, rate=rate
        ) as budget,
    ):

        async def one(number: int) -> None:
            async with budget.turn(f"{name}{number}", Priority.VIEWER) as turn:
                say(f"turn {name}")
                await turn.settle(Outcome.ANSWERED)

        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*(one(number) for number in range(contacts)))


if __name__ == "__main__":
    place, limit, period, contacts, name = sys.argv[1:]
    asyncio.run(work(Path(place), Rate(int(limit), float(period)), int(contacts), name))
