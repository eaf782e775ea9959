"""Four worker processes, one budget."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

from gateway.budget import Rate
from tests.budget.crowd import Crowd, closest

if TYPE_CHECKING:
    from pathlib import Path


def test_two_hundred_cold_contacts_keep_to_the_rate_and_no_worker_starves(tmp_path: Path) -> None:
    rate = Rate(30, 0.9)
    with Crowd(tmp_path / "budget.db", rate, workers=4, contacts=50) as crowd:
        crowd.wait()
        put = crowd.put()
    assert Counter(crowd.lines) == {f"turn {number}": 50 for number in range(4)}
    assert len(put) == 200
    assert closest(put, 30) > rate.period
    assert closest(put, 10) > rate.period / 3
    half = Counter(crowd.lines[:100])  # 25 for each would be fair
    assert min(half[f"turn {number}"] for number in range(4)) >= 10, half


def test_a_worker_that_is_killed_leaves_the_budget_to_the_others(tmp_path: Path) -> None:
    rate = Rate(30, 0.9)
    with Crowd(tmp_path / "budget.db", rate, workers=3, contacts=40) as crowd:
        while len(crowd.lines) < 20:
            time.sleep(0.01)
        crowd.processes[0].send_signal(signal.SIGKILL)
        crowd.wait()
        put = crowd.put()
    turns = Counter(crowd.lines)
    assert turns["turn 1"] == turns["turn 2"] == 40
    assert set(turns) <= {"turn 0", "turn 1", "turn 2"}
    assert closest(put, 30) > rate.period
