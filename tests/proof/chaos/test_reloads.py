"""R4: twenty reloads under three hundred requests a second lose nothing, nor does the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.e2e.load import Load
from tests.e2e.test_stopping import MAYA, pids, reload_under
from tests.processes import settings_for
from tests.proof.chaos.ending import Ending
from tests.proof.chaos.report import publish

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

RELOADS: Final = 20


async def test_twenty_reloads_lose_nothing(tmp_path: Path) -> None:
    with processes.sandbox(tmp_path) as upstream:
        settings = settings_for(upstream.url, tmp_path / "store")
        with processes.gateway(tmp_path, settings, workers=2) as served:
            load = Load(served.url, f"/avatar/{MAYA}.png", kept=18, fresh=18, pace=0.1)
            began = time.monotonic()
            await reload_under(load, served, RELOADS)
            seconds = time.monotonic() - began
            assert len(pids(served)) == 2 * (RELOADS + 1)
            assert served.stop() == 0
    found = {
        "reloads": RELOADS,
        "answers": len(load.seconds),
        "answers a second": round(len(load.seconds) / seconds),
        "lost": load.lost,
        "milliseconds": {
            name: round(1000 * load.quantile(share), 1)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0))
        },
    }
    publish("reloads", "Reloads (R4)", found)
    assert load.lost == []


async def test_term_answers_all_in_flight_and_then_is_soon_over(tmp_path: Path) -> None:
    with processes.sandbox(tmp_path) as upstream:
        control = processes.Control(upstream.url)
        settings = settings_for(upstream.url, tmp_path / "store")
        ending = Ending(waiting=100, half=500)
        with processes.gateway(tmp_path, settings, workers=2) as served:
            await ending.happen(served, control)
    publish("ending", "TERM (R4)", ending.document())
    ending.verify(within=1.0)
