"""R12: whoever varies sizes, colours and names 200 times a second takes little from others.

Others are viewers of a face that is in memory, whose time ends when the answer has come, and such
as see a list for the first time: small pictures, each to be drawn for them.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from tests import processes
from tests.e2e.load import Load
from tests.processes import ROOT, settings_for
from tests.proof.vary import MAYA

if TYPE_CHECKING:
    from pathlib import Path

URL = "/avatar/15551234567@c.us.png?size=96"
RATE, SECONDS = 200, 20


async def attack(url: str) -> Counter[str]:
    """What the attacker got, by status and reason."""
    attacker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.proof.vary", url, str(RATE), str(SECONDS)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    said, _ = await attacker.communicate()
    return Counter(json.loads(said))


async def look_at_a_list(url: str, row: int) -> tuple[float, bool]:
    """One new small picture: the seconds that it took, and whether it shows what it should."""
    colour = f"{row * 4099 % 2**24:06x}"
    name = f"{chr(65 + row % 26)}+{chr(65 + row // 26 % 26)}"
    which = f"fallback=initials&name={name}&force=y" if row % 2 else "shape=circle"
    began = time.monotonic()
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        reply = await client.get(f"{url}/avatar/{MAYA}.png?size=48&bg={colour}&{which}")
    took = time.monotonic() - began
    colours = Image.open(io.BytesIO(reply.content)).convert("RGB").getcolors(48 * 48)
    reason = None if row % 2 == 0 else "forced"
    return took, reply.headers.get("avatar-reason") == reason and len(colours or ()) > 1


async def look_around(url: str, seconds: float) -> list[tuple[float, bool]]:
    """Look at a new picture ten times a second."""
    async with asyncio.TaskGroup() as group:
        rows = []
        for row in range(int(10 * seconds)):
            rows.append(group.create_task(look_at_a_list(url, row)))
            await asyncio.sleep(0.1)
    return [row.result() for row in rows]


@pytest.mark.anyio
@pytest.mark.parametrize("workers", [1, 2])
async def test_who_varies_everything_takes_little_from_who_looks(
    tmp_path: Path, workers: int
) -> None:
    """Attacker, viewers and upstream share the machine with what is attacked.

    On two processors two workers have one that draws, and one for themselves and all others.
    """
    with (
        processes.sandbox(tmp_path) as upstream,
        processes.gateway(
            tmp_path, settings_for(upstream.url, tmp_path / "store"), workers=workers
        ) as served,
    ):
        load = Load(served.url, URL, kept=10, fresh=0, pace=0.1)
        async with load.going_on():
            await load.answered(200)  # the first ones drew the picture
            del load.seconds[:]
            await load.answered(1_000)
            calm = told(load, "nobody attacked")
            found = await attack(served.url)
            under = told(load, f"attacked, {RATE} varied requests/s")
        attacking = asyncio.create_task(attack(served.url))
        rows = await look_around(served.url, SECONDS)
        found += await attacking
        assert served.stop() == 0
    print(f"p99: {under / calm:.2f} x what it is when nobody attacks; {found}")
    took = sorted(seconds for seconds, _ in rows)
    middle, most = 1e3 * took[len(took) // 2], 1e3 * took[-1 - len(took) // 100]
    print(f"new rows of a list meanwhile: {len(rows)}, p50 {middle:.0f} ms, p99 {most:.0f} ms")
    assert load.lost == []
    assert all(shown for _, shown in rows)
    assert [each for each in found if not each.startswith("200 ") and each != "dropped"] == []


def told(load: Load, when: str) -> float:
    """Tell of the hits since the last time; return their p99 in seconds."""
    half, most = load.quantile(0.5), load.quantile(0.99)
    print(f"hits, {when}: {len(load.seconds)}, p50 {1e3 * half:.2f} ms, p99 {1e3 * most:.2f} ms")
    del load.seconds[:]
    return most
