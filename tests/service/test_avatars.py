"""The service: an avatar for everybody, always, in time, and one question however many ask."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING

import pytest

from gateway import errors
from gateway.errors import AvatarUnavailable, Busy, Reason
from gateway.model import AvatarSpec, ContactId, Fallback, Format, Path, Shape
from tests.fakes import (
    LEON,
    MAYA,
    FakeResolver,
    House,
    opened,
    settle,
    signed,
    uncollected,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.avatars import Avatars
    from gateway.model import Avatar
    from tests.fakes import Plan

NOBODYS = [ContactId.parse(text) for text in ("status@broadcast", "12345@broadcast", "0@c.us")]
PHOTO_MAYA = b"photo|master of /v/maya.jpg|"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house whose upstream knows a photo of everybody."""
    async with opened(House(FakeResolver(signed()))) as house:
        yield house


def body(avatar: Avatar) -> bytes:
    assert avatar.rendition is not None
    return avatar.rendition.body


def calls(house: House) -> tuple[int, int]:
    """How often the API and the CDN were asked."""
    return len(house.resolver.asked), len(house.origin.fetched)


def crowded(house: House, viewers: int) -> Avatars[Plan]:
    """Another door of the house, for so many viewers at a time."""
    return house.door(viewers=viewers)


def impatient(house: House, deadline: float = 0.0) -> Avatars[Plan]:
    """Another door of the house, for viewers who wait for `deadline` seconds."""
    return house.door(deadline=deadline)


# Hits and misses


async def test_the_first_view_asks_and_the_next_does_not(house: House) -> None:
    first, second = await house.see(), await house.see()
    assert body(first) == body(second) == PHOTO_MAYA + b"128"
    assert (first.path, second.path) == (Path.MISS, Path.HIT)
    assert first.standing == second.standing
    assert first.standing.reason is None
    assert calls(house) == (1, 1)
    assert len(house.artist.rendered) == 1


async def test_another_size_shape_or_format_asks_nobody(house: House) -> None:
    await house.see()
    for number, spec in enumerate(
        (
            AvatarSpec(size=64),
            AvatarSpec(size=64, dpr=2),  # as many pixels as the first
            AvatarSpec(format=Format.WEBP),
            AvatarSpec(shape=Shape.CIRCLE),
        )
    ):
        avatar = await house.see(spec)
        assert body(avatar) == PHOTO_MAYA + str(spec.canvas.pixels).encode()
        assert avatar.path is Path.HIT
        assert len(house.artist.rendered) == (2, 2, 3, 4)[number]
    assert calls(house) == (1, 1)


async def test_what_changes_nothing_that_is_drawn_is_drawn_once(house: House) -> None:
    for spec in (AvatarSpec(), AvatarSpec(name="Maya"), AvatarSpec(version="0", size=64, dpr=2)):
        await house.see(spec)
    assert len(house.artist.rendered) == 1


async def test_contacts_are_asked_about_one_by_one(house: House) -> None:
    await house.see()
    await house.see(contact=LEON)
    assert house.resolver.asked == [(MAYA, False), (LEON, False)]


async def test_a_thousand_viewers_in_ten_sizes_cost_one_question_and_one_download(
    house: House,
) -> None:
    house.resolver.gate.clear()
    views = [
        asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=16 + number % 10)))
        for number in range(1000)
    ]
    await settle()
    assert calls(house) == (1, 0)
    house.resolver.gate.set()
    avatars = await asyncio.gather(*views)
    assert calls(house) == (1, 1)
    assert len(house.artist.rendered) == 10
    for number, avatar in enumerate(avatars):
        assert body(avatar) == PHOTO_MAYA + str(16 + number % 10).encode()
    paths = [avatar.path for avatar in avatars]
    assert (paths.count(Path.MISS), paths.count(Path.COLLAPSED)) == (1, 999)


