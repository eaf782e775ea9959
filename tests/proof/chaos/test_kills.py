"""R6: a minute in which a worker is killed every two seconds."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

import pytest

from tests.proof.chaos.house import alone
from tests.proof.chaos.kills import Kills
from tests.proof.chaos.report import publish

if TYPE_CHECKING:
    from pathlib import Path

KILLS: Final = 30


@pytest.mark.anyio
async def test_a_kill_costs_no_more_than_what_was_in_flight(tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbits(32))
    print(f"\nCHAOS_SEED={seed}")
    kills = Kills(seed, KILLS, number=30, pace=0.1)
    with alone(tmp_path) as house:
        try:
            await kills.happen(house)
        finally:
            publish("kills", "Killed workers (R6)", kills.document())
        assert "Traceback" not in house.logs
    kills.verify()
