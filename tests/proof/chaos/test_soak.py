"""R7: ten minutes in which everything goes wrong at random."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Final

import pytest

from tests.proof.chaos.house import joined
from tests.proof.chaos.report import publish
from tests.proof.chaos.soak import Soak

if TYPE_CHECKING:
    from pathlib import Path

MINUTES: Final = 10.0
GROWTH: Final = 1.0
"""MiB a minute."""

GROWING: Final = ("right", "right server", "left server")
"""What lives all the time: one gateway with its workers, and the server of the other."""

ENOUGH: Final = 5.0
"""Minutes after which a slope says something."""


@pytest.mark.anyio
async def test_nobody_sees_an_error_or_somebody_else_whatever_happens(tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbits(32))
    minutes = float(os.environ.get("CHAOS_MINUTES") or MINUTES)
    print(f"\nCHAOS_SEED={seed} CHAOS_MINUTES={minutes:g}")
    with joined(tmp_path) as house:
        soak = Soak(seed, 60 * minutes, rest=8.0, number=24)
        try:
            await soak.run(house)
        finally:
            publish("soak", "Soak (R7)", soak.document(), soak.tally.diary.lines)
            (tmp_path / "soak.log").write_text(house.logs)
    soak.verify()
    if minutes >= ENOUGH:
        assert all(float(str(soak.grown[f"{each}, MiB/min"])) < GROWTH for each in GROWING)