async def test_a_herd_shares_a_failure_and_does_not_ask_again() -> None:
    resolver = FakeResolver(errors.UpstreamFailed("broken"))
    async with opened(House(resolver)) as house:
        resolver.gate.clear()
        views = [asyncio.create_task(house.avatars.get(MAYA, AvatarSpec())) for _ in range(100)]
        await settle()
        resolver.gate.set()
        avatars = await asyncio.gather(*views)
        assert {avatar.standing.reason for avatar in avatars} == {Reason.UPSTREAM}
        assert len(resolver.asked) == 1
        assert len(house.artist.drawn) == 1


# Deadlines, and viewers who leave


async def test_at_the_deadline_the_viewer_gets_a_fallback_and_the_next_one_the_photo(
    house: House,
) -> None:
    house.origin.gate.clear()
    late = await impatient(house).get(MAYA, AvatarSpec())
    assert body(late) == b"drawn|person|silhouette"
    assert late.standing.reason is Reason.TIMEOUT
    assert late.standing.fresh_until <= house.clock()
    await settle()
    assert calls(house) == (1, 1)
    house.origin.gate.set()
    await settle()
    assert body(await house.see()) == PHOTO_MAYA + b"128"
    assert calls(house) == (1, 1)


async def test_who_comes_while_a_late_run_goes_on_joins_it(house: House) -> None:
    house.resolver.gate.clear()
    await impatient(house).get(MAYA, AvatarSpec())
    patient = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec()))
    await settle()
    house.resolver.gate.set()
    avatar = await patient
    assert body(avatar) == PHOTO_MAYA + b"128"
    assert avatar.path is Path.COLLAPSED
    assert calls(house) == (1, 1)


async def test_a_drawing_that_is_late_goes_on_and_is_kept(house: House) -> None:
    await house.see()
    house.artist.gate.clear()
    late = await impatient(house, deadline=0.5).get(MAYA, AvatarSpec(size=64))
    assert late.standing.reason is Reason.TIMEOUT
    house.artist.gate.set()
    await settle()
    assert (await house.see(AvatarSpec(size=64))).path is Path.HIT
    assert len(house.artist.rendered) == 2


async def test_a_run_that_is_late_and_fails_tells_nobody_and_backs_off() -> None:
    resolver = FakeResolver(errors.Blocked("elsewhere"))
    async with opened(House(resolver)) as house:
        resolver.gate.clear()
        await impatient(house).get(MAYA, AvatarSpec())
        resolver.gate.set()
        await settle()
        assert (await house.see()).standing.reason is Reason.BLOCKED
        assert len(resolver.asked) == 1


async def test_a_viewer_who_leaves_stops_nobodys_run(house: House) -> None:
    house.resolver.gate.clear()
    viewers = [asyncio.create_task(house.avatars.get(MAYA, AvatarSpec())) for _ in range(3)]
    await house.resolver.entered.wait()
    viewers[0].cancel()
    viewers[1].cancel()
    await asyncio.gather(*viewers[:2], return_exceptions=True)
    house.resolver.gate.set()
    assert body(await viewers[2]) == PHOTO_MAYA + b"128"
    assert calls(house) == (1, 1)


async def test_a_run_goes_on_when_everybody_has_left(house: House) -> None:
    house.resolver.gate.clear()
    viewer = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec()))
    await house.resolver.entered.wait()
    viewer.cancel()
    house.resolver.gate.set()
    await settle()
    assert viewer.cancelled()
    assert body(await house.see()) == PHOTO_MAYA + b"128"
    assert calls(house) == (1, 1)


async def test_a_viewer_who_leaves_stops_no_drawing(house: House) -> None:
    house.artist.gate.clear()
    viewer = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec()))
    await house.artist.entered.wait()
    viewer.cancel()
    house.artist.gate.set()
    await settle()
    assert (await house.see()).path is Path.HIT
    assert len(house.artist.rendered) == 1


async def test_a_house_that_closes_waits_for_no_drawing(house: House) -> None:
    house.artist.gate.clear()
    viewer = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec()))
    await house.artist.entered.wait()
    await house.aclose()
    with pytest.raises(asyncio.CancelledError):
        await viewer


# Fallbacks


