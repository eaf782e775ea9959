"""While a photo is developed: its first picture is shown, and nobody asks or fetches again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Busy, Reason, Rejected, TimedOut, Undecodable
from gateway.model import AvatarSpec, ContactId, Path, Photo, Shape
from gateway.question import MAX_SAMPLE, REMEMBERED, Rejections
from tests.fakes import (
    LEON,
    MAYA,
    Clock,
    FakeOrigin,
    FakeResolver,
    House,
    opened,
    settle,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.model import Avatar

HOUR = 3600.0
STALE = 26 * HOUR
URL = signed()
NEW = signed("/v/new.jpg")
BOMB = Rejected("a bomb")


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house whose darkroom is closed: samples come, masters do not."""
    async with opened(House(FakeResolver(URL))) as house:
        house.quarantine.darkroom.clear()
        yield house


def body(avatar: Avatar) -> bytes:
    assert avatar.rendition is not None
    return avatar.rendition.body


def reason(avatar: Avatar) -> Reason | None:
    return avatar.standing.reason


def picture(size: int = 128, path: str = "/v/maya.jpg") -> bytes:
    return f"photo|master of {path}|{size}".encode()


def calls(house: House) -> tuple[int, int, int]:
    """How often the API, the CDN and the quarantine were asked."""
    return (
        len(house.resolver.asked),
        len(house.origin.fetched),
        len(house.quarantine.developed),
    )


async def develop_all(house: House) -> None:
    house.quarantine.darkroom.set()
    await settle()


async def test_the_first_viewer_does_not_wait_for_the_master(house: House) -> None:
    avatar = await house.see()
    assert (body(avatar), avatar.path) == (picture(), Path.MISS)
    assert house.quarantine.developed == [(b"/v/maya.jpg", 128)]
    assert house.portraits.kept == {}
    again = await house.see()
    assert (again.rendition, again.path) == (avatar.rendition, Path.HIT)
    await develop_all(house)
    assert isinstance(await house.portraits.get(MAYA), Photo)
    assert calls(house) == (1, 1, 1)


async def test_every_cut_of_that_size_is_drawn_from_the_sample(house: House) -> None:
    for spec in (AvatarSpec(), AvatarSpec(shape=Shape.CIRCLE), AvatarSpec(size=64, dpr=2)):
        assert body(await house.see(spec)) == picture()
    assert len(house.artist.sampled) == len(house.artist.rendered) == 2
    assert calls(house) == (1, 1, 1)


async def test_viewers_of_other_sizes_join_and_wait_for_the_master(house: House) -> None:
    await house.see()
    others = [
        asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=size))) for size in (32, 64, 64)
    ]
    await settle()
    assert not any(other.done() for other in others)
    await develop_all(house)
    avatars = await asyncio.gather(*others)
    assert [body(avatar) for avatar in avatars] == [picture(32), picture(64), picture(64)]
    assert {avatar.path for avatar in avatars} == {Path.COLLAPSED}
    assert {avatar.standing for avatar in avatars} == {(await house.see()).standing}
    assert calls(house) == (1, 1, 1)


async def test_a_viewer_who_waits_for_the_master_stops_nothing_by_leaving(house: House) -> None:
    await house.see()
    other = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=64)))
    await settle()
    other.cancel()
    await develop_all(house)
    assert body(await house.see(AvatarSpec(size=64))) == picture(64)
    assert calls(house) == (1, 1, 1)


async def test_large_pictures_wait_for_the_master_and_the_sample_stays_small(house: House) -> None:
    viewer = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=512)))
    await settle()
    assert not viewer.done()
    await develop_all(house)
    assert body(await viewer) == picture(512)
    assert house.quarantine.developed == [(b"/v/maya.jpg", MAX_SAMPLE)]


async def test_small_pictures_are_drawn_from_the_small_copy(house: House) -> None:
    house.quarantine.small = b"small copy"
    await house.see()
    await develop_all(house)
    assert body(await house.see(AvatarSpec(size=64))) == b"photo|small copy|64"
    assert body(await house.see(AvatarSpec(size=129))) == picture(129)
    async with opened(House(FakeResolver(), portraits=house.portraits)) as other:
        assert body(await other.see(AvatarSpec(size=64))) == b"photo|small copy|64"


async def test_another_worker_draws_that_size_from_the_stored_sample(house: House) -> None:
    first = await house.see()
    await develop_all(house)
    async with opened(House(FakeResolver(), portraits=house.portraits)) as other:
        assert (await other.see()).rendition == first.rendition
        await other.see(AvatarSpec(size=64))
        assert [canvas.pixels for canvas in other.artist.sampled] == [128]
        assert [canvas.pixels for canvas in other.artist.rendered] == [128, 64]


async def test_a_stale_photo_is_not_renewed_twice_while_the_new_one_is_developed() -> None:
    async with opened(House(FakeResolver(URL, NEW))) as house:
        await house.see()
        house.clock.advance(STALE)
        house.quarantine.darkroom.clear()
        house.portraits.reading.clear()
        late = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=64)))
        await settle()  # is reading the old photo from the store
        house.inquiry.renew(MAYA, 128)
        house.portraits.reading.set()
        await settle()
        house.inquiry.renew(MAYA, 128)
        await settle()
        assert calls(house) == (2, 2, 2)
        assert body(await house.see()) == picture(path="/v/new.jpg")
        await develop_all(house)
        await late
        assert body(await house.see(AvatarSpec(size=64))) == picture(64, "/v/new.jpg")
        assert calls(house) == (2, 2, 2)


