"""A schedule is played: each disturbance at its time, and undone when it has lasted."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from tests.proof.chaos import outages, upstream
from tests.proof.chaos.scene import Scene
from tests.proof.chaos.schedule import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from tests.proof.chaos.diary import Diary
    from tests.proof.chaos.house import House
    from tests.proof.chaos.schedule import Disturbance
    from tests.proof.chaos.viewers import Viewers

WAYS: Final[Mapping[Kind, Callable[[Scene], AbstractAsyncContextManager[None]]]] = {
    Kind.API_FAULTS: upstream.api_faults,
    Kind.CDN_FAULTS: upstream.cdn_faults,
    Kind.SLOW_CDN: upstream.slow_cdn,
    Kind.API_DOWN: upstream.api_down,
    Kind.UNLINKED: upstream.unlinked,
    Kind.A_DAY: upstream.a_day,
    Kind.ERASED: upstream.erased,
    Kind.WORKER_KILLED: outages.worker_killed,
    Kind.DECODER_KILLED: outages.decoder_killed,
    Kind.RELOADED: outages.reloaded,
    Kind.VALKEY_FROZEN: outages.valkey_frozen,
    Kind.VALKEY_KILLED: outages.valkey_killed,
    Kind.VALKEY_EMPTIED: outages.valkey_emptied,
    Kind.STORE_FROZEN: outages.store_frozen,
    Kind.STORE_KILLED: outages.store_killed,
}


async def play(
    schedule: Sequence[Disturbance], house: House, viewers: Viewers, diary: Diary
) -> None:
    """Do all of it, and note it in the diary."""
    began, lane = time.monotonic(), attrgetter("lane")

    async def one_by_one(disturbances: Iterable[Disturbance]) -> None:
        for each in disturbances:
            await asyncio.sleep(began + each.at - time.monotonic())
            chance = random.Random(each.luck)  # noqa: S311 - a proof must be repeatable
            async with WAYS[each.kind](Scene(house, viewers, each.lane, chance, diary)):
                diary.note(each.kind, f"{each.lane}, {each.lasting:.1f} s")
                await asyncio.sleep(began + each.at + each.lasting - time.monotonic())

    async with asyncio.TaskGroup() as group:
        for _, disturbances in groupby(sorted(schedule, key=lane), lane):
            group.create_task(one_by_one(list(disturbances)))
