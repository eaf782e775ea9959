"""What all back-offs do that outlive a process, wherever they are kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gateway.budget import Backoff, FileBackoffs, MemoryBackoffs
from gateway.errors import Reason
from tests.budget.places import BACKOFFS
from tests.fakes import DAY, T0

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.budget import SharedBackoffs
    from tests.budget.places import World

MAYA_KEY, LEON_KEY = "a" * 64, "b" * 64


@pytest.fixture(params=BACKOFFS)
async def backoffs(request: pytest.FixtureRequest, world: World) -> AsyncIterator[SharedBackoffs]:
    async with BACKOFFS[request.param](world) as found:
        yield found


async def test_nothing_is_known_of_a_contact_that_never_failed(backoffs: SharedBackoffs) -> None:
    assert await backoffs.read(MAYA_KEY) is None


@pytest.mark.parametrize("reason", [Reason.NONE, Reason.TIMEOUT, Reason.INTERNAL])
async def test_a_back_off_comes_back_as_it_was(backoffs: SharedBackoffs, reason: Reason) -> None:
    backoff = Backoff(T0 + 60.125, reason, 3)
    await backoffs.write(MAYA_KEY, backoff)
    assert await backoffs.read(MAYA_KEY) == backoff
    assert await backoffs.read(LEON_KEY) is None


async def test_a_back_off_is_replaced(backoffs: SharedBackoffs) -> None:
    await backoffs.write(MAYA_KEY, Backoff(T0 + 60, Reason.TIMEOUT, 1))
    await backoffs.write(MAYA_KEY, Backoff(T0 + 30, Reason.UPSTREAM, 2))
    assert await backoffs.read(MAYA_KEY) == Backoff(T0 + 30, Reason.UPSTREAM, 2)


async def test_a_back_off_that_is_over_is_still_the_last(
    backoffs: SharedBackoffs, world: World
) -> None:
    await backoffs.write(MAYA_KEY, Backoff(T0 + 60, Reason.TIMEOUT, 1))
    world.pass_by(3600)
    assert await backoffs.read(MAYA_KEY) == Backoff(T0 + 60, Reason.TIMEOUT, 1)


async def test_a_success_forgets_the_contact_alone(backoffs: SharedBackoffs) -> None:
    for key in (MAYA_KEY, LEON_KEY):
        await backoffs.write(key, Backoff(T0 + 60, Reason.TIMEOUT, 1))
    await backoffs.clear(MAYA_KEY)
    await backoffs.clear("c" * 64)
    assert await backoffs.read(MAYA_KEY) is None
    assert await backoffs.read(LEON_KEY) is not None


async def test_memory_keeps_the_most_recent() -> None:
    backoffs = MemoryBackoffs(capacity=2)
    for key in ("a", "b", "a", "c"):
        await backoffs.write(key, Backoff(T0, Reason.TIMEOUT, 1))
    assert [key for key in "abc" if await backoffs.read(key)] == ["a", "c"]


async def test_workers_share_back_offs_through_the_file(world: World) -> None:
    async with BACKOFFS["file"](world) as one, BACKOFFS["file"](world) as other:
        await one.write(MAYA_KEY, Backoff(T0 + 60, Reason.TIMEOUT, 1))
        assert await other.read(MAYA_KEY) == Backoff(T0 + 60, Reason.TIMEOUT, 1)
        await other.clear(MAYA_KEY)
        assert await one.read(MAYA_KEY) is None


@pytest.mark.parametrize("jump", [-DAY, DAY])
async def test_a_back_off_in_the_file_follows_a_clock_that_is_moved(
    world: World, jump: float
) -> None:
    async with BACKOFFS["file"](world) as backoffs:
        await backoffs.write(MAYA_KEY, Backoff(T0 + 60, Reason.TIMEOUT, 1))
        world.move_clock(jump)
        found = await backoffs.read(MAYA_KEY)
    assert found is not None
    assert found.until - world.wall() == pytest.approx(60)


async def test_what_was_over_a_day_ago_is_swept(world: World) -> None:
    async with BACKOFFS["file"](world) as backoffs:
        await backoffs.write(MAYA_KEY, Backoff(T0 + 60, Reason.TIMEOUT, 1))
        await backoffs.write(LEON_KEY, Backoff(T0 + DAY, Reason.TIMEOUT, 1))
        world.pass_by(DAY + 120)
        await backoffs.read(LEON_KEY)
    with closing(sqlite3.connect(world.folder / "budget.db")) as file:
        assert file.execute("SELECT key FROM backoffs").fetchall() == [(LEON_KEY,)]


async def test_a_reason_of_another_version_is_no_back_off(world: World) -> None:
    async with BACKOFFS["file"](world) as backoffs:
        await backoffs.write(MAYA_KEY, Backoff(T0 + 60, Reason.TIMEOUT, 1))
        with closing(sqlite3.connect(world.folder / "budget.db")) as file, file:
            file.execute("UPDATE backoffs SET reason = 'moonlight'")
        assert await backoffs.read(MAYA_KEY) is None


async def test_a_file_that_fails_leaves_the_back_offs_in_memory(world: World) -> None:
    told: list[str | None] = []
    async with world.database() as database:
        backoffs = FileBackoffs(database, MemoryBackoffs(), tell=told.append)
        world.folder.joinpath("budget.db").mkdir()
        await backoffs.write(MAYA_KEY, Backoff(T0 + 60, Reason.TIMEOUT, 1))
        assert await backoffs.read(MAYA_KEY) == Backoff(T0 + 60, Reason.TIMEOUT, 1)
        await backoffs.clear(MAYA_KEY)
        assert await backoffs.read(MAYA_KEY) is None
        assert len(told) == 4
        assert None not in told
        world.folder.joinpath("budget.db").rmdir()
        assert await backoffs.read(MAYA_KEY) is None
        assert told[-1] is None
