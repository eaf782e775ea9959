"""What follows a fault: pauses, one refresh, memory of what is bad, clocks that jump."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest

from gateway.errors import Reason
from gateway.sandbox import Sandbox
from tests.faults.stage import (
    CONTACT,
    DAY,
    MovableClock,
    Stage,
    asked,
    behind,
    refreshes,
    staged,
    stored,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

LONGER: Final = 1.1
"""A pause is up to a tenth longer, so that not everybody comes back at once."""


@asynccontextmanager
async def world(**settings: str) -> AsyncIterator[tuple[Stage, Sandbox, MovableClock]]:
    """A gateway whose clock can be moved, and the sandbox behind it, whose clock cannot."""
    clock = MovableClock()
    async with (
        Sandbox() as sandbox,
        staged(behind(sandbox.base_url, **settings), clock=clock) as stage,
    ):
        yield stage, sandbox, clock


# ---- "none" ----


@pytest.mark.parametrize(
    "dress", ["url_null", "url_empty", "url_missing", "profile_picture_url_null"]
)
async def test_a_first_none_is_confirmed_by_one_refresh_behind_the_viewer(dress: str) -> None:
    async with world(GATEWAY_CONFIRM_DELAY="60s") as (stage, sandbox, clock):
        sandbox.set_contact(CONTACT, api=dress)
        first = await stage.see()
        assert (first.reason, first.life) == (Reason.NONE, "passing")
        clock.advance(58)
        await stage.see()
        assert refreshes(sandbox) == [False]
        clock.advance(4)
        sandbox.close_gate("picture")
        behind_it = await stage.see()
        assert (behind_it.reason, behind_it.waits) == (Reason.NONE, False)
        await sandbox.waiting("picture", 1)
        sandbox.open_gate("picture")
        settled = await stage.see_until(lambda view: view.life == "lasting")
        assert (settled.reason, settled.waits) == (Reason.NONE, False)
        clock.advance(DAY)
        await stage.see()
    assert refreshes(sandbox) == [False, True]
    assert asked(sandbox) == (2, 0)


async def test_a_none_that_passes_gives_way_to_the_photo_after_its_one_refresh() -> None:
    async with world(GATEWAY_CONFIRM_DELAY="60s") as (stage, sandbox, clock):
        sandbox.set_contact(CONTACT, api="transient_null")
        assert (await stage.see()).reason is Reason.NONE
        clock.advance(62)
        photo = await stage.see_until(lambda view: view.reason is None)
        assert photo.life == "fresh"
    assert refreshes(sandbox) == [False, True]
    assert asked(sandbox) == (2, 1)


async def test_a_none_that_named_the_contact_is_asked_about_no_more() -> None:
    async with world(GATEWAY_CONFIRM_DELAY="60s") as (stage, sandbox, clock):
        sandbox.set_contact(CONTACT, api="not_found")
        assert (await stage.see()).life == "passing"
        clock.advance(62)
        await stage.see_until(lambda view: view.life == "lasting")
        clock.advance(DAY - 62)
        assert (await stage.see()).life == "lasting"
    assert asked(sandbox) == (1, 0)


# ---- pauses ----

PAUSES: dict[str, tuple[str, dict[str, object], float]] = {
    "seconds": ("too_many_requests", {"retry_after": "120"}, 120),
    "a date": ("too_many_requests_date", {"seconds": 120}, 118),
    "nothing": ("too_many_requests", {}, 60),
    "zero": ("too_many_requests", {"retry_after": "0"}, 60),
    "words": ("too_many_requests", {"retry_after": "soon"}, 60),
    "a date long ago": (
        "too_many_requests",
        {"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"},
        60,
    ),
    "an hour": ("too_many_requests", {"retry_after": "3600"}, 300),
    "absurd": ("too_many_requests_absurd", {}, 300),
    "a date in a thousand years": (
        "too_many_requests",
        {"retry_after": "Thu, 01 Jan 3026 00:00:00 GMT"},
        300,
    ),
    "rate-overlimit": ("rate_overlimit_200", {}, 60),
    "an error": ("server_error_500", {}, 60),
    "garbage": ("garbage_status", {}, 60),
}


@pytest.mark.parametrize("name", PAUSES)
async def test_the_api_is_left_alone_for_as_long_as_it_wants_and_not_longer(name: str) -> None:
    scenario, params, pause = PAUSES[name]
    async with world(GATEWAY_ERROR_TTL="60s") as (stage, sandbox, clock):
        sandbox.set_contact(CONTACT, api=scenario, params=params)
        refused = await stage.see()
        clock.advance(pause - 3)
        again = await stage.see()
        assert (again.reason, again.waits) == (refused.reason, False)
        assert asked(sandbox) == (1, 0)
        sandbox.set_contact(CONTACT, api="photo")
        clock.advance(pause * LONGER - pause + 6)
        assert (await stage.see()).reason is None
    assert asked(sandbox) == (2, 1)


@pytest.mark.parametrize("scenario", ["expired", "not_found", "gone"])
async def test_what_a_refresh_did_not_bring_back_is_left_for_ten_minutes(scenario: str) -> None:
    async with world() as (stage, sandbox, clock):
        sandbox.set_contact(CONTACT, cdn=scenario)
        assert (await stage.see()).reason is Reason.UPSTREAM
        for _ in range(3):
            clock.advance(199)
            await stage.see()
        assert refreshes(sandbox) == [False, True]
        assert asked(sandbox) == (2, 2)
        sandbox.set_contact(CONTACT)
        clock.advance(600 * LONGER - 3 * 199 + 5)
        assert (await stage.see()).reason is None
    assert asked(sandbox) == (3, 3)


@pytest.mark.parametrize("weapon", ["corrupt", "pixel_bomb", "scan_bomb"])
async def test_a_picture_that_could_not_be_decoded_is_not_fetched_again_for_an_hour(
    weapon: str,
) -> None:
    async with world(GATEWAY_ERROR_TTL="60s") as (stage, sandbox, clock):
        sandbox.set_contact(CONTACT, cdn=weapon)
        assert (await stage.see()).reason is Reason.UNDECODABLE
        for _ in range(3):
            clock.advance(18 * 60)
            assert (await stage.see()).reason is Reason.UNDECODABLE
        assert sandbox.count("cdn") == 1
        sandbox.set_contact(CONTACT)
        clock.advance(18 * 60)
        assert (await stage.see()).reason is None
    assert sandbox.count("cdn") == 2


async def test_a_new_photo_is_fetched_although_the_last_could_not_be_decoded() -> None:
    async with world(GATEWAY_ERROR_TTL="60s") as (stage, sandbox, clock):
        sandbox.set_contact(CONTACT, cdn="corrupt", times=1)
        await stage.see()
        sandbox.new_photo(CONTACT)
        sandbox.advance(2 * DAY)
        clock.advance(5 * 60)
        assert (await stage.see()).reason is None
    assert asked(sandbox) == (2, 2)


# ---- clocks ----


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_clock_that_jumps_takes_no_photo_away(jump: float) -> None:
    async with world() as (stage, sandbox, clock):
        assert (await stage.see()).reason is None
        clock.set(jump)
        assert (await stage.see()).reason is None
        assert (await stage.see(size=64)).reason is None
    assert asked(sandbox) == (1, 1)


@pytest.mark.parametrize("jump", [DAY, -DAY])
@pytest.mark.parametrize("place", ["picture", "cdn"])
async def test_a_clock_that_jumps_during_a_run_costs_no_photo(place: str, jump: float) -> None:
    async with world() as (stage, sandbox, clock):
        sandbox.close_gate(place)
        waiting = asyncio.create_task(stage.see())
        await sandbox.waiting(place, 1)
        clock.set(jump)
        sandbox.open_gate(place)
        assert (await waiting).reason is None
        assert (await stage.see()).reason is None
    assert asked(sandbox) == (1, 1)


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_clock_that_jumped_between_two_lives_costs_no_photo(
    jump: float, tmp_path: Path
) -> None:
    clock = MovableClock()
    async with Sandbox() as sandbox:
        settings = behind(sandbox.base_url) | {"GATEWAY_STORE": tmp_path.as_uri()}
        async with staged(settings, clock=clock) as stage:
            assert (await stage.see()).reason is None
            await stored(tmp_path)
        clock.set(jump)
        async with staged(settings, clock=clock) as stage:
            assert (await stage.see()).reason is None
    assert asked(sandbox) == (1, 1)


# ---- viewers ----


@pytest.mark.parametrize("place", ["picture", "cdn"])
async def test_the_viewer_who_began_the_run_may_leave(place: str) -> None:
    async with world() as (stage, sandbox, _):
        sandbox.close_gate(place)
        first = asyncio.create_task(stage.see_all(1))
        await sandbox.waiting(place, 1)
        others = asyncio.create_task(stage.see_all(20))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait((first,))
        sandbox.open_gate(place)
        assert {view.reason for view in await others} == {None}
        assert first.cancelled()
    assert asked(sandbox) == (1, 1)


async def test_a_run_that_nobody_waits_for_any_more_still_fills_the_cache() -> None:
    async with world() as (stage, sandbox, _):
        sandbox.close_gate("picture")
        only = asyncio.create_task(stage.see_all(1))
        await sandbox.waiting("picture", 1)
        only.cancel()
        await asyncio.wait((only,))
        sandbox.open_gate("picture")
        assert (await stage.see()).reason is None
    assert asked(sandbox) == (1, 1)


async def test_a_failed_run_is_shared_by_all_who_wait_for_it() -> None:
    async with world() as (stage, sandbox, _):
        sandbox.set_contact(CONTACT, api="server_error_500")
        sandbox.close_gate("picture")
        crowd = asyncio.create_task(stage.see_all(50))
        await sandbox.waiting("picture", 1)
        sandbox.open_gate("picture")
        assert {view.reason for view in await crowd} == {Reason.UPSTREAM}
    assert asked(sandbox) == (1, 0)


# ---- the session ----


async def test_the_session_is_asked_about_at_most_once_a_minute() -> None:
    async with world() as (stage, sandbox, clock):
        sandbox.set_default(api="not_found_unknown")
        for number in range(15550200001, 15550200004):
            assert (await stage.see(f"{number}@c.us")).reason is Reason.NONE
        assert sandbox.count("session") == 1
        clock.advance(61)
        sandbox.set_session("SCAN_QR_CODE")
        sandbox.set_default(api="not_found_unknown")
        for number in range(15550200011, 15550200014):
            assert (await stage.see(f"{number}@c.us")).reason is Reason.DISCONNECTED
    assert sandbox.count("session") == 2
