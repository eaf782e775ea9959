"""R5: five thousand slow connections, and honest viewers notice nothing."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.e2e.load import Load
from tests.processes import ROOT, settings_for

if TYPE_CHECKING:
    from pathlib import Path

MAYA = "15551234567@c.us"
SLOW = 5000
DESCRIPTORS = 1024
DEADLINE = 0.05


async def attack(load: Load, url: str) -> None:
    """Open all slow connections, and go on for a while after the last one."""
    crowd = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.proof.crowd", url, str(SLOW), "500"),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert crowd.stdout is not None
        assert await asyncio.wait_for(crowd.stdout.readline(), 120) == b"opened\n"
        await load.answered(500)
    finally:
        crowd.kill()
        await crowd.wait()


@pytest.mark.anyio
async def test_five_thousand_slow_connections_starve_nobody(tmp_path: Path) -> None:
    with processes.sandbox(tmp_path) as upstream:
        settings = settings_for(upstream.url, tmp_path / "store")
        with processes.gateway(tmp_path, settings, workers=1, descriptors=DESCRIPTORS) as served:
            load = Load(served.url, f"/avatar/{MAYA}.png", kept=5, fresh=5, pace=0.1)
            async with load.going_on():
                await load.answered(10)
                del load.seconds[:]  # the first ones drew the picture
                await load.answered(500)
                calm = load.quantile(0.99)
                del load.seconds[:]
                await attack(load, served.url)
            assert served.stop() == 0
    log = served.log.read_text()
    p50, p99 = load.quantile(0.5), load.quantile(0.99)
    print(f"{len(load.seconds)} honest answers, ms: p50 {1000 * p50:.1f}, p99 {1000 * p99:.1f}, ")
    print(f"p99 before {1000 * calm:.1f}; {log.count(chr(10))} log lines")
    assert load.lost == []
    assert "Too many open files" not in log
    assert log.count("\n") <= 100
    assert p99 <= 2 * DEADLINE
