"""A worker's service in a process of its own, asked about more and more contacts nobody knows.

As in an attack at the default settings: a few questions are put, everybody else gets a fallback.
Run as a program with a folder, the upstream and a number; says the bytes of its memory at ten
places on the way.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.assembly import open_gateway
from gateway.model import AvatarSpec, ContactId
from gateway.settings import Settings
from gateway.telemetry import configure_logging
from tests.processes import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.avatars import Avatars
    from gateway.imaging.jobs import Plan

AT_ONCE: Final = 64
PLACES: Final = 10
SPEC: Final = AvatarSpec(size=48)


def memory() -> int:
    """Bytes of this process that are in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def _look(avatars: Avatars[Plan], left: Iterator[int]) -> None:
    for number in left:
        await avatars.get(ContactId.parse(str(number)), SPEC)


async def main(folder: str, upstream: str, number: int) -> None:
    settings = settings_for(upstream, Path(folder), GATEWAY_UPSTREAM_RATE="30/m")
    settings |= {"GATEWAY_DEADLINE": "100ms"}
    configure_logging(level="error", as_json=False)
    strangers = count(20_000_000_001)
    async with open_gateway(Settings.load(settings, env_file=None)) as gateway:
        for _ in range(PLACES):
            few = islice(strangers, number // PLACES)
            await asyncio.gather(*(_look(gateway.avatars, few) for _ in range(AT_ONCE)))
            sys.stdout.write(f"{memory()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