async def test_the_same_bytes_under_another_path_are_not_developed_again() -> None:
    origin = FakeOrigin(b"one and the same")
    async with opened(House(FakeResolver(URL, NEW), origin)) as house:
        await house.see()
        house.clock.advance(STALE)
        await house.see()
        assert calls(house) == (2, 2, 1)


# A master that fails


async def test_a_master_that_fails_takes_the_photo_back_and_backs_off(house: House) -> None:
    house.quarantine.rot = BOMB
    assert body(await house.see()) == picture()
    other = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=64)))
    await settle()
    await develop_all(house)
    assert reason(await other) is Reason.UNDECODABLE
    for spec in (AvatarSpec(), AvatarSpec(size=64)):
        avatar = await house.see(spec)
        assert reason(avatar) is Reason.UNDECODABLE
        assert avatar.standing.expires == house.clock() + 60
    assert house.portraits.kept == {}
    assert calls(house) == (1, 1, 1)


async def test_a_master_that_fails_leaves_the_photo_that_was_known() -> None:
    async with opened(House(FakeResolver(URL, NEW))) as house:
        await house.see()
        stored = dict(house.portraits.kept)
        house.clock.advance(STALE)
        house.quarantine.rot = BOMB
        await house.see()
        for spec in (AvatarSpec(), AvatarSpec(size=64)):
            assert body(await house.see(spec)) == picture(spec.size)
        assert house.portraits.kept == stored


async def test_a_bug_in_the_darkroom_is_told_and_backs_off(house: House) -> None:
    house.quarantine.rot = KeyError("a bug")
    await house.see()
    await develop_all(house)
    assert house.telemetry.bugs == 1
    assert reason(await house.see()) is Reason.INTERNAL
    assert calls(house) == (1, 1, 1)


async def test_closing_waits_for_a_photo_that_has_come(house: House) -> None:
    await house.see()
    house.quarantine.darkroom.set()
    await house.aclose()
    assert len(house.portraits.kept) == 1


async def test_closing_drops_what_takes_too_long_to_develop(house: House) -> None:
    await house.see()
    await house.aclose()
    await settle()
    assert all(master.cancelled() for master in house.quarantine.masters)
    assert house.portraits.kept == {}


# What was rejected is remembered


@pytest.mark.parametrize("when", ["download", "sample", "master"])
async def test_a_rejected_picture_is_not_looked_at_again_for_an_hour(when: str) -> None:
    async with opened(House(FakeResolver(URL))) as house:
        if when == "download":
            house.origin.answers = [BOMB]
        elif when == "sample":
            house.quarantine.dirt = BOMB
        else:
            house.quarantine.rot = BOMB
        await house.see()
        first, begun = calls(house), house.clock()
        asked = 1
        while house.clock() - begun < REMEMBERED - 700:
            house.clock.advance(600)
            assert reason(await house.see()) is Reason.UNDECODABLE
            asked += 1
            assert calls(house) == (asked, *first[1:])
            # Nor for others who have the same picture, however it is signed.
            house.resolver.answers = [signed(oh=f"01_{asked}")]
        assert reason(await house.see(contact=LEON)) is Reason.UNDECODABLE
        assert calls(house) == (asked + 1, *first[1:])
        house.origin.answers, house.quarantine.dirt, house.quarantine.rot = [], None, None
        house.clock.advance(begun + REMEMBERED - house.clock())
        assert body(await house.see(contact=LEON)) == picture()


@pytest.mark.parametrize(
    "failure", [Busy("full"), TimedOut("slow"), Undecodable("HTML")], ids=lambda each: each.reason
)
async def test_what_may_be_better_next_time_is_tried_next_time(failure: Exception) -> None:
    async with opened(House(FakeResolver(URL))) as house:
        house.origin.answers = [failure]
        await house.see()
        house.origin.answers = []
        house.quarantine.dirt = Busy("full")
        house.clock.advance(60)
        await house.see()
        house.quarantine.dirt, house.quarantine.rot = None, Busy("closing")
        house.clock.advance(120)
        await house.see()
        house.quarantine.rot = None
        house.clock.advance(240)
        assert body(await house.see()) == picture()
        assert calls(house) == (4, 4, 3)


async def test_another_picture_of_the_contact_is_looked_at(house: House) -> None:
    house.quarantine.dirt = BOMB
    await house.see()
    house.quarantine.dirt = None
    house.resolver.answers = [NEW]
    house.clock.advance(60)
    assert body(await house.see()) == picture(path="/v/new.jpg")


def test_rejections_are_bounded_and_the_oldest_goes_first() -> None:
    clock = Clock()
    rejections = Rejections(clock=clock, capacity=3)
    for name in ("a", "b", "c", "a", "d"):
        rejections.add(name)
    assert [name in rejections for name in "abcd"] == [True, False, True, True]
    clock.advance(REMEMBERED)
    assert not any(name in rejections for name in "abcd")


async def test_a_thousand_viewers_of_a_bomb_cost_one_look() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        house.quarantine.dirt = BOMB
        contacts = [ContactId.parse(f"1555000{number:04d}") for number in range(20)]
        views = [house.avatars.get(contact, AvatarSpec()) for contact in contacts * 50]
        house.quarantine.gate.clear()
        waiting = asyncio.gather(*views)
        await settle()
        house.quarantine.gate.set()
        assert {reason(avatar) for avatar in await waiting} == {Reason.UNDECODABLE}
        assert calls(house) == (20, 20, 20)
        for contact in contacts:
            await house.see(contact=contact)
        assert calls(house) == (20, 20, 20)
