"""How long a picture takes in the quarantine: until its sample, and until its master.

    .venv/bin/python -m tests.bench.quarantine [rounds]

Milliseconds, median and 99th percentile; `cold` includes the start of the child.
"""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import product
from statistics import median, quantiles
from typing import Final

from gateway.quarantine.keeper import Quarantine
from tests.imaging.pictures import encoded, photo

SIDES: Final = (48, 96, 256)
FORMATS: Final = {
    "JPEG": {},
    "JPEG, progressive": {"progressive": True},
    "PNG": {},
    "WEBP": {},
}


async def main(rounds: int) -> None:
    """Print the table."""
    print(f"{'640 px':20} {'side':>4}        {'sample':>14} {'master':>14}")
    for (name, options), side in product(FORMATS.items(), SIDES):
        data = encoded(photo("astronaut.png"), name.partition(",")[0], **options)
        async with Quarantine() as quarantine:
            await _measure(quarantine, data, side)
            warm = [await _measure(quarantine, data, side) for _ in range(rounds)]
        _print(name, side, "warm", warm)
    data = encoded(photo("astronaut.png"), "JPEG")
    cold = []
    for _ in range(max(rounds // 10, 5)):
        async with Quarantine() as quarantine:
            cold.append(await _measure(quarantine, data, 96))
    _print("JPEG", 96, "cold", cold)


async def _measure(quarantine: Quarantine, data: bytes, side: int) -> tuple[float, float]:
    begun = time.perf_counter()
    _, master = await quarantine.develop(data, side, until=time.monotonic() + 30)
    sampled = time.perf_counter()
    await master
    return 1000 * (sampled - begun), 1000 * (time.perf_counter() - begun)


def _print(name: str, side: int, state: str, times: list[tuple[float, float]]) -> None:
    columns = [
        f"{median(column):6.1f} {quantiles(column, n=100)[-1]:6.1f}"
        for column in zip(*times, strict=True)
    ]
    print(f"{name:20} {side:4} {state}   {'   '.join(columns)}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
