"""What is believed of a contact, and when the upstream is asked: the truth states, one by one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway import errors
from gateway.errors import NoPhoto, OverBudget, PhotoGone, Reason, UpstreamFailed
from gateway.model import Absence, AvatarSpec, ContactId, Path, Photo, PhotoUrl, version_of
from gateway.model.portrait import EXPIRY_SKEW
from gateway.unsaved import MAX_UNSAVED
from tests.fakes import (
    DAY,
    LEON,
    LIFETIMES,
    MAYA,
    T0,
    FakeOrigin,
    FakeResolver,
    House,
    opened,
    sample_of,
    settle,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import AvatarUnavailable
    from gateway.model import Avatar

HOUR = 3600.0
STALE = 26 * HOUR
"""An age at which a photo is asked about again and still shown."""

COLD = 49 * HOUR
"""An age at which a photo is not shown any more."""

URL = signed()
NEW = signed("/v/new.jpg")
UNSURE = NoPhoto("the API knows no picture", confirmed=False)
SURE = NoPhoto("the API knows no picture", confirmed=True)
BROKEN = UpstreamFailed("the API answered 500")


def shows(avatar: Avatar, path: str = "/v/maya.jpg") -> bool:
    """Whether it is the photo that lay at `path`."""
    body = b"" if avatar.rendition is None else avatar.rendition.body
    return body.startswith(f"photo|master of {path}|".encode())


def reason(avatar: Avatar) -> Reason | None:
    return avatar.standing.reason


def forget(house: House) -> None:
    """Let the worker lose what it holds ready."""
    house.erasures.missed = True


async def known(house: House) -> Photo:
    found = await house.portraits.get(MAYA)
    assert isinstance(found, Photo)
    return found


async def with_photo(house: House, *, age: float) -> bytes:
    """Let the house learn Maya's photo; return what is stored, `age` seconds later."""
    assert shows(await house.see())
    house.clock.advance(age)
    return house.portraits.kept[MAYA.value]


# What is stored is believed for as long as it is true


@pytest.mark.parametrize(
    ("answer", "life"), [(URL, LIFETIMES.photo), (SURE, LIFETIMES.none)], ids=["photo", "none"]
)
async def test_an_answer_is_believed_for_its_life_and_then_asked_about_again(
    answer: PhotoUrl | NoPhoto, life: float
) -> None:
    async with opened(House(FakeResolver(answer))) as house:
        await house.see()
        if answer is SURE:  # its life begins when it is settled
            house.clock.advance(LIFETIMES.confirm)
            await house.see()
        house.clock.advance(life - 1)
        await house.see()
        assert house.resolver.refreshes == [False]
        house.clock.advance(1)
        await house.see()
        assert house.resolver.refreshes == [False, False]
        await house.see()
        assert len(house.resolver.asked) == 2


async def test_another_worker_takes_what_is_stored_and_asks_nobody() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        first = await house.see()
        async with opened(House(FakeResolver(), portraits=house.portraits)) as other:
            avatar = await other.see()
            assert (avatar.rendition, avatar.standing) == (first.rendition, first.standing)
            assert avatar.path is Path.HIT
            assert other.resolver.asked == []


async def test_a_finding_of_the_store_is_told_apart_from_an_answer() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        task, joined = house.inquiry.find(MAYA, 128)
        again, joined_too = house.inquiry.find(MAYA, 64)
        assert (again, joined, joined_too) == (task, False, True)
        asked = await task
        await settle()
        found = await house.inquiry.find(MAYA, 128)[0]
        assert (asked.asked, found.asked) == (True, False)
        assert asked.photo is not None
        assert found.photo is not None
        assert await asked.photo == await found.photo == await known(house)


# None


async def test_a_first_none_is_answered_at_once_and_confirmed_by_exactly_one_refresh() -> None:
    async with opened(House(FakeResolver(UNSURE, SURE))) as house:
        first = await house.see()
        assert (reason(first), first.standing.settled) == (Reason.NONE, False)
        house.clock.advance(LIFETIMES.confirm - 1)
        await house.see()
        assert house.resolver.refreshes == [False]
        house.clock.advance(1)
        for _ in range(20):
            assert reason(await house.see()) is Reason.NONE
        assert house.resolver.refreshes == [False, True]
        assert (await house.see()).standing.settled
        house.clock.advance(LIFETIMES.none - 1)
        await house.see()
        assert house.resolver.refreshes == [False, True]
        house.clock.advance(1)
        await house.see()
        # What is certain is asked about like anything else.
        assert house.resolver.refreshes == [False, True, False]


