"""R11: a day of traffic, and ten thousand URLs for one contact."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.day import Day
from tests.e2e.readers import look

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.wire import Received

pytestmark = pytest.mark.anyio

SEED: Final = 20_261_129
BUSTERS: Final = 10_000


async def test_a_day_costs_one_question_for_a_photo_and_two_for_one_that_is_hidden(
    tmp_path: Path,
) -> None:
    day, began = Day(requests=100_000, contacts=10_000), time.monotonic()
    await day.pass_by(tmp_path, seed=SEED)
    print(f"\n{day.requests} requests in {time.monotonic() - began:.0f} s, seed {SEED}:", end=" ")
    print(f"{day.shown} photos, {day.hidden} hidden,", end=" ")
    print(f"{day.questions} questions, {day.downloads} downloads; {dict(day.seen)}")
    day.verify()


async def test_what_a_url_says_besides_costs_no_question(tmp_path: Path) -> None:
    targets = [f"/avatar/15551234567.png?size=48&cb={number}" for number in range(BUSTERS)]

    def judge(_target: str, answer: Received) -> None:
        assert answer.headers["avatar-source"] == "photo"

    with processes.sandbox(tmp_path) as upstream:
        control = processes.Control(upstream.url)
        settings = processes.settings_for(upstream.url, tmp_path / "store", GATEWAY_DEADLINE="30s")
        with processes.gateway(tmp_path, settings) as served:
            await look(served.url, targets, judge=judge)
        counts = control.counts()
    print(f"\n{BUSTERS} URLs: {counts['picture']} question, {counts['cdn']} download")
    assert (counts["picture"], counts["cdn"]) == (1, 1)
