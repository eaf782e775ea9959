"""A budget on contacts that nobody knows: who is refused, and who must not be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.errors import NoPhoto, Reason, UpstreamFailed
from gateway.model import AvatarSpec, ContactId, Path
from gateway.newcomers import BURST
from tests.fakes import LEON, LIFETIMES, MAYA, FakeResolver, House, opened, settle, signed

if TYPE_CHECKING:
    from gateway.model import Avatar, PhotoUrl

HOUR: Final = 3600.0
EVE, OFFICE = "198.51.100.0/24", "203.0.113.0/24"
URL: Final = signed()
SURE: Final = NoPhoto("the API knows no picture", confirmed=True)


def guarded(*answers: PhotoUrl | Exception) -> House:
    """A house in which networks are bounded, and all together are in no test's way."""
    return House(FakeResolver(*(answers or (URL,))), hourly=1e6)


async def see(house: House, contact: ContactId, network: str | None) -> Avatar:
    avatar = await house.avatars.get(contact, AvatarSpec(), network=network)
    await settle()
    return avatar


def use_up(house: House, *networks: str) -> None:
    """Let `networks` ask about all the newcomers that they may."""
    for network in networks:
        for number in range(BURST):
            house.newcomers.admit(f"{number} from {network}", [network])


def is_refused(avatar: Avatar) -> bool:
    return avatar.standing.reason is Reason.BUDGET


async def test_beyond_the_budget_nobody_is_asked_and_the_fallback_says_so() -> None:
    async with opened(guarded()) as house:
        use_up(house, EVE)
        avatar = await see(house, MAYA, EVE)
        assert is_refused(avatar)
        assert (avatar.path, avatar.standing.settled) == (Path.MISS, False)
        assert avatar.standing.fresh_until <= house.clock(), "asked again as soon as it is wanted"
        document = await house.documents.of(MAYA, AvatarSpec(), network=EVE)
        assert document.standing.reason is Reason.BUDGET
        assert house.resolver.asked == []
        assert house.telemetry.newcomers_refused == 2


async def test_a_refusal_leaves_no_trace_of_the_contact() -> None:
    async with opened(guarded()) as house:
        use_up(house, EVE)
        await see(house, MAYA, EVE)
        assert house.renditions.standing(MAYA) is None
        assert house.portraits.kept == {}
        assert house.pauses.last(MAYA) is None
        assert not is_refused(await see(house, MAYA, None))


async def test_what_is_known_is_shown_to_everybody() -> None:
    """Mail proxies ask for many people from a few addresses: what is held costs nothing."""
    async with opened(guarded()) as house:
        await see(house, MAYA, OFFICE)
        use_up(house, EVE)
        assert (await see(house, MAYA, EVE)).standing.reason is None
        house.erasures.missed = True  # this worker holds nothing any more, the store does
        assert (await see(house, MAYA, EVE)).standing.reason is None
        assert len(house.resolver.asked) == 1


async def test_what_was_known_is_asked_about_again_for_everybody() -> None:
    async with opened(guarded(SURE, SURE, URL)) as house:
        await see(house, MAYA, OFFICE)
        use_up(house, EVE)
        house.clock.advance(LIFETIMES.stale + HOUR)  # too old to be shown
        house.erasures.missed = True
        assert not is_refused(await see(house, MAYA, EVE))
        assert len(house.resolver.asked) == 2


async def test_a_failure_is_asked_about_again_and_not_paid_for_twice() -> None:
    async with opened(guarded(UpstreamFailed("down"), URL)) as house:
        await see(house, MAYA, EVE)
        use_up(house, EVE)
        house.clock.advance(HOUR)
        assert (await see(house, MAYA, EVE)).standing.reason is None
        assert len(house.resolver.asked) == 2


async def test_a_pause_after_a_failure_is_told_as_it_is() -> None:
    async with opened(guarded(UpstreamFailed("down"))) as house:
        await see(house, MAYA, OFFICE)
        use_up(house, EVE)
        house.erasures.missed = True
        assert (await see(house, MAYA, EVE)).standing.reason is Reason.UPSTREAM


async def test_a_run_that_is_under_way_is_everybodys() -> None:
    async with opened(guarded()) as house:
        use_up(house, EVE)
        house.resolver.gate.clear()
        house.inquiry.warm([MAYA])
        await house.resolver.entered.wait()
        viewer = asyncio.create_task(see(house, MAYA, EVE))
        await settle()
        house.resolver.gate.set()
        assert (await viewer).standing.reason is None


# Who waits together: the store is slow, and viewers of several networks come while it is read.


async def together(house: House, *networks: str | None) -> list[Avatar]:
    """Views by `networks`, all of them before it is known whether anything is."""
    house.portraits.reading.clear()
    views = []
    for network in networks:
        views.append(asyncio.create_task(see(house, MAYA, network)))
        await settle()
    house.portraits.reading.set()
    return await asyncio.gather(*views)


async def test_nobody_is_refused_for_coming_behind_somebody_who_is() -> None:
    for last in (OFFICE, None):
        async with opened(guarded()) as house:
            use_up(house, EVE)
            avatars = await together(house, EVE, EVE, last)
            assert [avatar.standing.reason for avatar in avatars] == [None] * 3
            assert len(house.resolver.asked) == 1


async def test_all_who_may_not_are_refused_by_one_look() -> None:
    async with opened(guarded()) as house:
        use_up(house, EVE, OFFICE)
        avatars = await together(house, EVE, OFFICE, EVE)
        assert all(is_refused(avatar) for avatar in avatars)
        assert house.portraits.reads == 1
        assert house.resolver.asked == []


async def test_who_comes_after_a_refusal_is_judged_for_themselves() -> None:
    async with opened(guarded()) as house:
        use_up(house, EVE)
        assert is_refused(await see(house, MAYA, EVE))
        assert (await see(house, MAYA, OFFICE)).standing.reason is None
        assert (await see(house, MAYA, EVE)).standing.reason is None


async def test_the_first_who_may_pays_for_all() -> None:
    async with opened(guarded()) as house:
        await together(house, OFFICE, EVE)
        admitted = sum(house.newcomers.admit(str(each), [EVE]) for each in range(2 * BURST))
        assert admitted == BURST


async def test_who_leaves_takes_nothing_away_from_who_stays() -> None:
    async with opened(guarded()) as house:
        use_up(house, EVE)
        house.portraits.reading.clear()
        leaving = asyncio.create_task(see(house, MAYA, OFFICE))
        staying = asyncio.create_task(see(house, MAYA, EVE))
        await settle()
        leaving.cancel()
        house.portraits.reading.set()
        assert (await staying).standing.reason is None


async def test_nobody_is_remembered_as_waiting_who_does_not() -> None:
    async with opened(guarded()) as house:
        use_up(house, EVE)
        await asyncio.gather(see(house, MAYA, EVE), see(house, LEON, OFFICE))
        assert house.inquiry._waiting == {}  # noqa: SLF001 - what would grow


async def test_a_range_of_numbers_costs_no_more_questions_than_the_budget() -> None:
    async with opened(guarded()) as house:
        numbers = [ContactId.parse(str(15_557_000_000 + number)) for number in range(2 * BURST)]
        avatars = [await house.avatars.get(each, AvatarSpec(), network=EVE) for each in numbers]
        assert sum(is_refused(avatar) for avatar in avatars) == BURST
        assert len(house.resolver.asked) == BURST
