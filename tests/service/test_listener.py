"""News of pictures: one look for whatever is told however often, by whomever, in whatever order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Disconnected, NoPhoto, Reason, StoreFailed, UpstreamFailed
from gateway.listener import HEARD, MOST, TRIES, WRITER_LIFE, Listener
from gateway.model import ContactId, News, Tidings
from gateway.refreshes import PAUSE
from tests.fakes import (
    LEON,
    MAYA,
    FakePortraits,
    FakeResolver,
    House,
    Machine,
    opened,
    settle,
    signed,
)

if TYPE_CHECKING:
    from gateway.model import Avatar, PhotoUrl, Portrait

GROUP = ContactId.parse("120363043968066561@g.us")
LID = ContactId.parse("123456789012345@lid")
BRAZIL = ContactId.parse("5511987654321")
OLD, NEW, NEWEST = (signed(f"/v/{name}.jpg") for name in ("old", "new", "newest"))
NONE = NoPhoto("gone", confirmed=True)
UNSURE = NoPhoto("none", confirmed=False)


def changed(contact: ContactId = MAYA, name: str = "1") -> News:
    return News(contact, Tidings.PICTURE, name)


def wrote(contact: ContactId = MAYA, name: str = "1") -> News:
    return News(contact, Tidings.MESSAGE, name)


def shown(avatar: Avatar) -> str:
    """The path of the photo that is shown, or why there is none."""
    if avatar.standing.reason is not None:
        return avatar.standing.reason
    assert avatar.rendition is not None
    return avatar.rendition.body.split(b"|")[1].decode().removeprefix("master of ")


async def heard(house: House, *news: News) -> None:
    house.listener.hear(news)
    await settle()


async def passing(house: House, seconds: float) -> None:
    """Let so many seconds pass for all who wait."""
    house.clock.advance(seconds)
    house.time_passes.set()
    await settle()


# ---- one look ----


async def test_a_photo_that_changed_is_shown_although_the_old_one_is_fresh() -> None:
    async with opened(House(FakeResolver(OLD, NEW))) as house:
        assert shown(await house.see()) == "/v/old.jpg"
        await heard(house, changed())
        assert house.resolver.refreshes == [False, True]
        assert shown(await house.see()) == "/v/new.jpg"


async def test_a_photo_that_was_taken_away_is_erased_everywhere_at_once() -> None:
    machine, portraits = Machine(), FakePortraits()
    async with (
        opened(House(FakeResolver(OLD, NONE), portraits=portraits, machine=machine)) as house,
        opened(House(FakeResolver(NONE), portraits=portraits, machine=machine)) as other,
    ):
        await house.see()
        assert shown(await other.see()) == "/v/old.jpg"
        await heard(house, changed())
        assert [shown(await each.see()) for each in (house, other)] == [Reason.NONE] * 2
        assert b"old.jpg" not in b"".join(portraits.kept.values())
        assert other.resolver.asked == []


@pytest.mark.parametrize("before", [OLD, NONE])
async def test_what_is_new_is_shown_by_the_other_workers_too(before: PhotoUrl | NoPhoto) -> None:
    machine, portraits = Machine(), FakePortraits()
    async with (
        opened(House(FakeResolver(before, NEW), portraits=portraits, machine=machine)) as house,
        opened(House(FakeResolver(NONE), portraits=portraits, machine=machine)) as other,
    ):
        for each in (house, other):
            assert shown(await each.see()) != "/v/new.jpg"
        await heard(house, changed())
        for each in (house, other, house, other):
            assert shown(await each.see()) == "/v/new.jpg"
        assert other.resolver.asked == []
        assert house.resolver.refreshes == [False, True]


async def test_a_store_that_takes_nothing_keeps_no_worker_from_showing_what_is_new() -> None:
    class Full(FakePortraits):
        full = False

        async def put(self, contact: ContactId, portrait: Portrait) -> bool:
            if self.full:
                raise StoreFailed("the portrait store failed (Full)")
            return await super().put(contact, portrait)

    machine, portraits = Machine(), Full()
    async with (
        opened(House(FakeResolver(OLD, NEW), portraits=portraits, machine=machine)) as house,
        opened(House(FakeResolver(NONE), portraits=portraits, machine=machine)) as other,
    ):
        for each in (house, other):
            await each.see()
        portraits.full = True
        await heard(house, changed())
        assert shown(await house.see()) == "/v/new.jpg"
        assert shown(await other.see()) == "/v/old.jpg"
        portraits.full = False
        house.again.set()
        await settle()
        assert shown(await house.see()) == "/v/new.jpg"
        assert house.resolver.refreshes == [False, True]


async def test_about_nobody_whom_we_do_not_hold_is_anything_asked() -> None:
    async with opened(House(FakeResolver(OLD))) as house:
        await heard(house, *(changed(each) for each in (MAYA, LEON, GROUP, LID)))
        assert house.resolver.asked == []


async def test_whoever_is_suppressed_stays_so() -> None:
    async with opened(House(FakeResolver(OLD))) as house:
        await house.see()
        await house.keeper.suppress(MAYA)
        await heard(house, changed())
        assert len(house.resolver.asked) == 1
        assert shown(await house.see()) == Reason.NONE


# ---- told often ----


async def test_the_same_news_again_and_again_is_one_look() -> None:
    machine, portraits = Machine(), FakePortraits()
    async with (
        opened(House(FakeResolver(OLD, NEW), portraits=portraits, machine=machine)) as house,
        opened(House(FakeResolver(NEW), portraits=portraits, machine=machine)) as other,
    ):
        await house.see()
        for seconds in (0.0, 1.0, 30.0, PAUSE, HEARD - PAUSE - 32):
            machine.clock.advance(seconds)
            await heard(house, *[changed()] * 5)
            await heard(other, changed())
        assert house.resolver.refreshes == [False, True]
        assert other.resolver.asked == []
        assert house.waits == other.waits == []


async def test_other_news_within_the_minute_waits_for_its_end() -> None:
    async with opened(House(FakeResolver(OLD, NEW, NEWEST))) as house:
        await house.see()
        await heard(house, changed(name="1"))
        house.clock.advance(20)
        await heard(house, changed(name="2"))
        assert house.waits == [PAUSE - 20]
        assert shown(await house.see()) == "/v/new.jpg"
        await passing(house, PAUSE - 20)
        assert house.resolver.refreshes == [False, True, True]
        assert shown(await house.see()) == "/v/newest.jpg"


async def test_of_many_that_wait_one_looks_for_all() -> None:
    async with opened(House(FakeResolver(OLD, NEW, NEWEST))) as house:
        await house.see()
        await heard(house, *(changed(name=str(number)) for number in range(10)))
        assert len(house.waits) == 9
        house.clock.advance(PAUSE)
        for _ in range(20):
            house.time_passes.set()
            await settle()
        assert house.resolver.refreshes == [False, True, True]


async def test_a_refresh_that_somebody_orders_meanwhile_is_enough() -> None:
    async with opened(House(FakeResolver(OLD, NEW))) as house:
        await house.see()
        await house.keeper.permit(MAYA)
        house.clock.advance(1)
        await heard(house, changed())
        assert house.waits == [PAUSE - 1]
        house.clock.advance(PAUSE)
        await house.keeper.refresh(MAYA)
        asked = len(house.resolver.asked)
        house.time_passes.set()
        await settle()
        assert len(house.resolver.asked) == asked


# ---- trouble ----


@pytest.mark.parametrize("failure", [UpstreamFailed("500"), Disconnected("unlinked")])
async def test_a_photo_that_was_taken_away_while_the_api_is_down_goes_when_it_is_back(
    failure: Exception,
) -> None:
    async with opened(House(FakeResolver(OLD, failure, failure, NONE))) as house:
        await house.see()
        await heard(house, changed())
        assert shown(await house.see()) == "/v/old.jpg"
        for _ in range(TRIES - 1):
            await passing(house, 2 * PAUSE)
        assert shown(await house.see()) == Reason.NONE


async def test_an_api_that_stays_down_is_not_asked_for_ever() -> None:
    async with opened(House(FakeResolver(OLD, UpstreamFailed("500")))) as house:
        await house.see()
        await heard(house, changed())
        for _ in range(3 * TRIES):
            await passing(house, 1000.0)
        assert len(house.resolver.asked) == 1 + TRIES


async def test_an_unsure_none_is_left_to_its_confirmation() -> None:
    async with opened(House(FakeResolver(OLD, UNSURE))) as house:
        await house.see()
        await heard(house, changed())
        assert house.waits == []
        assert len(house.confirmations) == 1


async def test_a_bug_is_told_and_harms_nobody() -> None:
    class Broken(FakePortraits):
        async def get(self, contact: ContactId) -> Portrait | None:
            if contact == LEON:
                raise KeyError(contact)
            return await super().get(contact)

    async with opened(House(FakeResolver(OLD, NEW), portraits=Broken())) as house:
        await house.see()
        await heard(house, changed(LEON), changed())
        assert house.telemetry.bugs == 1
        assert shown(await house.see()) == "/v/new.jpg"


async def test_news_beyond_what_can_be_looked_into_waits_for_its_age() -> None:
    async with opened(House(FakeResolver(OLD))) as house:
        house.portraits.reading.clear()
        contacts = [ContactId.parse(f"155512{number:05}") for number in range(MOST + 50)]
        await heard(house, *map(changed, contacts))
        assert house.portraits.reads == MOST
        house.portraits.reading.set()
        await settle()


async def test_closing_drops_what_waits() -> None:
    async with opened(House(FakeResolver(OLD, NEW))) as house:
        await house.see()
        await heard(house, changed(name="1"), changed(name="2"))
        assert len(house.waits) == 1
        async with asyncio.timeout(5):
            await house.listener.aclose()
    assert house.resolver.refreshes == [False, True]


# ---- under another name ----


@pytest.mark.parametrize(
    ("held", "told"),
    [(BRAZIL, "551187654321"), (ContactId.parse("551187654321"), BRAZIL.value)],
)
async def test_news_under_the_other_spelling_is_heard(held: ContactId, told: str) -> None:
    async with opened(House(FakeResolver(OLD, NEW))) as house:
        await house.see(contact=held)
        await heard(house, changed(ContactId.parse(told)))
        assert house.resolver.asked == [(held, False), (held, True)]


@pytest.mark.parametrize(("held", "told"), [(LID, LEON), (LEON, LID)])
async def test_news_of_a_lid_is_heard_for_its_number_and_the_other_way_round(
    held: ContactId, told: ContactId
) -> None:
    async with opened(House(FakeResolver(OLD, NEW))) as house:
        house.resolver.aliases[told] = held
        await house.see(contact=held)
        await heard(house, changed(told))
        assert house.resolver.asked == [(held, False), (held, True)]


async def test_nobody_asks_for_the_other_name_of_who_is_held() -> None:
    async with opened(House(FakeResolver(OLD, NEW))) as house:
        await house.see()
        await house.see(contact=GROUP)
        await heard(house, changed(), changed(GROUP), changed(ContactId.parse("123456@g.us")))
        assert house.resolver.aliases_asked == []


# ---- messages ----


async def test_who_writes_is_learned_about_behind_everybody() -> None:
    async with opened(House(FakeResolver(OLD))) as house:
        await heard(house, wrote(), wrote(LEON))
        assert [contact for contact, _ in house.resolver.asked] == [MAYA, LEON]
        assert shown(await house.see()) == "/v/old.jpg"
        assert len(house.resolver.asked) == 2


async def test_who_is_known_costs_nothing_by_writing() -> None:
    async with opened(House(FakeResolver(OLD))) as house:
        await house.see()
        for number in range(20):
            await heard(house, wrote(name=str(number)))
        assert len(house.resolver.asked) == 1


async def test_who_writes_on_and_on_is_looked_up_once_an_hour() -> None:
    async with opened(House(FakeResolver(OLD))) as house:
        for number in range(20):
            await heard(house, wrote(name=str(number)))
        reads = house.portraits.reads
        await heard(house, wrote())
        assert house.portraits.reads == reads
        house.clock.advance(WRITER_LIFE)
        await heard(house, wrote())
        assert house.portraits.reads > reads
        assert house.resolver.refreshes == [False]


async def test_only_so_many_writers_are_remembered() -> None:
    async with opened(House(FakeResolver(OLD))) as house:
        house.resolver.gate.clear()
        writers = [ContactId.parse(f"15551{number:06}") for number in range(10_050)]
        house.listener.hear([wrote(each) for each in writers])
        assert isinstance(house.listener, Listener)
        assert len(house.listener._writers) == 10_000  # noqa: SLF001 - what is bounded
        house.resolver.gate.set()
