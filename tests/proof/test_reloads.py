"""R4: twenty reloads under three hundred requests a second lose nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.e2e.load import Load
from tests.e2e.test_stopping import MAYA, pids, reload_under
from tests.processes import settings_for

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.anyio
async def test_twenty_reloads_lose_nothing(tmp_path: Path) -> None:
    with processes.sandbox(tmp_path) as upstream:
        settings = settings_for(upstream.url, tmp_path / "store")
        with processes.gateway(tmp_path, settings, workers=2) as served:
            load = Load(served.url, f"/avatar/{MAYA}.png", kept=18, fresh=18, pace=0.1)
            began = time.monotonic()
            await reload_under(load, served, 20)
            rate = len(load.seconds) / (time.monotonic() - began)
            assert load.lost == []
            assert len(pids(served)) == 42
            assert served.stop() == 0
    p50, p99, worst = (1000 * load.quantile(share) for share in (0.5, 0.99, 1.0))
    print(f"{len(load.seconds)} answers, {rate:.0f}/s, none lost; ", end="")
    print(f"ms: p50 {p50:.1f}, p99 {p99:.1f}, worst {worst:.1f}")