async def test_a_first_none_that_was_wrong_becomes_a_photo() -> None:
    async with opened(House(FakeResolver(UNSURE, URL))) as house:
        await house.see()
        house.clock.advance(LIFETIMES.confirm)
        assert reason(await house.see()) is Reason.NONE
        assert shows(await house.see())
        assert house.resolver.refreshes == [False, True]


async def test_a_none_that_needs_no_confirming_looks_like_one_that_does() -> None:
    """Else it would tell how sure the API is, and so something about the person."""
    looks = []
    for answer in (SURE, UNSURE):
        async with opened(House(FakeResolver(answer, SURE))) as house:
            looks.append([(await house.see()).standing])
            house.clock.advance(LIFETIMES.confirm - 1)
            looks[-1].append((await house.see()).standing)
            house.clock.advance(1)
            looks[-1] += [(await house.see()).standing, (await house.see()).standing]
            assert house.resolver.refreshes == ([False] if answer is SURE else [False, True])
    assert looks[0] == looks[1]
    assert [standing.settled for standing in looks[0]] == [False, False, False, True]


async def test_a_none_that_nobody_settled_in_time_is_asked_about_once_more() -> None:
    async with opened(House(FakeResolver(SURE))) as house:
        await house.see()
        house.clock.advance(2 * LIFETIMES.confirm + 1)
        await house.see()
        assert house.resolver.refreshes == [False, True]
        assert (await house.see()).standing.settled


async def test_a_none_past_the_cache_is_settled_at_once() -> None:
    async with opened(House(FakeResolver(SURE))) as house:
        await house.keeper.refresh(MAYA)
        assert (await house.see()).standing.settled


async def test_the_refresh_is_owed_after_a_restart_and_after_errors_too() -> None:
    async with opened(House(FakeResolver(UNSURE))) as house:
        await house.see()
        house.clock.advance(DAY)
        resolver = FakeResolver(BROKEN, SURE)
        async with opened(House(resolver, portraits=house.portraits, clock=house.clock)) as other:
            assert reason(await other.see()) is Reason.NONE
            other.clock.advance(60)
            await other.see()
            assert resolver.refreshes == [True, True]
            assert (await other.see()).standing.settled


async def test_a_photo_stays_until_an_unsure_none_is_confirmed_then_every_copy_goes() -> None:
    async with opened(House(FakeResolver(URL, UNSURE, SURE))) as house:
        stored = await with_photo(house, age=STALE)
        await house.see(AvatarSpec(size=64))
        for _ in range(10):
            assert shows(await house.see())
        assert house.portraits.kept[MAYA.value] == stored
        house.clock.advance(LIFETIMES.confirm - 1)
        assert shows(await house.see())
        assert house.resolver.refreshes == [False, False]
        house.clock.advance(1)
        assert shows(await house.see())  # and is confirmed behind
        assert house.resolver.refreshes == [False, False, True]
        for spec in (AvatarSpec(), AvatarSpec(size=64)):
            gone = await house.see(spec)
            assert (reason(gone), gone.standing.settled) == (Reason.NONE, True)
        assert await house.portraits.get(MAYA) == Absence(since=house.clock(), certain=True)
        assert len(house.resolver.asked) == 3


async def test_a_photo_stays_when_the_refresh_finds_it_again() -> None:
    async with opened(House(FakeResolver(URL, UNSURE, URL))) as house:
        await with_photo(house, age=STALE)
        await house.see()
        house.clock.advance(LIFETIMES.confirm)
        await house.see()
        avatar = await house.see()
        assert shows(avatar)
        assert avatar.standing.fresh_until == house.clock() + LIFETIMES.photo
        assert house.resolver.refreshes == [False, False, True]
        assert len(house.origin.fetched) == 1
        house.clock.advance(STALE)
        await house.see()
        assert house.resolver.refreshes[-1] is False


async def test_a_sure_none_erases_a_photo_at_once() -> None:
    async with opened(House(FakeResolver(URL, SURE))) as house:
        await with_photo(house, age=STALE)
        await house.see()
        assert reason(await house.see()) is Reason.NONE
        assert await house.portraits.get(MAYA) == Absence(since=house.clock(), certain=True)


