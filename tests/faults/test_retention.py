"""How long anything about anybody is kept, day by day, by a clock that is moved."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest

from gateway.assembly import open_gateway
from gateway.errors import Reason
from gateway.model import AvatarSpec, ContactId, Photo
from gateway.sandbox import Sandbox
from gateway.settings import Settings
from gateway.sharing import Clocks
from tests.faults.stage import DAY, RUN, MovableClock, behind, overheard, portraits, stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.assembly import Gateway

pytestmark = pytest.mark.anyio

HOUR: Final = 3600.0
SHOWN: Final = ContactId.parse("15557654321")
HIDDEN: Final = ContactId.parse("15557654300")
UNWANTED: Final = ContactId.parse("15557650987")


@asynccontextmanager
async def lived_in(folder: Path) -> AsyncIterator[tuple[Gateway, Sandbox, MovableClock]]:
    """A gateway that knows a photo, an absence and a suppression; then its upstream fails."""
    clock = MovableClock()
    async with Sandbox() as sandbox:
        settings = behind(sandbox.base_url) | {"GATEWAY_STORE": folder.as_uri()}
        loaded = Settings.load(settings, env_file=None)
        with overheard():
            async with open_gateway(loaded, clocks=Clocks(clock, clock.ticks)) as gateway:
                await gateway.keeper.suppress(UNWANTED)
                for contact in (SHOWN, HIDDEN):
                    await gateway.avatars.get(contact, AvatarSpec())
                await stored(folder, 3)
                sandbox.set_default(api="server_error_500")
                yield gateway, sandbox, clock


async def shown(gateway: Gateway, contact: ContactId) -> Reason | None:
    return (await gateway.avatars.get(contact, AvatarSpec())).standing.reason


async def confirmed(gateway: Gateway) -> float:
    """When somebody last vouched for the photo."""
    found = await gateway.portraits.get(SHOWN)
    return found.confirmed if isinstance(found, Photo) else 0.0


async def test_a_photo_is_shown_for_two_days_and_kept_for_seven(tmp_path: Path) -> None:
    """Counted from its last confirmation, whatever the upstream does."""
    async with lived_in(tmp_path) as (gateway, _, clock):
        kept: list[int] = []
        for hour in range(0, 9 * 24 + 1, 12):
            reason = await shown(gateway, SHOWN)
            assert (reason is None) == (hour < 48)
            await gateway.sweeper.sweep()
            kept.append(len(portraits(tmp_path)))
            clock.advance(12 * HOUR)
        lasted = 7 * 2
        assert kept == [3] * lasted + [1] * (len(kept) - lasted)
        assert await shown(gateway, SHOWN) is Reason.UPSTREAM


async def test_the_hour_after_the_seventh_day_is_the_last(tmp_path: Path) -> None:
    async with lived_in(tmp_path) as (gateway, _, clock):
        clock.advance(7 * DAY - 2)
        assert await gateway.sweeper.sweep() == 0
        clock.advance(HOUR)
        assert await gateway.sweeper.sweep() == 2
        assert len(portraits(tmp_path)) == 1


async def test_what_is_confirmed_begins_its_seven_days_anew(tmp_path: Path) -> None:
    async with lived_in(tmp_path) as (gateway, sandbox, clock):
        clock.advance(2 * DAY)
        sandbox.advance(2 * DAY)
        sandbox.set_default()
        assert await shown(gateway, SHOWN) is None
        async with asyncio.timeout(20):
            while await confirmed(gateway) < clock() - HOUR:  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.001)
        clock.advance(6 * DAY)
        await gateway.sweeper.sweep()
        assert len(portraits(tmp_path)) == 2


async def test_a_suppression_outlives_everything_and_asks_nobody(tmp_path: Path) -> None:
    async with lived_in(tmp_path) as (gateway, sandbox, clock):
        for _ in range(40):
            clock.advance(30 * DAY)
            await gateway.sweeper.sweep()
            assert await shown(gateway, UNWANTED) is Reason.NONE
        assert len(portraits(tmp_path)) == 1
        asked = {call.contact for call in sandbox.calls if call.kind == "picture"}
        assert UNWANTED.value not in asked


async def look(gateway: Gateway, sandbox: Sandbox, clock: MovableClock, hours: float) -> bool:
    """Look so many hours later; whether there was a photo. Then what goes on behind is awaited."""
    clock.advance(hours * HOUR)
    sandbox.advance(hours * HOUR)
    seen = await shown(gateway, SHOWN) is None
    while behind_it := [task for task in asyncio.all_tasks() if RUN in repr(task)]:
        await asyncio.wait(behind_it, timeout=20)
    return seen


@pytest.mark.parametrize("before", [0, 1, 12, 23, 24])
async def test_who_hides_and_is_looked_at_is_gone_within_what_is_promised(
    tmp_path: Path, before: int
) -> None:
    """The hours of docs/privacy.md without those of caches behind us; an hour is between looks."""
    async with lived_in(tmp_path) as (gateway, sandbox, clock):
        sandbox.set_default()
        for _ in range(before):
            assert await look(gateway, sandbox, clock, 1)
        sandbox.hide(SHOWN.value)
        seen = [await look(gateway, sandbox, clock, 1) for _ in range(60)]
        assert sum(seen) <= 24 + 25 + 2.5 + 1
        assert seen == sorted(seen, reverse=True)
        assert await shown(gateway, SHOWN) is Reason.NONE


async def test_who_hides_and_is_not_looked_at_is_seen_once_more_and_no_later_than_two_days(
    tmp_path: Path,
) -> None:
    async with lived_in(tmp_path / "a") as (gateway, sandbox, clock):
        sandbox.set_default()
        sandbox.hide(SHOWN.value)
        assert await look(gateway, sandbox, clock, 47)
        assert not await look(gateway, sandbox, clock, 0.1)
    async with lived_in(tmp_path / "b") as (gateway, sandbox, clock):
        sandbox.set_default()
        sandbox.hide(SHOWN.value)
        assert not await look(gateway, sandbox, clock, 48)