@pytest.mark.parametrize("contact", NOBODYS, ids=lambda contact: contact.value)
async def test_nobody_is_asked_about_who_can_have_no_photo(
    house: House, contact: ContactId
) -> None:
    avatar = await house.see(contact=contact)
    assert body(avatar) == f"drawn|{contact.kind}|silhouette".encode()
    assert (avatar.standing.reason, avatar.path) == (Reason.UNSUPPORTED, Path.HIT)
    assert avatar.standing.settled
    assert (calls(house), house.portraits.reads) == ((0, 0), 0)


@pytest.mark.parametrize("contact", [MAYA, *NOBODYS], ids=lambda contact: contact.value)
async def test_a_forced_fallback_asks_nobody(house: House, contact: ContactId) -> None:
    avatar = await house.see(AvatarSpec(forced=True), contact=contact)
    assert body(avatar) == f"drawn|{contact.kind}|silhouette".encode()
    assert (avatar.standing.reason, avatar.path) == (Reason.FORCED, Path.HIT)
    assert avatar.standing.settled
    assert (calls(house), house.portraits.reads) == ((0, 0), 0)


async def test_a_forced_fallback_hides_a_photo_that_is_held_and_leaves_it_there(
    house: House,
) -> None:
    await house.see()
    assert (await house.see(AvatarSpec(forced=True))).standing.reason is Reason.FORCED
    assert (await house.see()).path is Path.HIT


@pytest.mark.parametrize(
    ("spec", "contact", "reason"),
    [
        (AvatarSpec(fallback=Fallback.NOT_FOUND), MAYA, Reason.NONE),
        (AvatarSpec(fallback=Fallback.NOT_FOUND, forced=True), MAYA, Reason.FORCED),
        (AvatarSpec(fallback=Fallback.NOT_FOUND), NOBODYS[0], Reason.UNSUPPORTED),
    ],
)
async def test_who_wants_no_fallback_gets_none(
    spec: AvatarSpec, contact: ContactId, reason: Reason
) -> None:
    async with opened(House(FakeResolver(errors.NoPhoto("none", confirmed=True)))) as house:
        for _ in range(2):
            avatar = await house.see(spec, contact)
            assert avatar.rendition is None
            assert avatar.standing.reason is reason
        assert house.artist.drawn == []


async def test_who_wants_no_fallback_gets_a_photo_where_there_is_one(house: House) -> None:
    spec = AvatarSpec(fallback=Fallback.NOT_FOUND)
    assert body(await house.see(spec)) == PHOTO_MAYA + b"128"


async def test_a_fallback_is_drawn_once_for_all_it_looks_the_same_for() -> None:
    async with opened(House(FakeResolver(errors.NoPhoto("none", confirmed=True)))) as house:
        for contact in (MAYA, LEON):
            for fallback in (Fallback.SILHOUETTE, Fallback.IDENTICON, Fallback.SILHOUETTE):
                await house.see(AvatarSpec(fallback=fallback), contact)
        digest = house.portraits.digest
        kinds = [(plan[1], plan[3]) for plan in house.artist.drawn]
        assert kinds == [
            (Fallback.SILHOUETTE, b""),
            (Fallback.IDENTICON, digest(MAYA)),
            (Fallback.IDENTICON, digest(LEON)),
        ]


FAILURES: list[tuple[AvatarUnavailable, Reason]] = [
    (errors.NoPhoto("", confirmed=True), Reason.NONE),
    (errors.NoPhoto("", confirmed=False), Reason.NONE),
    (errors.NoSuchPhoto(""), Reason.UNSUPPORTED),
    (errors.FallbackForced(""), Reason.FORCED),
    (errors.TimedOut(""), Reason.TIMEOUT),
    (errors.Disconnected(""), Reason.DISCONNECTED),
    (errors.Unreachable("no connection"), Reason.UPSTREAM),
    (errors.ServerError("500", passing=False), Reason.UPSTREAM),
    (errors.Refused("401"), Reason.UPSTREAM),
    (errors.UpstreamFailed(""), Reason.UPSTREAM),
    (errors.PhotoGone(""), Reason.UPSTREAM),
    (errors.OverBudget(""), Reason.BUDGET),
    (errors.OverBudget("", retry_after=0), Reason.BUDGET),
    (errors.Blocked(""), Reason.BLOCKED),
    (errors.Undecodable(""), Reason.UNDECODABLE),
    (errors.Rejected(""), Reason.UNDECODABLE),
    (errors.Busy(""), Reason.BUSY),
]