async def test_a_photo_that_is_too_old_is_not_shown_while_a_none_is_unsure() -> None:
    async with opened(House(FakeResolver(URL, UNSURE, SURE))) as house:
        stored = await with_photo(house, age=COLD)
        for _ in range(3):
            avatar = await house.see()
            assert (reason(avatar), avatar.standing.settled) == (Reason.NONE, False)
        assert house.portraits.kept[MAYA.value] == stored
        assert house.resolver.refreshes == [False, False]
        house.clock.advance(LIFETIMES.confirm)
        assert (await house.see()).standing.settled
        assert house.resolver.refreshes == [False, False, True]
        assert await house.portraits.get(MAYA) == Absence(since=house.clock(), certain=True)


async def test_an_api_that_is_never_sure_is_believed_when_it_says_none_again_after_a_while() -> (
    None
):
    async with opened(House(FakeResolver(UNSURE))) as house:
        assert not (await house.see()).standing.settled
        house.clock.advance(LIFETIMES.confirm - 1)
        await house.avatars.refreshed(MAYA, AvatarSpec())  # too early to count as the second one
        assert not (await house.see()).standing.settled
        house.clock.advance(LIFETIMES.confirm)
        await house.see()
        assert (await house.see()).standing.settled
        assert house.resolver.refreshes == [False, True, True]


async def test_an_api_that_is_never_sure_erases_a_photo_by_its_second_none_only() -> None:
    async with opened(House(FakeResolver(URL, UNSURE))) as house:
        await with_photo(house, age=STALE)
        await house.see()
        for _ in range(3):
            await house.avatars.refreshed(MAYA, AvatarSpec())
            assert shows(await house.see())
        house.clock.advance(LIFETIMES.confirm)
        await house.see()
        assert reason(await house.see()) is Reason.NONE
        assert await house.portraits.get(MAYA) == Absence(since=house.clock(), certain=True)


async def test_what_a_slow_store_remembers_does_not_overtake_the_answer() -> None:
    async with opened(House(FakeResolver(URL, SURE))) as house:
        await with_photo(house, age=STALE)
        house.resolver.gate.clear()
        await house.see()  # asks behind the stale photo
        house.portraits.reading.clear()
        viewer = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=64)))
        await settle()  # is reading the photo from the store
        house.resolver.gate.set()
        await settle()  # meanwhile the photo is hidden, and erased
        house.portraits.reading.set()
        assert reason(await viewer) is Reason.NONE
        assert reason(await house.see()) is Reason.NONE
        assert len(house.resolver.asked) == 2


# Errors

FAILURES: list[AvatarUnavailable | KeyError] = [
    errors.TimedOut("slow"),
    errors.Disconnected("unlinked"),
    errors.UpstreamFailed("broken"),
    errors.Unreachable("no connection"),
    errors.ServerError("500", passing=False),
    errors.Refused("401"),
    errors.PhotoGone("gone"),
    errors.OverBudget("too often", retry_after=30.0),
    errors.OverBudget("quota"),
    errors.Blocked("elsewhere"),
    errors.Undecodable("text"),
    errors.Rejected("a bomb"),
    errors.Busy("full"),
    errors.NoSuchPhoto("a broadcast"),
    KeyError("a bug"),
]


def by_resolver(house: House, failure: Exception) -> None:
    house.resolver.answers = [failure]


def by_origin(house: House, failure: Exception) -> None:
    house.resolver.answers = [NEW]
    house.origin.answers = [failure]


def by_quarantine(house: House, failure: Exception) -> None:
    house.resolver.answers = [NEW]
    house.quarantine.dirt = failure


def by_master(house: House, failure: Exception) -> None:
    house.resolver.answers = [NEW]
    house.quarantine.rot = failure


