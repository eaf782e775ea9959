"""What the service counts: runs, what they were spared, back-offs and erasures."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import NoPhoto, UpstreamFailed
from gateway.model import AvatarSpec
from gateway.telemetry import metrics as m
from tests.fakes import LEON, MAYA, FakeResolver, House, Machine, opened, settle, signed
from tests.scrapes import Scrape

if TYPE_CHECKING:
    from gateway.telemetry.metrics import Metric


def seen(house: House) -> Scrape:
    text, _ = house.telemetry.exposed({}, accept="")
    return Scrape(text.decode())


def nonzero(house: House, metric: Metric) -> dict[tuple[str, ...], float]:
    """The series of `metric` that have counted something."""
    found = seen(house)
    values = {
        labels: found.value(metric.name, **dict(zip(metric.labels, labels, strict=True)))
        for labels in metric.series
    }
    return {labels: value for labels, value in values.items() if value}


async def test_a_run_is_counted_once_for_all_who_wait_for_it() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await asyncio.gather(*(house.see() for _ in range(5)))
        found = seen(house)
        assert nonzero(house, m.RUNS) == {("viewer",): 1}
        assert found.value(f"{m.RUN_WAIT.name}_count") == 1
        assert found.value(f"{m.RUN_SECONDS.name}_count") == 1
        assert found.value(m.SPARED.name) == 0


async def test_runs_are_counted_by_whom_they_are_for() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await house.keeper.refresh(MAYA)
        await house.keeper.learn(LEON)
        await settle()
        house.clock.advance(30 * 3600)
        await house.see()
        assert nonzero(house, m.RUNS) == {("refresh",): 1, ("warming",): 1, ("renewal",): 1}


async def test_who_joins_a_run_that_has_a_turn_coming_is_counted() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        house.resolver.gate.clear()
        looks = asyncio.ensure_future(house.avatars.get(MAYA, AvatarSpec()))
        await house.resolver.entered.wait()
        learning = asyncio.ensure_future(house.keeper.learn(MAYA))
        await settle()
        house.resolver.gate.set()
        await asyncio.gather(looks, learning)
        assert seen(house).value(m.JOINS.name) == 1


async def test_a_run_that_finds_another_workers_answer_is_spared() -> None:
    machine = Machine()
    first = House(FakeResolver(signed()), machine=machine)
    second = House(FakeResolver(signed()), portraits=first.portraits, machine=machine)
    async with opened(first), opened(second):
        first.resolver.gate.clear()
        views = [asyncio.ensure_future(each.see()) for each in (first, second)]
        await first.resolver.entered.wait()
        await settle()
        first.resolver.gate.set()
        await asyncio.gather(*views)
        assert second.resolver.asked == []
        assert seen(second).value(m.SPARED.name) == 1
        assert seen(first).value(m.SPARED.name) == 0


async def test_failures_begin_back_offs_and_are_counted_by_reason() -> None:
    async with opened(House(FakeResolver(UpstreamFailed("500")))) as house:
        await house.see()
        await house.see()
        assert nonzero(house, m.FAILURES) == {("upstream",): 1}


async def test_a_hidden_photo_an_order_and_a_suppression_are_erasures() -> None:
    answers = signed(), NoPhoto("none", confirmed=True), signed()
    async with opened(House(FakeResolver(*answers))) as house:
        await house.see()
        assert nonzero(house, m.ERASURES) == {}
        await house.keeper.refresh(MAYA)
        assert nonzero(house, m.ERASURES) == {("hidden",): 1}
        await house.keeper.erase(MAYA)
        await house.keeper.suppress(LEON)
        await house.archive.retire(house.archive.key(LEON))
        assert nonzero(house, m.ERASURES) == {
            ("hidden",): 1,
            ("order",): 1,
            ("suppression",): 1,
            ("retention",): 1,
        }