def test_every_failure_of_the_tree_is_tested_here() -> None:
    tree = {
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, AvatarUnavailable)
    }
    assert {type(failure) for failure, _ in FAILURES} == tree - {AvatarUnavailable}


@pytest.mark.parametrize(("failure", "reason"), FAILURES, ids=lambda value: type(value).__name__)
async def test_every_failure_is_shown_as_a_fallback_with_its_reason(
    failure: AvatarUnavailable, reason: Reason
) -> None:
    async with opened(House(FakeResolver(failure))) as house:
        first, second = await house.see(), await house.see(AvatarSpec(size=64))
        for avatar in (first, second):
            assert body(avatar) == b"drawn|person|silhouette"
            # While it backs off the reason is the one that caused it.
            assert avatar.standing.reason is reason
        assert (first.path, second.path) == (Path.MISS, Path.HIT)
        assert len(house.resolver.asked) == 1
        assert (house.telemetry.bugs, house.origin.fetched) == (0, [])


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(Busy("full"), Reason.BUSY), (errors.Undecodable("odd"), Reason.UNDECODABLE)],
)
async def test_a_photo_that_cannot_be_drawn_now_is_a_fallback_and_a_photo_later(
    house: House, failure: AvatarUnavailable, reason: Reason
) -> None:
    house.artist.failure = failure
    avatar = await house.see()
    assert body(avatar) == b"drawn|person|silhouette"
    assert avatar.standing.reason is reason
    assert avatar.standing.fresh_until <= house.clock()
    house.artist.failure = None
    assert body(await house.see()) == PHOTO_MAYA + b"128"
    assert calls(house) == (1, 1)


async def test_when_nothing_can_be_drawn_at_all_there_is_still_a_picture(house: House) -> None:
    house.artist.failure = house.artist.refusal = Busy("full")
    avatar = await house.see()
    assert body(avatar) == b"blank"
    assert avatar.standing.reason is Reason.BUSY
    house.artist.refusal = None
    assert body(await house.see()) == b"drawn|person|silhouette"


async def test_a_fallback_that_takes_too_long_is_a_blank_one_and_drawn_for_the_next(
    house: House,
) -> None:
    house.artist.drawing.clear()
    assert body(await house.see(AvatarSpec(forced=True))) == b"blank"
    house.artist.drawing.set()
    await settle()
    assert body(await house.see(AvatarSpec(forced=True))) == b"drawn|person|silhouette"
    assert len(house.artist.drawn) == 1


async def test_refusals_leave_nothing_to_look_for(house: House) -> None:
    with uncollected():
        left = []
        for _ in range(2):
            house.artist.failure, house.artist.refusal = Busy("full"), Busy("full")
            left += [weakref.ref(house.artist.failure), weakref.ref(house.artist.refusal)]
            assert body(await house.see()) == b"blank"
        house.artist.failure = house.artist.refusal = None
        await settle()
        assert [each() for each in left] == [None] * 4


# Bugs


async def test_a_bug_in_the_upstream_is_raised_to_everybody_who_waits() -> None:
    resolver = FakeResolver(KeyError("a bug"))
    async with opened(House(resolver)) as house:
        resolver.gate.clear()
        views = [asyncio.create_task(house.avatars.get(MAYA, AvatarSpec())) for _ in range(3)]
        await settle()
        resolver.gate.set()
        for view in views:
            with pytest.raises(KeyError):
                await view
        # And then not at every view again.
        assert (await house.see()).standing.reason is Reason.INTERNAL
        assert len(resolver.asked) == 1