@pytest.mark.parametrize("fail", [by_resolver, by_origin, by_quarantine, by_master])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_an_error_erases_nothing(
    failure: Exception, fail: Callable[[House, Exception], None]
) -> None:
    async with opened(House(FakeResolver(URL))) as house:
        stored = await with_photo(house, age=STALE)
        fail(house, failure)
        for _ in range(12):
            avatar = await house.see()
            assert shows(avatar)
            assert avatar.standing.fresh_until <= house.clock()
            assert house.portraits.kept == {MAYA.value: stored}
            house.clock.advance(600)
        assert len(house.resolver.asked) > 3
        house.clock.advance(DAY)
        with suppress(KeyError):  # a bug is raised to who waits
            await house.see()
        assert reason(await house.see()) is not None
        assert house.portraits.kept == {MAYA.value: stored}


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_an_error_does_not_settle_an_unsure_none(failure: Exception) -> None:
    async with opened(House(FakeResolver(UNSURE, failure))) as house:
        await house.see()
        house.clock.advance(LIFETIMES.confirm)
        stored = dict(house.portraits.kept)
        for _ in range(3):
            avatar = await house.see()
            assert (reason(avatar), avatar.standing.settled) == (Reason.NONE, False)
        assert house.portraits.kept == stored
        assert house.resolver.refreshes == [False, True]


async def test_an_error_about_a_stranger_stores_nothing() -> None:
    async with opened(House(FakeResolver(BROKEN))) as house:
        await house.see()
        assert house.portraits.kept == {}


async def test_a_bug_is_told_once_by_the_viewer_who_gets_it_or_behind_those_who_do_not() -> None:
    async with opened(House(FakeResolver(KeyError("a bug"), URL, KeyError("another")))) as house:
        with pytest.raises(KeyError):
            await house.see()
        assert house.telemetry.bugs == 0  # the edge tells what it is given
        house.clock.advance(60)
        await with_photo(house, age=STALE)
        assert shows(await house.see())
        assert house.telemetry.bugs == 1


# Back-off


async def test_a_back_off_doubles_to_ten_minutes_and_no_call_is_made_during_it() -> None:
    async with opened(House(FakeResolver(BROKEN))) as house:
        for asked, pause in enumerate((60, 120, 240, 480, 600, 600, 600), start=1):
            avatar = await house.see()
            assert len(house.resolver.asked) == asked
            assert avatar.standing.expires == house.clock() + pause
            for moment in (0, pause / 2, pause / 2 - 1):
                house.clock.advance(moment)
                assert reason(await house.see()) is Reason.UPSTREAM
                assert reason(await house.see(AvatarSpec(size=64))) is Reason.UPSTREAM
            assert len(house.resolver.asked) == asked
            house.clock.advance(1)


async def test_a_back_off_holds_for_stale_photos_as_well() -> None:
    async with opened(House(FakeResolver(URL, BROKEN))) as house:
        await with_photo(house, age=STALE)
        for asked, pause in enumerate((60, 120, 240), start=2):
            for moment in (0, pause / 2, pause / 2 - 1):
                house.clock.advance(moment)
                assert shows(await house.see())
            assert len(house.resolver.asked) == asked
            house.clock.advance(1)


async def test_a_success_ends_the_back_off() -> None:
    async with opened(House(FakeResolver(BROKEN, BROKEN, URL, BROKEN))) as house:
        await house.see()
        house.clock.advance(60)
        await house.see()
        house.clock.advance(120)
        assert shows(await house.see())
        house.clock.advance(COLD)
        avatar = await house.see()
        assert avatar.standing.expires == house.clock() + 60


async def test_a_back_off_is_for_one_contact_alone() -> None:
    async with opened(House(FakeResolver(BROKEN, URL))) as house:
        assert reason(await house.see()) is Reason.UPSTREAM
        assert shows(await house.see(contact=LEON))


@pytest.mark.parametrize(
    ("wanted", "pause"),
    [(30.0, 30), (0.5, 0.5), (300.0, 300), (10_000.0, 600), (1e30, 600), (None, 60), (0.0, 60)],
)
async def test_the_upstream_is_left_alone_for_as_long_as_it_wants(
    wanted: float | None, pause: float
) -> None:
    resolver = FakeResolver(OverBudget("429", retry_after=wanted), URL)
    async with opened(House(resolver)) as house:
        avatar = await house.see()
        assert reason(avatar) is Reason.BUDGET
        assert avatar.standing.expires == house.clock() + pause
        house.clock.advance(pause - 0.25)
        assert reason(await house.see()) is Reason.BUDGET
        assert len(resolver.asked) == 1
        house.clock.advance(0.25)
        assert shows(await house.see())


