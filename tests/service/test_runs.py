"""One run for a contact, in all workers of a machine: what they share and how they take turns."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

import pytest

from gateway.budget import Rate
from gateway.errors import (
    Disconnected,
    NoPhoto,
    OverBudget,
    Reason,
    Refused,
    ServerError,
    TimedOut,
    Unreachable,
    UpstreamFailed,
)
from gateway.model import Absence, AvatarSpec, ContactId, Path
from tests.fakes import (
    DAY,
    LEON,
    LIFETIMES,
    MAYA,
    T0,
    FakePortraits,
    FakeResolver,
    House,
    Machine,
    opened,
    settle,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.errors import AvatarUnavailable
    from gateway.model import Avatar

URL = signed()
NEW = signed("/v/new.jpg")
STALE = 26 * 3600.0
SURE = NoPhoto("the API knows no picture", confirmed=True)
UNSURE = NoPhoto("the API knows no picture", confirmed=False)
LID = ContactId.parse("123456789012345@lid")
BRAZIL = ContactId.parse("5511987654321")


def reason(avatar: Avatar) -> Reason | None:
    return avatar.standing.reason


def contacts(number: int) -> list[ContactId]:
    return [ContactId.parse(f"1555000{each:04d}") for each in range(number)]


async def is_settled(house: House) -> bool:
    """Whether it is settled that Maya has no photo."""
    known = await house.portraits.get(MAYA)
    return isinstance(known, Absence) and known.settled


class Workers:
    """Two workers of a machine, over one store."""

    def __init__(self, *answers: object, rate: Rate | None = None) -> None:
        self.machine = Machine(rate=rate)
        portraits = FakePortraits()
        self.one, self.two = (
            House(FakeResolver(*answers), portraits=portraits, machine=self.machine)  # type: ignore[arg-type]
            for _ in range(2)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.one.aclose()
        await self.two.aclose()

    @property
    def asked(self) -> int:
        return len(self.one.resolver.asked) + len(self.two.resolver.asked)

    @property
    def fetched(self) -> int:
        return len(self.one.origin.fetched) + len(self.two.origin.fetched)


# One question for two workers


async def test_a_contact_is_asked_about_once_by_two_workers_that_look_together() -> None:
    async with Workers(URL) as workers:
        workers.one.resolver.gate.clear()
        viewers = [
            asyncio.create_task(house.avatars.get(MAYA, AvatarSpec(size=size)))
            for size in (48, 64, 96)
            for house in (workers.one, workers.two)
        ]
        await settle()
        workers.one.resolver.gate.set()
        workers.two.resolver.gate.set()
        found = await asyncio.gather(*viewers)
        assert {reason(each) for each in found} == {None}
        await settle()
        assert (workers.asked, workers.fetched) == (1, 1)
        assert workers.machine.leases.held[workers.one.archive.key(MAYA)] == 2


async def test_a_turn_that_turns_out_to_be_needless_is_given_back() -> None:
    async with Workers(URL, rate=Rate(10, 60.0)) as workers:
        both = [house.avatars.get(MAYA, AvatarSpec()) for house in (workers.one, workers.two)]
        await asyncio.gather(*both)
        await settle()
        assert workers.asked == 1
        assert (await workers.machine.ledger.status()).left == 9


async def test_a_failure_is_shared_by_those_who_waited_for_it_elsewhere() -> None:
    async with Workers(UpstreamFailed("garbage")) as workers:
        workers.one.resolver.gate.clear()
        first = asyncio.create_task(workers.one.see())
        await workers.one.resolver.entered.wait()
        second = asyncio.create_task(workers.two.see())
        await settle()
        workers.one.resolver.gate.set()
        assert {reason(await each) for each in (first, second)} == {Reason.UPSTREAM}
        assert workers.asked == 1
        assert reason(await workers.two.see(AvatarSpec(size=64))) is Reason.UPSTREAM
        assert workers.asked == 1


async def test_a_success_elsewhere_ends_the_back_off_here() -> None:
    async with Workers(UpstreamFailed("garbage"), URL) as workers:
        await workers.one.see()
        workers.machine.clock.advance(61)
        workers.two.resolver.answers = [URL]
        assert reason(await workers.two.see()) is None
        workers.machine.clock.advance(STALE)
        workers.one.resolver.answers = [URL]
        await workers.one.see()
        assert workers.one.resolver.refreshes == [False, False]
        assert workers.one.pauses.last(MAYA) is None


async def test_a_renewal_by_another_worker_is_found_without_a_turn() -> None:
    async with Workers(URL, rate=Rate(1, 60.0)) as workers:
        await workers.one.see()
        await workers.two.see()
        workers.machine.clock.advance(STALE)
        await workers.one.see()
        await workers.two.see()  # stale here, renewed there; no query is left
        avatar = await workers.two.see()
        assert avatar.standing.fresh_until > workers.machine.clock()
        assert workers.asked == 2


# Erasures


async def test_a_photo_that_is_hidden_is_shown_by_no_worker_any_more() -> None:
    async with Workers(URL, SURE) as workers:
        await workers.one.see()
        await workers.two.see()
        workers.machine.clock.advance(STALE)
        await workers.one.see()
        assert reason(await workers.two.see()) is Reason.NONE
        assert reason(await workers.one.see()) is Reason.NONE
        assert workers.two.resolver.asked == []


async def test_a_run_that_comes_too_late_puts_no_photo_back() -> None:
    async with Workers(URL) as workers:
        workers.one.origin.gate.clear()
        viewer = asyncio.create_task(workers.one.avatars.get(MAYA, AvatarSpec()))
        await workers.one.origin.entered.wait()
        workers.machine.clock.advance(1)
        await workers.two.keeper.suppress(MAYA)
        workers.one.origin.gate.set()
        assert reason(await viewer) is Reason.NONE
        await settle()
        assert await workers.one.portraits.is_suppressed(MAYA)
        for house in (workers.one, workers.two):
            assert reason(await house.see()) is Reason.NONE
        assert workers.asked == 1


async def test_an_erasure_while_the_master_is_made_takes_the_photo_away() -> None:
    async with Workers(URL) as workers:
        workers.one.quarantine.darkroom.clear()
        assert reason(await workers.one.see()) is None
        workers.machine.clock.advance(1)
        await workers.two.keeper.erase(MAYA)
        workers.one.quarantine.darkroom.set()
        await settle()
        assert workers.one.portraits.kept == {}
        workers.machine.clock.advance(1)
        assert reason(await workers.one.see()) is None  # asked again: an erasure is no suppression
        assert workers.asked == 2


# The budget


async def test_viewers_whom_the_budget_keeps_waiting_are_answered_at_once() -> None:
    machine = Machine(rate=Rate(2, 3600.0))
    async with opened(House(FakeResolver(URL), machine=machine, deadline=5.0)) as house:
        found = [await house.see(contact=each) for each in contacts(5)]
        assert [reason(each) for each in found] == [None, None] + [Reason.BUDGET] * 3
        assert {each.path for each in found} == {Path.MISS}
        assert len(house.resolver.asked) == 2
        assert house.budget.waiting == 3


async def test_a_viewer_who_looks_again_makes_no_second_place() -> None:
    machine = Machine(rate=Rate(1, 3600.0))
    async with opened(House(FakeResolver(URL), machine=machine, deadline=5.0)) as house:
        await house.see(contact=LEON)
        for size in (48, 64, 96):
            assert reason(await house.see(AvatarSpec(size=size))) is Reason.BUDGET
        assert house.budget.waiting == 1


async def test_each_query_of_a_run_has_a_turn_of_its_own() -> None:
    expired, fresh = signed(oe=T0 - 10), signed(oe=T0 + DAY)
    machine = Machine(rate=Rate(10, 60.0))
    async with opened(House(FakeResolver(expired, fresh), machine=machine)) as house:
        assert reason(await house.see()) is None
        assert house.resolver.refreshes == [False, True]
        assert (await machine.ledger.status()).left == 8


async def test_a_second_query_that_comes_too_late_leaves_the_budget_as_the_reason() -> None:
    expired = signed(oe=T0 - 10)
    machine = Machine(rate=Rate(1, 3600.0))
    house = House(FakeResolver(expired), machine=machine, timeout=0.05)
    async with opened(house):
        assert reason(await house.see()) is Reason.BUDGET
        assert house.resolver.refreshes == [False]


# The breaker

TROUBLE = [Unreachable("refused"), ServerError("500", passing=False)]


@pytest.mark.parametrize("failure", TROUBLE, ids=lambda each: type(each).__name__)
async def test_five_troubles_in_a_row_end_all_questions_for_a_moment(
    failure: AvatarUnavailable,
) -> None:
    async with opened(House(FakeResolver(failure))) as house:
        for each in contacts(5):
            assert reason(await house.see(contact=each)) is Reason.UPSTREAM
        assert reason(await house.see()) is Reason.UPSTREAM
        assert len(house.resolver.asked) == 5


@pytest.mark.parametrize(
    ("failure", "why"),
    [(Refused("401"), Reason.UPSTREAM), (Disconnected("422"), Reason.DISCONNECTED)],
    ids=["refused", "disconnected"],
)
async def test_a_refusal_ends_all_questions_and_is_no_failure_of_the_contact(
    failure: AvatarUnavailable, why: Reason
) -> None:
    async with opened(House(FakeResolver(failure, URL))) as house:
        assert reason(await house.see()) is why
        assert reason(await house.see(contact=LEON)) is why
        assert len(house.resolver.asked) == 1
        assert await house.machine.backoffs.read(house.archive.key(MAYA)) is None
        house.clock.advance(5.1)
        async with opened(House(FakeResolver(URL), machine=house.machine)) as other:
            assert reason(await other.see()) is None
            assert reason(await other.see(contact=LEON)) is None


async def test_a_failed_probe_leaves_its_contact_a_short_rest() -> None:
    async with opened(House(FakeResolver(Unreachable("refused")))) as house:
        for each in contacts(5):
            await house.see(contact=each)
        house.clock.advance(5.1)
        avatar = await house.see()
        assert len(house.resolver.asked) == 6
        assert avatar.standing.expires <= house.clock() + 5


async def test_time_outs_of_one_contact_keep_nobody_else_waiting() -> None:
    async with opened(House(FakeResolver(*[TimedOut("hangs")] * 20, URL))) as house:
        for each in contacts(20):
            assert reason(await house.see(contact=each)) is Reason.TIMEOUT
        assert reason(await house.see()) is None


async def test_a_passing_server_error_is_worth_one_more_try() -> None:
    async with opened(House(FakeResolver(ServerError("503", passing=True), URL))) as house:
        assert reason(await house.see()) is None
        assert len(house.resolver.asked) == 2


async def test_retries_have_a_budget_of_their_own() -> None:
    async with opened(House(FakeResolver(ServerError("503", passing=True)))) as house:
        await house.see()
        await house.see(contact=LEON)
        assert len(house.resolver.asked) == 3


async def test_the_apis_silence_is_kept_for_all_contacts() -> None:
    machine = Machine()
    resolver = FakeResolver(OverBudget("429", retry_after=120.0), URL)
    async with opened(House(resolver, machine=machine, deadline=0.2)) as house:
        assert reason(await house.see()) is Reason.BUDGET
        assert reason(await house.see(contact=LEON)) is Reason.BUDGET
        assert len(resolver.asked) == 1


# Confirming


async def test_a_first_none_is_confirmed_even_if_nobody_looks_again() -> None:
    async with opened(House(FakeResolver(UNSURE, SURE), confirm=0.0)) as house:
        await house.see()
        assert len(house.confirmations) == 1
        async with asyncio.timeout(5):
            while not await is_settled(house):  # noqa: ASYNC110 - a store has no event
                await asyncio.sleep(0.005)
        assert house.resolver.refreshes == [False, True]
        assert len(house.confirmations) == 0


async def test_a_none_that_needs_no_confirming_is_settled_even_if_nobody_looks_again() -> None:
    async with opened(House(FakeResolver(SURE), confirm=0.0)) as house:
        await house.see()
        assert len(house.confirmations) == 1
        async with asyncio.timeout(5):
            while not await is_settled(house):  # noqa: ASYNC110 - a store has no event
                await asyncio.sleep(0.005)
        assert house.resolver.refreshes == [False]


@pytest.mark.parametrize("answer", [SURE, UNSURE], ids=["sure", "unsure"])
async def test_what_was_erased_is_not_confirmed(answer: NoPhoto) -> None:
    async with opened(House(FakeResolver(answer), confirm=0.0)) as house:
        await house.see()
        await house.keeper.erase(MAYA)
        async with asyncio.timeout(5):
            while len(house.confirmations):  # noqa: ASYNC110 - a timer has no event
                await asyncio.sleep(0.005)
        await settle()
        assert house.resolver.refreshes == [False]
        assert house.portraits.kept == {}


@asynccontextmanager
async def confirming(house: House) -> AsyncIterator[None]:
    """Maya's "none" is about to be confirmed, but has to wait for another worker until we leave."""
    key = house.archive.key(MAYA)
    house.clock.advance(LIFETIMES.confirm)
    async with house.machine.leases.lease(key, patience=10.0):
        house.inquiry.renew(MAYA, 128, confirms=True)
        await settle()
        yield
    await settle()


