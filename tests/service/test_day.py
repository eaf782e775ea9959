"""A small day; a whole one is among the proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.day import Day

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_day_costs_one_question_for_a_photo_and_two_for_one_that_is_hidden(
    tmp_path: Path,
) -> None:
    day = Day(requests=2_000, contacts=200)
    await day.pass_by(tmp_path, seed=5)
    assert day.shown + day.hidden > 100
    day.verify()