async def test_a_bug_backs_off_too() -> None:
    async with opened(House(FakeResolver(KeyError("a bug"), KeyError("again"), URL))) as house:
        for pause in (60, 120):
            with pytest.raises(KeyError):
                await house.see()
            house.clock.advance(pause - 1)
            asked = len(house.resolver.asked)
            assert reason(await house.see()) is Reason.INTERNAL
            assert len(house.resolver.asked) == asked
            house.clock.advance(1)
        assert shows(await house.see())


# Photos


async def test_the_same_photo_is_confirmed_without_a_download() -> None:
    again = signed(oe=T0 + 9 * DAY, oh="01_b")
    async with opened(House(FakeResolver(URL, again))) as house:
        await with_photo(house, age=STALE)
        before = await known(house)
        await house.see()
        assert await known(house) == replace(before, source=again, confirmed=house.clock())
        avatar = await house.see()
        assert shows(avatar)
        assert avatar.standing.fresh_until == house.clock() + LIFETIMES.photo
        assert avatar.standing.since == T0
        assert len(house.origin.fetched) == len(house.artist.rendered) == 1


async def test_a_photo_too_old_to_be_shown_still_spares_the_download() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        await with_photo(house, age=COLD)
        avatar = await house.see()
        assert shows(avatar)
        assert avatar.path is Path.MISS
        assert (len(house.resolver.asked), len(house.origin.fetched)) == (2, 1)


async def test_another_photo_is_downloaded_and_is_the_current_one_since_now() -> None:
    async with opened(House(FakeResolver(URL, NEW))) as house:
        await with_photo(house, age=STALE)
        await house.see()
        assert await known(house) == Photo(
            source=NEW,
            fetched=house.clock(),
            since=house.clock(),
            confirmed=house.clock(),
            version=version_of(b"/v/new.jpg"),
            sample=sample_of(b"/v/new.jpg"),
            master=b"master of /v/new.jpg",
        )
        avatar = await house.see()
        assert shows(avatar, "/v/new.jpg")
        assert avatar.standing.since == house.clock()
        assert house.origin.fetched == [URL, NEW]


async def test_the_same_picture_under_another_path_is_current_since_it_was_first_seen() -> None:
    origin = FakeOrigin(b"one and the same")
    async with opened(House(FakeResolver(URL, NEW), origin)) as house:
        await house.see()
        house.clock.advance(STALE)
        await house.see()
        photo = await known(house)
        assert (photo.since, photo.fetched, photo.confirmed) == (T0, T0 + STALE, T0 + STALE)
        assert (await house.see()).standing.since == T0
        assert len(house.artist.rendered) == 1


@pytest.mark.parametrize(
    ("left", "refreshes"),
    [
        (-DAY, [False, True]),
        (0, [False, True]),
        (EXPIRY_SKEW, [False, True]),
        (EXPIRY_SKEW + 1, [False]),
        (7 * DAY, [False]),
    ],
)
async def test_a_url_that_has_expired_is_refreshed_before_anything_is_fetched(
    left: float, refreshes: list[bool]
) -> None:
    answered, fresh = signed(oe=T0 + left), signed(oe=T0 + 8 * DAY)
    async with opened(House(FakeResolver(answered, fresh))) as house:
        assert shows(await house.see())
        assert house.resolver.refreshes == refreshes
        assert house.origin.fetched == [answered if refreshes == [False] else fresh]


@pytest.mark.parametrize("url", ["https://pps.whatsapp.net/v/maya.jpg", f"{URL.url}00"])
async def test_a_url_that_does_not_say_its_end_is_taken_as_it_is(url: str) -> None:
    async with opened(House(FakeResolver(PhotoUrl(url)))) as house:
        assert shows(await house.see())
        assert house.resolver.refreshes == [False]


async def test_a_url_that_is_expired_even_after_the_refresh_is_tried_once() -> None:
    origin = FakeOrigin(PhotoGone("403"))
    async with opened(House(FakeResolver(signed(oe=T0 - 1)), origin)) as house:
        assert reason(await house.see()) is Reason.UPSTREAM
        assert house.resolver.refreshes == [False, True]
        assert len(origin.fetched) == 1


async def test_a_photo_that_is_gone_is_asked_for_once_more_with_a_refresh() -> None:
    again = signed(oh="01_b")
    origin = FakeOrigin(PhotoGone("403"), b"/v/maya.jpg")
    async with opened(House(FakeResolver(URL, again), origin)) as house:
        assert shows(await house.see())
        assert house.resolver.refreshes == [False, True]
        assert origin.fetched == [URL, again]
        assert (await known(house)).source == again