@pytest.mark.parametrize("bug", [KeyError("a bug"), RuntimeError("a bug"), errors.StoreFailed("?")])
async def test_a_bug_in_the_artist_is_raised_and_no_silhouette(
    house: House, bug: Exception
) -> None:
    house.artist.failure = bug
    with pytest.raises(type(bug)):
        await house.see()
    house.artist.failure = None
    house.artist.refusal = bug
    with pytest.raises(type(bug)):
        await house.see(AvatarSpec(forced=True))
    house.artist.refusal = None
    assert body(await house.see()) == PHOTO_MAYA + b"128"
    assert calls(house) == (1, 1)


# Stale photos


async def test_a_stale_photo_is_shown_at_once_and_renewed_behind(house: House) -> None:
    house.resolver.answers = [signed(), signed("/v/new.jpg")]
    await house.see()
    house.clock.advance(26 * 3600)
    house.resolver.gate.clear()
    for spec in (AvatarSpec(), AvatarSpec(size=64), AvatarSpec()):
        stale = await house.see(spec)
        assert body(stale).startswith(PHOTO_MAYA)
        assert stale.path is Path.HIT
        assert stale.standing.fresh_until <= house.clock()
    assert calls(house) == (2, 1)
    house.resolver.gate.set()
    await settle()
    renewed = await house.see()
    assert body(renewed) == b"photo|master of /v/new.jpg|128"
    assert renewed.standing.fresh_until > house.clock()
    assert calls(house) == (2, 2)


async def test_a_stale_photo_is_shown_at_once_after_a_restart_too(house: House) -> None:
    await house.see()
    house.clock.advance(26 * 3600)
    resolver = FakeResolver(signed())
    resolver.gate.clear()
    async with opened(House(resolver, portraits=house.portraits, clock=house.clock)) as other:
        stale = await other.see()
        assert body(stale) == PHOTO_MAYA + b"128"
        assert stale.path is Path.HIT
        assert resolver.refreshes == [False]


async def test_a_drawing_of_the_old_photo_is_not_held_for_the_new_one(house: House) -> None:
    house.resolver.answers = [signed(), signed("/v/new.jpg")]
    await house.see()
    house.clock.advance(26 * 3600)
    house.artist.gate.clear()
    late = asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=64)))
    await settle()  # the new photo is known, the old one is still being drawn
    assert calls(house) == (2, 2)
    house.artist.gate.set()
    assert body(await late) == PHOTO_MAYA + b"64"
    assert body(await house.see(AvatarSpec(size=64))) == b"photo|master of /v/new.jpg|64"


async def test_when_too_many_wait_the_next_is_answered_at_once_as_busy(house: House) -> None:
    door = crowded(house, 2)
    house.resolver.gate.clear()
    waiting = [asyncio.create_task(door.get(MAYA, AvatarSpec(size=size))) for size in (32, 64)]
    await house.resolver.entered.wait()
    for contact in (MAYA, LEON):
        avatar = await door.get(contact, AvatarSpec())
        assert avatar.standing.reason is Reason.BUSY
        assert avatar.standing.fresh_until <= house.clock.now
        assert body(avatar).startswith(b"drawn|")
    assert len(house.resolver.asked) == 1
    house.resolver.gate.set()
    assert all(avatar.standing.reason is None for avatar in await asyncio.gather(*waiting))
    assert (await door.get(LEON, AvatarSpec())).standing.reason is None


async def test_who_need_not_wait_is_never_one_too_many(house: House) -> None:
    await house.see()
    door = crowded(house, 0)
    assert (await door.get(MAYA, AvatarSpec())).standing.reason is None
    assert (await door.get(NOBODYS[0], AvatarSpec())).standing.reason is Reason.UNSUPPORTED
    forced = await door.get(LEON, AvatarSpec(forced=True))
    assert forced.standing.reason is Reason.FORCED
    assert (await door.get(LEON, AvatarSpec())).standing.reason is Reason.BUSY


async def test_who_leaves_while_waiting_gives_the_place_back(house: House) -> None:
    door = crowded(house, 1)
    house.resolver.gate.clear()
    viewer = asyncio.create_task(door.get(MAYA, AvatarSpec()))
    await house.resolver.entered.wait()
    viewer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await viewer
    house.resolver.gate.set()
    await settle()
    assert (await door.get(LEON, AvatarSpec())).standing.reason is None
