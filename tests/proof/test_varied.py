"""R12: whoever varies sizes, colours and names 200 times a second takes little from others."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.e2e.load import Load
from tests.processes import ROOT, settings_for

if TYPE_CHECKING:
    from pathlib import Path

URL = "/avatar/15551234567@c.us.png?size=96"
RATE, SECONDS = 200, 20


async def attack(url: str) -> dict[str, int]:
    """What the attacker got, by status and reason."""
    attacker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.proof.vary", url, str(RATE), str(SECONDS)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    told, _ = await attacker.communicate()
    found: dict[str, int] = json.loads(told)
    return found


@pytest.mark.anyio
async def test_who_varies_everything_takes_little_from_who_looks(tmp_path: Path) -> None:
    with processes.sandbox(tmp_path) as upstream:
        settings = settings_for(upstream.url, tmp_path / "store")
        with processes.gateway(tmp_path, settings, workers=2) as served:
            load = Load(served.url, URL, kept=10, fresh=0, pace=0.1)
            async with load.going_on():
                await load.answered(200)  # the first ones drew the picture
                del load.seconds[:]
                await load.answered(1_000)
                calm = load.quantile(0.5), load.quantile(0.99)
                del load.seconds[:]
                got = await attack(served.url)
            under = load.quantile(0.5), load.quantile(0.99)
            assert served.stop() == 0
    print(f"hits of others, ms: p50 {1e3 * calm[0]:.2f}, p99 {1e3 * calm[1]:.2f} before;")
    print(f"p50 {1e3 * under[0]:.2f}, p99 {1e3 * under[1]:.2f} under {RATE} varied requests/s;")
    print(f"p99 ratio {under[1] / calm[1]:.2f}; the attacker got {got}")
    assert load.lost == []
    assert [each for each in got if not each.startswith("200 ") and each != "dropped"] == []