@pytest.mark.parametrize("answer", [SURE, UNSURE], ids=["sure", "unsure"])
async def test_what_is_erased_while_its_confirming_waits_is_asked_about_by_nobody(
    answer: NoPhoto,
) -> None:
    async with opened(House(FakeResolver(answer))) as house:
        await house.see()
        async with confirming(house):
            await house.keeper.erase(MAYA)
            house.clock.advance(1)
        assert house.resolver.refreshes == [False]
        assert house.portraits.kept == {}


async def test_a_viewer_who_joins_a_confirming_is_answered_all_the_same() -> None:
    async with opened(House(FakeResolver(UNSURE, URL))) as house:
        await house.see()
        async with confirming(house):
            await house.keeper.erase(MAYA)
            house.clock.advance(1)
            view = asyncio.create_task(house.see())
            await settle()
        assert (await view).standing.reason is None
        assert house.resolver.refreshes == [False, False]


async def test_a_sure_none_that_waited_for_long_is_settled_without_a_question() -> None:
    async with opened(House(FakeResolver(SURE))) as house:
        await house.see()
        async with confirming(house):
            house.clock.advance(600)
        assert await is_settled(house)
        assert house.resolver.refreshes == [False]


async def test_what_is_erased_while_it_is_settled_is_not_put_back() -> None:
    async with opened(House(FakeResolver(SURE, URL))) as house:
        await house.see()
        async with confirming(house):
            house.portraits.reading.clear()  # what is read tells of what was there when it began
        await house.keeper.erase(MAYA)
        house.clock.advance(1)
        house.portraits.reading.set()
        await settle()
        assert house.portraits.kept == {}
        assert (await house.see()).standing.reason is None
        assert house.resolver.refreshes == [False, False]


