"""R4, R6 and R7 for a few seconds each, with the same luck each time; the proofs take longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.proof.chaos.ending import Ending
from tests.proof.chaos.house import alone, joined
from tests.proof.chaos.kills import Kills
from tests.proof.chaos.soak import Soak

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.anyio


async def test_term_answers_all_in_flight_and_then_is_soon_over(tmp_path: Path) -> None:
    """Also with hundreds of connections on which nobody ends what was begun."""
    ending = Ending(waiting=20, half=500)
    with processes.sandbox(tmp_path) as upstream:
        control = processes.Control(upstream.url)
        settings = processes.settings_for(upstream.url, tmp_path / "store", GATEWAY_DEADLINE="2s")
        with processes.gateway(tmp_path, settings) as served:
            await ending.happen(served, control)
    ending.verify(within=2 * 1.0)


async def test_a_killed_worker_takes_no_more_along_than_what_was_in_flight(tmp_path: Path) -> None:
    kills = Kills(seed=6, times=2, number=12, pace=0.1)
    with alone(tmp_path) as house:
        await kills.happen(house)
        assert "Traceback" not in house.logs
    kills.verify()


async def test_nobody_sees_an_error_or_somebody_else_whatever_happens(tmp_path: Path) -> None:
    soak = Soak(seed=20_261_130, seconds=8.0, rest=1.0, number=16)
    with joined(tmp_path, people=40) as house:
        await soak.run(house)
    soak.verify()
