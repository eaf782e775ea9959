"""One budget for all workers: a dashboard fills as fast as the API bears, and no faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.e2e.dashboard import WORKERS, Dashboard, asked_at, closest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes import Running


CONTACTS: Final = [f"1555768{number:03}1@c.us" for number in range(25)]


@pytest.mark.anyio
async def test_faces_come_over_four_workers_no_faster_than_the_rate(
    upstream: Running, tmp_path: Path
) -> None:
    control = processes.Control(upstream.url)
    settings = processes.settings_for(upstream.url, tmp_path / "store")
    settings |= {"GATEWAY_UPSTREAM_RATE": "120/m"}
    with processes.gateway(tmp_path, settings, workers=WORKERS) as served:
        dashboard = Dashboard(CONTACTS, pause=0.5)
        await dashboard.watch(served)
    times = asked_at(control, CONTACTS)
    assert len(times) == len(CONTACTS)
    # Ten in any five seconds; those that are late on their way may come closer to those behind.
    assert closest(times, 10) > 4.5
    assert dashboard.reasons <= {"budget", "timeout"}
    assert "budget" in dashboard.reasons
