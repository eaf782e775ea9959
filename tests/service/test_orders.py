"""What operators order: refreshes in their time, documents, and lists of those who are known."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import NoPhoto, Reason, TimedOut, TooSoon
from gateway.model import AvatarSpec, ContactId
from gateway.refreshes import PAUSE
from tests.fakes import LEON, MAYA, T0, FakeResolver, House, Machine, opened, settle, signed

BROADCAST = ContactId.parse("status@broadcast")


async def test_a_contact_is_refreshed_once_a_minute_by_whoever_orders_it() -> None:
    machine = Machine()
    async with (
        opened(House(FakeResolver(signed()), machine=machine)) as house,
        opened(House(FakeResolver(signed()), portraits=house.portraits, machine=machine)) as other,
    ):
        await house.keeper.refresh(MAYA)
        machine.clock.advance(20)
        with pytest.raises(TooSoon) as early:
            await other.keeper.refresh(MAYA)
        assert early.value.seconds == PAUSE - 20
        await other.keeper.refresh(LEON)
        machine.clock.advance(40)
        await other.keeper.refresh(MAYA)


async def test_of_many_orders_at_once_one_is_carried_out() -> None:
    machine = Machine()
    async with opened(House(FakeResolver(signed()), machine=machine)) as house:
        orders = [house.keeper.permit(MAYA) for _ in range(20)]
        done = await asyncio.gather(*orders, return_exceptions=True)
        assert sum(each is None for each in done) == 1


async def test_a_clock_that_was_set_back_forbids_no_refresh() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await house.keeper.permit(MAYA)
        house.clock.advance(-86_400)
        await house.keeper.permit(MAYA)


async def test_a_refresh_that_cannot_be_decided_in_time_is_told() -> None:
    async with opened(House(FakeResolver(signed()), deadline=0.02)) as house:
        house.resolver.gate.clear()
        with pytest.raises(TimedOut):
            await house.keeper.refresh(MAYA)
        house.resolver.gate.set()
        await settle()
        assert (await house.see()).standing.reason is None


async def test_nobody_is_asked_about_a_broadcast() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await house.keeper.refresh(BROADCAST)
        assert house.resolver.asked == []
        document = await house.documents.of(BROADCAST, AvatarSpec())
        assert document.standing.reason is Reason.UNSUPPORTED


async def test_a_document_asks_as_a_picture_does_and_tells_of_the_photo() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        document = await house.documents.of(MAYA, AvatarSpec())
        await settle()
        assert (document.standing.reason, document.fetched) == (None, T0)
        assert document.colour == "#" + b"/v/".hex()
        again = await house.documents.of(MAYA, AvatarSpec())
        assert again == document
        assert len(house.resolver.asked) == 1


async def test_a_document_of_nobodys_photo_has_the_tint_of_its_contact() -> None:
    async with opened(House(FakeResolver(NoPhoto("none", confirmed=True)))) as house:
        document = await house.documents.of(MAYA, AvatarSpec())
        assert (document.standing.reason, document.fetched) == (Reason.NONE, None)
        assert document.colour == "#" + house.portraits.digest(MAYA).hex()[:6]


async def test_a_forced_fallback_is_a_document_without_a_question() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        document = await house.documents.of(MAYA, AvatarSpec(forced=True))
        assert document.standing.reason is Reason.FORCED
        assert house.resolver.asked == []


async def test_only_those_who_are_known_are_listed_and_nobody_is_asked() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await house.see()
        found = await house.documents.known([LEON, MAYA, BROADCAST])
        assert [each.contact for each in found] == [MAYA]
        assert len(house.resolver.asked) == 1


async def test_learning_returns_what_is_known_or_what_came() -> None:
    async with opened(House(FakeResolver(signed(), NoPhoto("none", confirmed=True)))) as house:
        assert (await house.keeper.learn(MAYA)).standing.reason is None
        assert (await house.keeper.learn(MAYA)).asked is False
        assert (await house.keeper.learn(LEON)).standing.reason is Reason.NONE
        assert len(house.portraits.kept) == 2