async def test_a_photo_that_is_gone_even_then_is_left_alone_for_ten_minutes() -> None:
    origin = FakeOrigin(PhotoGone("404"))
    async with opened(House(FakeResolver(URL), origin)) as house:
        for round_ in (1, 2):
            avatar = await house.see()
            assert reason(avatar) is Reason.UPSTREAM
            assert avatar.standing.expires == house.clock() + 600
            house.clock.advance(599)
            assert reason(await house.see()) is Reason.UPSTREAM
            assert house.resolver.refreshes == [False, True] * round_
            assert len(origin.fetched) == 2 * round_
            house.clock.advance(1)


async def test_a_photo_that_is_gone_because_it_was_hidden_is_none() -> None:
    async with opened(House(FakeResolver(URL, SURE), FakeOrigin(PhotoGone("410")))) as house:
        assert reason(await house.see()) is Reason.NONE
        house.clock.advance(LIFETIMES.confirm)
        await house.see()
        assert (await house.see()).standing.settled
        assert house.resolver.refreshes == [False, True]


# A store that fails


async def test_a_store_that_cannot_be_read_leads_to_a_question() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        house.portraits.failing = True
        avatar = await house.see()
        assert shows(avatar)
        assert avatar.path is Path.MISS
        assert house.telemetry.degraded == {"store": "the portrait store failed (Fake)"}
        house.portraits.failing = False
        await house.see(AvatarSpec(size=64), LEON)
        assert house.telemetry.degraded == {}


async def test_a_portrait_that_cannot_be_stored_is_known_to_this_worker_all_the_same() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        house.portraits.failing = True
        await house.see()
        forget(house)
        avatar = await house.see()
        assert shows(avatar)
        assert avatar.path is Path.HIT
        assert len(house.resolver.asked) == 1
        assert house.portraits.kept == {}


async def test_what_could_not_be_stored_is_replaced_by_what_can() -> None:
    async with opened(House(FakeResolver(URL, NEW))) as house:
        house.portraits.failing = True
        await house.see()
        house.clock.advance(STALE)
        house.portraits.failing = False
        await house.see()
        assert (await known(house)).source == NEW
        house.portraits.kept.clear()
        forget(house)
        house.resolver.answers = [URL]
        assert shows(await house.see())  # from the upstream: nothing is held back


async def test_no_more_portraits_are_held_back_than_allowed() -> None:
    contacts = [ContactId.parse(f"1555000{number:04d}") for number in range(MAX_UNSAVED + 1)]
    async with opened(House(FakeResolver(URL))) as house:
        house.portraits.failing = True
        for contact in contacts:
            await house.see(contact=contact)
            forget(house)
        asked = len(house.resolver.asked)
        for contact in contacts[1:]:
            assert shows(await house.see(contact=contact))
        assert len(house.resolver.asked) == asked == len(contacts)
        assert shows(await house.see(contact=contacts[0]))
        assert len(house.resolver.asked) == asked + 1


async def test_viewers_do_not_wait_for_a_slow_write() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        house.portraits.writing.clear()
        assert shows(await house.see())
        forget(house)
        assert shows(await house.see())
        assert (len(house.resolver.asked), house.portraits.kept) == (1, {})
        house.portraits.writing.set()


# Closing


async def test_closing_lets_a_write_finish() -> None:
    house = House(FakeResolver(URL))
    house.portraits.writing.clear()
    await house.see()
    closing = asyncio.create_task(house.aclose())
    await settle()
    assert not closing.done()
    house.portraits.writing.set()
    await closing
    assert MAYA.value in house.portraits.kept


async def test_closing_lets_a_write_fail() -> None:
    house = House(FakeResolver(URL))
    house.portraits.writing.clear()
    house.portraits.failing = True
    await house.see()
    house.portraits.writing.set()
    await house.aclose()
    assert house.telemetry.store_failures == 3  # a read, the write, and a last try


@pytest.mark.parametrize("where", ["resolver", "origin"])
async def test_closing_drops_a_question_that_nobody_will_wait_for(where: str) -> None:
    house = House(FakeResolver(URL))
    fake = house.resolver if where == "resolver" else house.origin
    fake.gate.clear()
    viewer = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec()))
    await fake.entered.wait()
    await house.aclose()
    assert house.portraits.kept == {}
    with pytest.raises(asyncio.CancelledError):
        await viewer


