"""Nobody learns from a stopwatch why there is no photo.

Answers for several reasons are timed in an order that is drawn, and the best threshold is sought
that would tell two of the reasons apart. By chance alone it does so for a share of the answers that
is known (Kolmogorov and Smirnov); a path through the code of its own would show as more.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Reason
from gateway.sandbox import Sandbox
from tests.faults.alike import WHY, cast
from tests.faults.stage import MovableClock, behind, staged

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

HELD = 1_500
COLD = 250
CHANCE = 1e-5
"""How often two samples of one kind would differ as much as is taken for a difference."""


def advantage(one: Sequence[float], other: Sequence[float]) -> float:
    """By how much the best threshold does better than guessing: 0 to 1."""
    both = sorted([(each, 0) for each in one] + [(each, 1) for each in other])
    counts, most = [0, 0], 0.0
    for _, which in both:
        counts[which] += 1
        most = max(most, abs(counts[0] / len(one) - counts[1] / len(other)))
    return most


def bound(number: int) -> float:
    """What chance alone seldom exceeds, for two samples of `number` each."""
    return math.sqrt(-math.log(CHANCE / 2) / number)


async def timed(views: dict[str, list[str]], *, cold: bool) -> dict[str, list[float]]:
    """Seconds that views of those contacts take, by reason; all learned before unless `cold`."""
    found: dict[str, list[float]] = {why: [] for why in views}
    clock = MovableClock()
    dice = random.Random(7)  # noqa: S311 - a proof must be repeatable
    order = [(why, each) for why, numbers in views.items() for each in numbers]
    dice.shuffle(order)
    async with Sandbox() as sandbox:
        cast(sandbox, max(map(len, views.values())))
        async with staged(behind(sandbox.base_url), clock=clock) as stage:
            await stage.see("15557654321")  # the session and the connections are there
            if not cold:
                for contact in {each for _, each in order}:
                    await stage.see(contact)
                clock.advance(62)
                for contact in {each for _, each in order}:
                    await stage.see_until(lambda view: view.life == "lasting", contact)
            for why, contact in order:
                began = time.perf_counter()
                response = await stage.ask(f"/avatar/{contact}.png?size=48")
                found[why].append(time.perf_counter() - began)
                assert response.headers["avatar-reason"] == Reason.NONE
    return found


@pytest.mark.parametrize(("cold", "number"), [(False, HELD), (True, COLD)], ids=["held", "cold"])
async def test_no_threshold_tells_the_reasons_apart(number: int, *, cold: bool) -> None:
    people = cast(Sandbox(), number if cold else 1)
    views = people if cold else {why: numbers * number for why, numbers in people.items()}
    seconds = await timed(views, cold=cold)
    found = {
        pair: advantage(seconds[pair[0]], seconds[pair[1]])
        for pair in itertools.combinations(WHY, 2)
    }
    for why, each in seconds.items():
        print(f"{why}: median {1e3 * sorted(each)[len(each) // 2]:.3f} ms")
    (one, other), most = max(found.items(), key=lambda item: item[1])
    print(f"best threshold: {most:.3f} ({one} / {other}), by chance {bound(number):.3f}")
    assert most <= bound(number)


def test_the_threshold_is_found_where_there_is_one() -> None:
    dice = random.Random(1)  # noqa: S311 - as above
    one = [dice.gauss(1.0, 0.2) for _ in range(HELD)]
    later = [dice.gauss(1.1, 0.2) for _ in range(HELD)]
    same = [dice.gauss(1.0, 0.2) for _ in range(HELD)]
    assert advantage(one, later) > bound(HELD) > advantage(one, same)