async def test_a_closed_house_confirms_nothing_more() -> None:
    house = House(FakeResolver(UNSURE))
    await house.see()
    assert len(house.confirmations) == 1
    await house.aclose()
    assert len(house.confirmations) == 0


# Whose id


async def test_a_none_is_asked_about_once_more_under_the_other_spelling() -> None:
    async with opened(House(FakeResolver(UNSURE, URL))) as house:
        assert reason(await house.see(contact=BRAZIL)) is None
        assert house.resolver.asked == [(BRAZIL, False), (BRAZIL.variant, False)]


async def test_a_none_under_both_spellings_is_none() -> None:
    async with opened(House(FakeResolver(UNSURE))) as house:
        assert reason(await house.see(contact=BRAZIL)) is Reason.NONE
        assert [contact for contact, _ in house.resolver.asked] == [BRAZIL, BRAZIL.variant]
        house.clock.advance(LIFETIMES.confirm)
        await house.see(contact=BRAZIL)
        assert house.resolver.asked[2:] == [(BRAZIL, True)]


async def test_a_refresh_erases_nobody_who_is_seen_under_the_other_spelling() -> None:
    async with opened(House(FakeResolver(UNSURE, URL, SURE, URL, SURE))) as house:
        await house.see(contact=BRAZIL)
        avatar = await house.avatars.refreshed(BRAZIL, AvatarSpec())
        assert reason(avatar) is None
        assert house.resolver.asked[2:] == [(BRAZIL, True), (BRAZIL.variant, True)]
        assert reason(await house.avatars.refreshed(BRAZIL, AvatarSpec())) is Reason.NONE
        assert len(house.resolver.asked) == 6