# Any history

answers = st.lists(st.sampled_from([URL, NEW, UNSURE, SURE, BROKEN, PhotoGone("")]), min_size=1)
pauses = st.lists(st.sampled_from([0.0, 61.0, 700.0, HOUR, STALE, COLD]), max_size=12)


@settings(deadline=None)  # how long it takes on a busy machine says nothing
@given(answers, pauses)
@example([URL, UNSURE], [0.0, COLD, 61.0])
@example([URL, UNSURE, BROKEN], [0.0, STALE, COLD, 61.0])
def test_whatever_happens_no_face_is_shown_that_is_too_old_or_was_taken_back(
    script: list[PhotoUrl | NoPhoto | UpstreamFailed], pauses: list[float]
) -> None:
    async def run() -> None:
        async with opened(House(FakeResolver(*script))) as house:
            for pause in pauses:
                house.clock.advance(pause)
                avatar = await house.see()
                if reason(avatar) is None:
                    assert avatar.standing.expires > house.clock()
                    assert avatar.standing.expires <= house.clock() + LIFETIMES.stale
                stored = await house.portraits.get(MAYA)
                if isinstance(stored, Absence) and stored.certain:
                    assert reason(await house.see()) is not None

    asyncio.run(run())


# Whom somebody asked not to show


async def test_who_is_suppressed_is_as_none_and_never_asked_about() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        await house.portraits.suppress(MAYA, since=T0)
        for _ in range(10):
            avatar = await house.see()
            assert reason(avatar) is Reason.NONE
            assert avatar.standing.settled
            house.clock.advance(30 * DAY)
        assert house.resolver.asked == []


async def test_a_suppression_is_read_again_now_and_then_and_not_by_each_viewer() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        await house.portraits.suppress(MAYA, since=T0)
        for _ in range(100):
            await house.see()
        assert house.portraits.reads == 1
        house.clock.advance(LIFETIMES.none)
        for _ in range(100):
            await house.see()
        assert house.portraits.reads == 2


async def test_who_is_suppressed_no_more_is_asked_about_again() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        await house.portraits.suppress(MAYA, since=T0)
        await house.see()
        await house.portraits.unsuppress(MAYA)  # by another worker
        house.clock.advance(LIFETIMES.none)
        await house.see()
        assert shows(await house.see())
        assert len(house.resolver.asked) == 1


async def test_who_is_suppressed_while_the_upstream_is_asked_is_shown_no_more() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        house.portraits.writing.clear()
        assert shows(await house.see())
        await house.portraits.suppress(MAYA, since=T0)
        house.portraits.writing.set()
        await settle()
        assert reason(await house.see()) is Reason.NONE
        assert await house.portraits.is_suppressed(MAYA)


# Who is erased while the upstream is asked


async def test_who_is_erased_while_the_upstream_is_asked_is_asked_about_once_more() -> None:
    async with opened(House(FakeResolver(URL, NEW))) as house:
        house.resolver.gate.clear()
        viewer = asyncio.create_task(house.see())
        await house.resolver.entered.wait()
        await house.archive.erase(MAYA)
        house.clock.advance(1)
        house.resolver.gate.set()
        assert shows(await viewer, "/v/new.jpg")
        assert len(house.resolver.asked) == 2
        assert shows(await house.see(), "/v/new.jpg")
        assert len(house.resolver.asked) == 2


async def test_who_is_suppressed_before_the_upstream_answers_is_asked_about_no_more() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        house.resolver.gate.clear()
        viewer = asyncio.create_task(house.see())
        await house.resolver.entered.wait()
        await house.archive.suppress(MAYA)
        house.clock.advance(1)
        house.resolver.gate.set()
        assert reason(await viewer) is Reason.NONE
        assert len(house.resolver.asked) == 1


async def test_who_is_erased_again_and_again_gets_nobody_an_endless_run() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        house.resolver.gate.clear()
        viewer = asyncio.create_task(house.see())
        for _ in range(2):
            await house.resolver.entered.wait()
            house.resolver.entered.clear()
            await house.archive.erase(MAYA)
            house.clock.advance(1)
            house.resolver.gate.set()
            house.resolver.gate.clear()
        house.resolver.gate.set()
        assert reason(await viewer) is Reason.NONE
        assert len(house.resolver.asked) == 2
        assert shows(await house.see())
