"""Where portraits are looked for, written and erased: this worker, Valkey, the store."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from obstore.store import MemoryStore

from gateway.archive import HOT
from gateway.errors import NoPhoto, Reason, StoreFailed
from gateway.model import AvatarSpec, ContactId, Photo
from gateway.portraits import decode, encode, open_objects
from tests.fakes import (
    LEON,
    LIFETIMES,
    MAYA,
    FakeMasters,
    FakePortraits,
    FakeResolver,
    House,
    Machine,
    opened,
    settle,
    signed,
)
from tests.portraits.places import portrait_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.model import Portrait, Standing

STALE = 26 * 3600.0
SURE = NoPhoto("the API knows no picture", confirmed=True)


def with_masters(*answers: object) -> tuple[House, FakeMasters]:
    masters = FakeMasters()
    return House(FakeResolver(*answers), masters=masters), masters  # type: ignore[arg-type]


async def stored(house: House) -> Photo:
    found = await house.portraits.get(MAYA)
    assert isinstance(found, Photo)
    return found


# Hot masters


async def test_a_photo_that_came_is_hot_and_another_machine_reads_no_store() -> None:
    house, masters = with_masters(signed())
    async with opened(house):
        await house.see()
        key = house.archive.key(MAYA)
        assert decode(masters.records[key], key) == await stored(house)
        machine = Machine(house.clock)
        async with opened(
            House(FakeResolver(), portraits=house.portraits, masters=masters, machine=machine)
        ) as other:
            reads = house.portraits.reads
            assert (await other.see()).standing.reason is None
            assert house.portraits.reads == reads


async def test_what_was_read_from_the_store_becomes_hot() -> None:
    house, masters = with_masters(signed())
    async with opened(house):
        await house.see()
        masters.records.clear()
        house.erasures.missed = True
        await house.see()
        assert list(masters.records) == [house.archive.key(MAYA)]
    assert HOT > 0


async def test_a_hot_photo_that_is_stale_gives_way_to_a_newer_one_of_the_store() -> None:
    house, masters = with_masters(signed(), signed(oh="01_b"))
    async with opened(house):
        await house.see()
        old = dict(masters.records)
        house.clock.advance(STALE)
        await house.see()
        masters.records.update(old)
        house.erasures.missed = True
        avatar = await house.see()
        assert avatar.standing.fresh_until > house.clock()


@pytest.mark.parametrize("record", [b"", b"nonsense", b"AVG2" + bytes(100)])
async def test_a_hot_record_that_cannot_be_read_is_none(record: bytes) -> None:
    house, masters = with_masters(signed())
    async with opened(house):
        await house.see()
        masters.records[house.archive.key(MAYA)] = record
        house.erasures.missed = True
        assert (await house.see()).standing.reason is None
        assert len(house.resolver.asked) == 1


async def test_a_hot_record_of_another_contact_is_shown_to_nobody() -> None:
    house, masters = with_masters(signed(), SURE)
    async with opened(house):
        await house.see()
        photo = await stored(house)
        masters.records[house.archive.key(MAYA)] = encode(photo, "f" * 64)
        await house.portraits.delete(MAYA)
        house.erasures.missed = True
        assert (await house.see()).standing.reason is Reason.NONE


@pytest.mark.parametrize("order", ["erase", "suppress", "none", "retention"])
async def test_an_erasure_takes_the_hot_copy_too(order: str) -> None:
    house, masters = with_masters(signed(), SURE)
    async with opened(house):
        await house.see()
        assert masters.records
        match order:
            case "erase":
                await house.keeper.erase(MAYA)
            case "suppress":
                await house.keeper.suppress(MAYA)
            case "none":
                house.clock.advance(STALE)
                await house.see()
            case _:
                await house.archive.retire(house.archive.key(MAYA))
        assert masters.records == {}
        assert not isinstance(await house.portraits.get(MAYA), Photo)


# A store that fails


async def test_what_the_store_did_not_take_is_offered_again() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        house.portraits.failing = True
        await house.see()
        for _ in range(3):
            house.again.set()
            await settle()
        assert house.portraits.kept == {}
        house.portraits.failing = False
        house.again.set()
        await settle()
        assert (await stored(house)).source == signed()


async def test_what_the_store_did_not_take_is_offered_a_last_time_at_the_end() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        house.portraits.failing = True
        await house.see()
        house.portraits.failing = False
        assert house.portraits.kept == {}
    assert (await stored(house)).source == signed()


async def test_the_end_of_an_outage_is_noticed_at_the_end(tmp_path: Path) -> None:
    """By all that is late, though the store has failed so often that it is left alone."""
    here, away = tmp_path / "store", tmp_path / "away"
    store = portrait_store(open_objects(here.as_uri()))
    await store.open()
    contacts = [ContactId.parse(f"1555000{number:04d}") for number in range(10)]
    async with opened(House(FakeResolver(signed()), store=store)) as house:
        here.rename(away)
        here.write_text("a file in its place")
        for contact in contacts:
            assert (await house.see(contact=contact)).standing.reason is None
        here.unlink()
        away.rename(here)
    again = portrait_store(open_objects(here.as_uri()))
    assert None not in [await again.get(contact) for contact in contacts]


async def test_what_was_overtaken_is_not_offered_again() -> None:
    async with opened(House(FakeResolver(signed(), signed("/v/new.jpg")))) as house:
        house.portraits.failing = True
        await house.see()
        house.clock.advance(STALE)
        house.portraits.failing = False
        await house.see()
        await settle()
        house.again.set()
        await settle()
        assert (await stored(house)).source == signed("/v/new.jpg")


async def test_a_full_store_still_forgets_what_must_not_be_shown() -> None:
    async with opened(House(FakeResolver(signed(), SURE), portraits=FullPortraits())) as house:
        await house.see()
        assert isinstance(house.portraits, FullPortraits)
        house.portraits.full = True
        house.clock.advance(STALE)
        await house.see()
        assert house.portraits.kept == {}
        assert (await house.see()).standing.reason is Reason.NONE


class FullPortraits(FakePortraits):
    """A store that takes nothing more, but can still forget."""

    full = False

    async def put(self, contact, portrait):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as its base
        if self.full:
            raise StoreFailed("the disk is full")
        return await super().put(contact, portrait)


@pytest.mark.parametrize("order", ["erase", "suppress"])
async def test_an_order_that_the_store_does_not_take_is_told(order: str) -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await house.see()
        house.portraits.failing = True
        with pytest.raises(StoreFailed):
            await getattr(house.keeper, order)(MAYA)
        # All others have been told all the same.
        assert [key for key, _ in house.erasures.published] == [house.archive.key(MAYA)] * 2


async def test_what_a_late_run_wrote_over_an_erasure_is_taken_back() -> None:
    machine = Machine()
    portraits = FakePortraits()
    async with opened(House(FakeResolver(signed()), portraits=portraits, machine=machine)) as house:
        portraits.writing.clear()
        await house.see()  # the write has begun
        machine.clock.advance(1)
        await house.erasures.publish(house.archive.key(MAYA))
        portraits.writing.set()
        await settle()
        assert portraits.kept == {}


async def test_what_could_not_be_taken_back_is_taken_back_at_the_end() -> None:
    machine, portraits = Machine(), UnforgettingPortraits()
    async with opened(House(FakeResolver(signed()), portraits=portraits, machine=machine)) as house:
        portraits.writing.clear()
        await house.see()
        machine.clock.advance(1)
        await house.erasures.publish(house.archive.key(MAYA))
        portraits.writing.set()
        await settle()
        assert portraits.kept != {}
        portraits.unforgetting = False
    assert portraits.kept == {}


@asynccontextmanager
async def refused(machine: Machine, portraits: FakePortraits) -> AsyncIterator[House]:
    """A house with a photo that the store says it did not take; it is offered again behind."""
    async with opened(House(FakeResolver(signed()), portraits=portraits, machine=machine)) as house:
        portraits.failing = True
        await house.see()
        portraits.failing = False
        yield house


@pytest.mark.parametrize("moment", ["writing", "erasing"])
async def test_a_late_run_that_is_interrupted_puts_nothing_back_either(moment: str) -> None:
    """It is closed on the way: it has written, but not yet heard of that, or not yet erased."""
    machine, portraits = Machine(), SlowPortraits()
    async with refused(machine, portraits) as house:
        portraits.slow = moment
        portraits.writing.clear()
        house.again.set()
        await settle()
        if moment == "erasing":
            machine.clock.advance(1)
            await house.erasures.publish(house.archive.key(MAYA))
        portraits.writing.set()
        await portraits.reached.wait()
        if moment == "writing":
            machine.clock.advance(1)
            await house.erasures.publish(house.archive.key(MAYA))
        assert portraits.kept != {}
        portraits.slow = ""
    assert portraits.kept == {}


@pytest.mark.parametrize("order", ["another worker's", "our own"])
async def test_a_write_that_lands_after_an_erasure_is_taken_back(order: str) -> None:
    """Though somebody has looked meanwhile, and nothing is on its way to the store any more."""
    machine, portraits = Machine(), FakePortraits()
    async with refused(machine, portraits) as house:
        lost = house.archive.key(MAYA)
        machine.clock.advance(1)
        if order == "our own":
            await house.keeper.erase(MAYA)
        else:
            await house.erasures.publish(lost)
        house.resolver.gate.clear()  # whoever looks now waits
        view = asyncio.create_task(house.see())
        await settle()
        [photo] = [arrived for arrived in portraits.offered if isinstance(arrived, Photo)]
        portraits.kept[MAYA.value] = encode(photo, lost)  # but it comes in late
        house.again.set()
        await settle()
        assert portraits.kept == {}
        house.resolver.gate.set()
        await view


async def test_what_another_has_written_since_is_not_taken_back() -> None:
    machine, portraits = Machine(), FakePortraits()
    async with refused(machine, portraits) as house:
        machine.clock.advance(1)
        await house.erasures.publish(house.archive.key(MAYA))
        machine.clock.advance(1)
        new = FakeResolver(signed("/v/new.jpg"))
        async with opened(House(new, portraits=portraits, machine=machine)) as other:
            await other.see()
        house.again.set()
        await settle()
        assert (await stored(house)).source == signed("/v/new.jpg")
    assert (await stored(house)).source == signed("/v/new.jpg")


class SlowPortraits(FakePortraits):
    """A store that tells late of what it has written, or erases late."""

    slow = ""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def put(self, contact: ContactId, portrait: Portrait) -> bool:
        kept = await super().put(contact, portrait)
        await self._wait("writing")
        return kept

    async def erase(self, key: str) -> None:
        await self._wait("erasing")
        await super().erase(key)

    async def _wait(self, moment: str) -> None:
        if self.slow == moment:
            self.reached.set()
            await asyncio.Event().wait()


class UnforgettingPortraits(FakePortraits):
    """A store that takes portraits, but forgets none for now."""

    unforgetting = True

    async def erase(self, key: str) -> None:
        if self.unforgetting:
            raise StoreFailed("the disk is read-only")
        await super().erase(key)


# Suppression


async def test_a_suppression_looks_like_any_other_none() -> None:
    """It lasts until a time that stands still, and is not the same for all."""
    async with opened(House(FakeResolver(), store=portrait_store(MemoryStore()))) as house:
        for contact in (MAYA, LEON):
            await house.keeper.suppress(contact)
        for hours in (0, 1, 26, 1000):
            house.clock.advance(hours * 3600.0)
            ours, other = [await looked_up_again(house, each) for each in (MAYA, LEON)]
            assert ours.fresh_until != other.fresh_until
            for standing in (ours, other):
                assert (standing.reason, standing.settled) == (Reason.NONE, True)
                assert 0 < standing.fresh_until - house.clock() <= 1.1 * LIFETIMES.none
            house.clock.advance(1)
            assert (await house.see()).standing == ours
        assert house.resolver.asked == []


async def looked_up_again(house: House, contact: ContactId) -> Standing:
    """How `contact` stands, once an old standing was looked up again behind a view."""
    async with asyncio.timeout(10):
        while True:
            standing = (await house.see(contact=contact)).standing
            if standing.fresh_until >= house.clock():
                return standing
            await asyncio.sleep(0.005)


async def test_a_suppression_ends_by_a_refresh() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await house.keeper.suppress(MAYA)
        assert (await house.see()).standing.reason is Reason.NONE
        house.clock.advance(1)
        await house.archive.lift(MAYA)
        house.clock.advance(1)
        await house.keeper.refresh(MAYA)
        assert (await house.see()).standing.reason is None
        assert house.resolver.refreshes == [True]


async def test_tidying_up_ends_no_suppression() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await house.keeper.suppress(MAYA)
        await house.keeper.erase(MAYA)
        house.clock.advance(1)
        assert (await house.see()).standing.reason is Reason.NONE
        assert house.resolver.asked == []


async def test_what_is_erased_before_it_is_kept_is_not_shown_meanwhile() -> None:
    async with opened(House(FakeResolver(signed(), SURE))) as house:
        house.portraits.writing.clear()
        assert (await house.see()).standing.reason is None  # the write has begun
        house.clock.advance(1)
        await house.keeper.erase(MAYA)
        view = asyncio.create_task(house.see())
        await settle()
        assert not view.done()
        house.portraits.writing.set()
        assert (await view).standing.reason is Reason.NONE
        assert len(house.resolver.asked) == 2


async def test_who_is_purged_is_asked_about_again_at_the_next_view() -> None:
    async with opened(House(FakeResolver(signed()))) as house:
        await house.see()
        await house.keeper.erase(MAYA)
        await house.keeper.erase(MAYA)
        house.clock.advance(1)
        assert (await house.see(AvatarSpec(size=64))).standing.reason is None
        assert len(house.resolver.asked) == 2