async def test_a_lid_without_a_photo_is_asked_about_once_more_under_its_number() -> None:
    async with opened(House(FakeResolver(UNSURE, URL))) as house:
        house.resolver.aliases[LID] = LEON
        assert reason(await house.see(contact=LID)) is None
        assert house.resolver.asked == [(LID, False), (LEON, False)]
        assert list(house.portraits.kept) == [LID.value]  # nothing is shown under the number


async def test_a_lid_whose_number_nobody_knows_is_none() -> None:
    async with opened(House(FakeResolver(UNSURE))) as house:
        assert reason(await house.see(contact=LID)) is Reason.NONE
        assert house.resolver.asked == [(LID, False)]
        house.clock.advance(LIFETIMES.confirm)
        await house.see(contact=LID)
        assert house.resolver.asked[1:] == [(LID, True)]
        assert house.resolver.aliases_asked == [LID]


async def test_nobody_asks_for_another_name_of_who_has_a_photo_or_is_a_number() -> None:
    async with opened(House(FakeResolver(URL, UNSURE))) as house:
        await house.see(contact=LID)
        await house.see(contact=LEON)
        assert house.resolver.aliases_asked == []


# Refreshing


async def test_a_refresh_asks_past_the_cache_whatever_is_known() -> None:
    async with opened(House(FakeResolver(URL, NEW))) as house:
        await house.see()
        avatar = await house.avatars.refreshed(MAYA, AvatarSpec())
        assert house.resolver.refreshes == [False, True]
        assert avatar.rendition is not None
        assert avatar.rendition.body.startswith(b"photo|master of /v/new.jpg")


