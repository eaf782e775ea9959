"""A photo that is known, while clocks jump, viewers leave, and places to keep it go away."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from gateway.sandbox import Sandbox
from tests.faults.known import HOUR, is_known, photo, remember, stored_in
from tests.faults.stage import (
    CONTACT,
    DAY,
    MovableClock,
    asked,
    behind,
    portraits,
    refreshes,
    staged,
    stored,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


# ---- learned in this life ----

FAULTS: Final[dict[str, dict[str, object]]] = {
    "the API fails": {"api": "server_error_500"},
    "the API refuses us": {"api": "unauthorized"},
    "the API has lost its phone": {"api": "invalid_session"},
    "the API wants to be left alone": {"api": "too_many_requests_seconds"},
    "the picture is elsewhere": {"api": "url:https://evil.example/a.jpg"},
    "the picture is cut": {"cdn": "cut"},
    "the picture is a weapon": {"cdn": "scan_bomb"},
    "the picture is gone": {"cdn": "gone"},
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_photo_outlives_its_life_in_memory_alone(fault: str) -> None:
    """Up to ``GATEWAY_STALE_TTL``; then nobody has vouched for it for too long."""
    clock = MovableClock()
    async with Sandbox() as sandbox, staged(behind(sandbox.base_url), clock=clock) as stage:
        fresh = await stage.see()
        assert (fresh.reason, fresh.life) == (None, "fresh")
        await stage.runs_end()
        sandbox.new_photo(CONTACT)
        sandbox.advance(2 * DAY)
        sandbox.set_contact(CONTACT, **FAULTS[fault])  # type: ignore[arg-type] # a side each
        for hours in (30, 10, 7):
            clock.advance(hours * HOUR)
            stale = await stage.see()
            assert (stale.life, stale.waits) == ("stale", False)
            assert stale.response.content == fresh.response.content
            await stage.runs_end()
        clock.advance(2 * HOUR)
        assert (await stage.see()).reason is not None
        sandbox.set_contact(CONTACT)
        clock.advance(2 * HOUR)
        healed = await stage.see_until(lambda view: view.life == "fresh")
        assert healed.response.content != fresh.response.content


@pytest.mark.parametrize("scenario", ["hang", "expired", "server_error", "corrupt", "reset"])
async def test_a_photo_that_is_still_the_same_is_not_fetched_whatever_the_cdn_does(
    scenario: str, tmp_path: Path
) -> None:
    async with Sandbox() as sandbox:
        settings = behind(sandbox.base_url) | stored_in(tmp_path)
        await remember(settings, photo(url=sandbox.mint(CONTACT, age=DAY)))
        sandbox.set_contact(CONTACT, cdn=scenario)
        async with staged(settings) as stage:
            assert is_known(await stage.see())
            await stage.runs_end()
            view = await stage.see()
            assert (is_known(view), view.life) == (True, "fresh")
    assert asked(sandbox) == (1, 0)


async def test_a_url_that_is_dead_is_refreshed_and_no_photo_fetched_that_is_the_same(
    tmp_path: Path,
) -> None:
    async with Sandbox() as sandbox:
        settings = behind(sandbox.base_url) | stored_in(tmp_path)
        await remember(settings, photo(url=sandbox.mint(CONTACT, age=DAY)))
        sandbox.set_contact(CONTACT, api="stale_url")
        async with staged(settings) as stage:
            await stage.see()
            await stage.runs_end()
            view = await stage.see()
            assert (is_known(view), view.life) == (True, "fresh")
    assert refreshes(sandbox) == [False, True]
    assert asked(sandbox) == (2, 0)


# ---- clocks ----

JUMPS: Final[dict[str, tuple[float, float, int]]] = {
    "fresh, a day ahead": (1, DAY, 0),
    "fresh, a day back": (1, -DAY, 0),
    "almost due, a day ahead": (20, DAY, 1),
    "almost due, a day back": (20, -DAY, 0),
    "due, a day back": (30, -DAY, 0),
}
"""Hours since the photo was confirmed, the jump, and how often anybody is asked afterwards."""


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_clock_that_jumps_takes_no_known_photo_away(jump: str, tmp_path: Path) -> None:
    hours, seconds, calls = JUMPS[jump]
    clock = MovableClock()
    async with Sandbox() as sandbox:
        settings = behind(sandbox.base_url) | stored_in(tmp_path)
        await remember(settings, photo(age=hours * HOUR))
        async with staged(settings, clock=clock) as stage:
            if calls or hours == 1:  # the photo is in this worker's memory already
                assert is_known(await stage.see())
            clock.set(seconds)
            assert is_known(await stage.see())
            await stage.runs_end()
            for size in (48, 64):
                view = await stage.see(size=size)
                assert (view.reason, is_known(view)) == (None, not calls)
    assert asked(sandbox) == (calls, calls)


# ---- viewers ----


@pytest.mark.parametrize("place", ["picture", "cdn"])
async def test_the_viewer_behind_whom_a_photo_is_renewed_may_leave(
    place: str, tmp_path: Path
) -> None:
    async with Sandbox() as sandbox:
        settings = behind(sandbox.base_url) | stored_in(tmp_path)
        await remember(settings)
        async with staged(settings) as stage:
            sandbox.close_gate(place)
            leaving = asyncio.create_task(stage.see_all(20))
            await sandbox.waiting(place, 1)
            leaving.cancel()
            await asyncio.wait((leaving,))
            assert is_known(await stage.see())
            sandbox.open_gate(place)
            await stage.runs_end()
            view = await stage.see()
            assert (view.reason, view.life, is_known(view)) == (None, "fresh", False)
    assert asked(sandbox) == (1, 1)


# ---- places ----


async def test_a_directory_that_goes_away_costs_no_known_photo(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    async with Sandbox() as sandbox:
        settings = behind(sandbox.base_url) | stored_in(folder)
        await remember(settings)
        async with staged(settings) as stage:
            sandbox.close_gate("picture")
            assert is_known(await stage.see())
            await sandbox.waiting("picture", 1)
            shutil.rmtree(folder)
            folder.write_bytes(b"no directory")
            assert is_known(await stage.see())
            sandbox.open_gate("picture")
            await stage.runs_end()
            for size in (48, 64):
                view = await stage.see(size=size)
                assert (view.reason, view.life, is_known(view)) == (None, "fresh", False)
    assert asked(sandbox) == (1, 1)


async def test_a_photo_that_is_damaged_while_it_is_shown_is_replaced_by_a_new_one(
    tmp_path: Path,
) -> None:
    async with Sandbox() as sandbox:
        settings = behind(sandbox.base_url) | stored_in(tmp_path)
        await remember(settings)
        async with staged(settings) as stage:
            sandbox.close_gate("picture")
            assert is_known(await stage.see())
            await sandbox.waiting("picture", 1)
            [portrait] = portraits(tmp_path)
            portrait.write_bytes(portrait.read_bytes()[:-100])
            assert is_known(await stage.see())
            sandbox.open_gate("picture")
            await stage.runs_end()
            for size in (48, 64):
                assert not is_known(await stage.see(size=size))
        assert await stored(tmp_path) == {portrait}
        async with staged(settings) as stage:
            assert (await stage.see()).life == "fresh"
    assert asked(sandbox) == (1, 1)