async def test_a_refresh_waits_for_the_run_that_is_under_way() -> None:
    async with opened(House(FakeResolver(URL, NEW))) as house:
        house.resolver.gate.clear()
        viewer = asyncio.create_task(house.see())
        await settle()
        refresh = asyncio.create_task(house.avatars.refreshed(MAYA, AvatarSpec()))
        await settle()
        assert len(house.resolver.asked) == 1
        house.resolver.gate.set()
        await viewer
        assert reason(await refresh) is None
        assert house.resolver.refreshes == [False, True]


async def test_a_refresh_that_takes_too_long_shows_what_is_known() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        await house.see()
        house.resolver.gate.clear()
        avatar = await house.door(deadline=0.01).refreshed(MAYA, AvatarSpec())
        assert reason(avatar) is None
        house.resolver.gate.set()


# Warming


async def test_warming_learns_about_each_contact_once() -> None:
    async with opened(House(FakeResolver(URL))) as house:
        many = contacts(30)
        house.inquiry.warm([*many, *many, ContactId.parse("status@broadcast")])
        await settle()
        await asyncio.sleep(0.05)
        assert sorted(contact.value for contact, _ in house.resolver.asked) == [
            each.value for each in many
        ]
        assert len(house.portraits.kept) == 30
        house.inquiry.warm(many)
        await asyncio.sleep(0.05)
        assert len(house.resolver.asked) == 30


async def test_a_viewer_comes_before_those_who_are_warmed() -> None:
    machine = Machine(rate=Rate(1, 3600.0))
    async with opened(House(FakeResolver(URL), machine=machine, deadline=5.0)) as house:
        await house.see(contact=LEON)
        house.inquiry.warm(contacts(3))
        await settle()
        await house.see()
        assert house.budget.waiting == 4
        first, warmed = (house.archive.key(each) for each in (MAYA, contacts(3)[0]))
        assert house.budget.expected(first) < house.budget.expected(warmed) - 3000
