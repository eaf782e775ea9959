"""Several APIs in order: who is asked, after what, and on whose budget."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway import errors
from gateway.budget import Budget, MemoryLedger, Outcome, Priority, Rate
from gateway.chain import Chain
from gateway.errors import (
    AvatarUnavailable,
    Disconnected,
    NoPhoto,
    OverBudget,
    Refused,
    ServerError,
    TimedOut,
    UpstreamFailed,
)
from gateway.model import ContactId
from gateway.queries import Asking, Queries
from gateway.telemetry import Telemetry
from tests.fakes import LEON, MAYA, FakeResolver, settle, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.model import PhotoUrl

VIEWER, RENEWAL, WARMING = Priority
FIRST, SECOND, THIRD = (signed(f"/v/{name}.jpg") for name in ("first", "second", "third"))
ME = ContactId.parse("me")
BROKEN = ServerError("500", passing=False)


class Link:
    """One API: its answers, and a budget of its own."""

    def __init__(
        self, *answers: PhotoUrl | Exception, rate: Rate | None = None, capacity: int = 100
    ) -> None:
        self.resolver = FakeResolver(*answers)
        self.ledger = MemoryLedger(rate)
        self.budget = Budget(self.ledger, young=3.0, rate=rate, capacity=capacity)
        self.queries = Queries(self.resolver, self.budget, Telemetry(pseudonym=lambda _: "x"))

    @property
    def asked(self) -> int:
        return len(self.resolver.asked)

    async def exhaust(self) -> None:
        """Use up what may be put now."""
        while (await self.ledger.status()).left:
            async with self.budget.turn("other", VIEWER) as turn:
                await turn.settle(Outcome.ANSWERED)

    async def shut(self, failure: AvatarUnavailable) -> None:
        """Let its breaker open by `failure`."""
        async with self.budget.turn("other", VIEWER) as turn:
            await turn.settle(Outcome.REFUSED, reason=failure.reason)


@asynccontextmanager
async def chained(*links: Link) -> AsyncIterator[Chain]:
    yield Chain([link.queries for link in links])
    for link in links:
        await link.budget.__aexit__(None, None, None)


async def asked(
    chain: Chain, contact: ContactId = MAYA, *, refresh: bool = False, seconds: float = 20.0
) -> PhotoUrl:
    until = time.monotonic() + seconds
    async with chain.turn(contact.value, VIEWER) as right:
        asking = Asking(chain, right, key=contact.value, priority=VIEWER, until=until)
        return await asking(contact, refresh=refresh)


ONE_A_MINUTE = Rate(1, 60.0)

ERRORS: list[AvatarUnavailable] = [
    errors.TimedOut("hangs"),
    errors.Disconnected("unlinked"),
    errors.UpstreamFailed("400"),
    errors.Unreachable("refused"),
    errors.ServerError("500", passing=False),
    errors.ServerError("503", passing=True),
    errors.Refused("401"),
    errors.OverBudget("429", retry_after=30.0),
    errors.Blocked("private"),
]


@pytest.mark.parametrize("refresh", [False, True])
async def test_the_first_is_asked_and_nobody_else_while_it_answers(*, refresh: bool) -> None:
    one, two = Link(FIRST), Link(SECOND)
    async with chained(one, two) as chain:
        assert await asked(chain, refresh=refresh) == FIRST
    assert one.resolver.asked == [(MAYA, refresh)]
    assert two.asked == 0


@pytest.mark.parametrize("failure", ERRORS)
async def test_after_an_error_the_next_is_asked_the_same(failure: AvatarUnavailable) -> None:
    one, two, three = Link(failure), Link(failure), Link(THIRD)
    async with chained(one, two, three) as chain:
        assert await asked(chain, refresh=True) == THIRD
    assert three.resolver.asked == [(MAYA, True)]


@pytest.mark.parametrize("sure", [False, True])
async def test_none_is_final(*, sure: bool) -> None:
    one, two = Link(NoPhoto("none", confirmed=sure)), Link(SECOND)
    async with chained(one, two) as chain:
        with pytest.raises(NoPhoto) as none:
            await asked(chain)
    assert none.value.confirmed is sure
    assert (one.asked, two.asked) == (1, 0)


async def test_none_is_final_from_the_second_too() -> None:
    one, two, three = Link(BROKEN), Link(NoPhoto("none", confirmed=True)), Link(THIRD)
    async with chained(one, two, three) as chain:
        with pytest.raises(NoPhoto):
            await asked(chain)
    assert three.asked == 0


async def test_an_open_breaker_counts_as_an_error() -> None:
    one, two = Link(FIRST), Link(SECOND)
    async with chained(one, two) as chain:
        await one.shut(Disconnected("unlinked"))
        for _ in range(3):
            assert await asked(chain) == SECOND
    assert one.asked == 0


async def test_the_breaker_of_one_opens_for_that_one_alone() -> None:
    one, two = Link(Refused("401")), Link(SECOND)
    async with chained(one, two) as chain:
        for _ in range(5):
            assert await asked(chain) == SECOND
        assert (await one.ledger.status()).open_since is not None
        assert (await two.ledger.status()).open_since is None
    assert (one.asked, two.asked) == (1, 5)


async def test_an_empty_budget_counts_as_an_error() -> None:
    one, two = Link(FIRST, rate=ONE_A_MINUTE), Link(SECOND, rate=Rate(100, 60.0))
    async with chained(one, two) as chain:
        assert [await asked(chain) for _ in range(4)] == [FIRST, SECOND, SECOND, SECOND]
        assert not chain.waits(MAYA.value)


async def test_each_query_counts_on_the_budget_of_whom_it_was_put_to() -> None:
    one = Link(BROKEN, rate=Rate(100, 60.0))
    two = Link(SECOND, rate=Rate(100, 60.0))
    before = [(await link.ledger.status()).left for link in (one, two)]
    async with chained(one, two) as chain:
        await asked(chain)
        after = [(await link.ledger.status()).left for link in (one, two)]
        in_flight = [(await link.ledger.status()).in_flight for link in (one, two)]
    assert [left - 1 for left in before if left is not None] == after
    assert in_flight == [0, 0]


async def test_who_finds_all_budgets_empty_waits_for_whichever_comes_first() -> None:
    one = Link(FIRST, rate=ONE_A_MINUTE)
    two = Link(SECOND, rate=Rate(1, 0.5))
    async with chained(one, two) as chain:
        await one.exhaust()
        await two.exhaust()
        viewer = asyncio.create_task(asked(chain))
        await settle()
        assert chain.waits(MAYA.value)
        assert 0 < chain.expected(MAYA.value) < 10
        assert await viewer == SECOND
        assert not chain.waits(MAYA.value)
        assert (await one.ledger.status()).in_flight == 0


async def test_a_turn_that_comes_beside_the_first_one_is_given_back() -> None:
    soon = Rate(1, 0.3)
    one, two = Link(FIRST, rate=soon), Link(SECOND, rate=soon)
    async with chained(one, two) as chain:
        await one.exhaust()
        await two.exhaust()
        found = await asked(chain)
        assert found in {FIRST, SECOND}
        assert one.asked + two.asked == 1
        states = [await link.ledger.status() for link in (one, two)]
    assert [state.in_flight for state in states] == [0, 0]


async def test_who_leaves_while_all_are_waited_for_waits_nowhere() -> None:
    one, two = Link(FIRST, rate=ONE_A_MINUTE), Link(SECOND, rate=ONE_A_MINUTE)
    async with chained(one, two) as chain:
        await one.exhaust()
        await two.exhaust()
        viewer = asyncio.create_task(asked(chain))
        await settle()
        chain.hurry(MAYA.value)
        viewer.cancel()
        await settle()
        assert viewer.cancelled()
        assert not chain.waits(MAYA.value)
        assert [link.budget.waiting for link in (one, two)] == [0, 0]


async def test_all_breakers_open_are_told_as_the_first_ones() -> None:
    one, two = Link(FIRST), Link(SECOND)
    async with chained(one, two) as chain:
        await one.shut(Disconnected("unlinked"))
        await two.shut(UpstreamFailed("down"))
        with pytest.raises(Disconnected):
            await asked(chain)
    assert (one.asked, two.asked) == (0, 0)


@pytest.mark.parametrize(
    ("failures", "gravest"),
    [
        ((BROKEN, TimedOut("hangs")), ServerError),
        ((Disconnected("unlinked"), TimedOut("hangs")), TimedOut),
        ((Refused("401"), Disconnected("unlinked")), Refused),
        ((Refused("401"), UpstreamFailed("400")), UpstreamFailed),
    ],
)
async def test_a_contact_is_left_alone_for_its_own_fault_rather_than_for_an_apis(
    failures: tuple[AvatarUnavailable, ...], gravest: type[AvatarUnavailable]
) -> None:
    async with chained(*map(Link, failures)) as chain:
        with pytest.raises(gravest) as caught:
            await asked(chain)
    assert type(caught.value) is gravest


async def test_an_api_that_could_not_be_asked_is_no_reason_to_leave_a_contact_alone() -> None:
    one, two = Link(Disconnected("unlinked")), Link(SECOND)
    async with chained(one, two) as chain:
        await two.shut(UpstreamFailed("down"))
        with pytest.raises(Disconnected):
            await asked(chain)
    assert two.asked == 0


async def test_one_that_hangs_leaves_the_others_their_share_of_the_time() -> None:
    class Hanging(FakeResolver):
        async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
            self.asked.append((contact, refresh))
            await asyncio.sleep(until - time.monotonic())
            raise TimedOut("hangs")

    one, two = Link(FIRST), Link(SECOND)
    one.queries = Queries(Hanging(FIRST), one.budget, Telemetry(pseudonym=lambda _: "x"))
    async with chained(one, two) as chain:
        assert await asked(chain, seconds=0.6) == SECOND


async def test_the_second_question_of_a_run_begins_with_the_first_again() -> None:
    one, two = Link(BROKEN, FIRST), Link(SECOND)
    async with chained(one, two) as chain:
        until = time.monotonic() + 20
        async with chain.turn("maya", VIEWER) as right:
            asking = Asking(chain, right, key="maya", priority=VIEWER, until=until)
            assert await asking(MAYA, refresh=False) == SECOND
            assert await asking(MAYA, refresh=True) == FIRST
    assert one.resolver.refreshes == [False, True]
    assert two.resolver.refreshes == [False]


async def test_only_the_first_knows_who_is_me() -> None:
    one, two = Link(BROKEN), Link(SECOND)
    async with chained(one, two) as chain:
        with pytest.raises(ServerError):
            await asked(chain, ME)
        one.resolver.answers = [FIRST]
        # However the turn was had: the other account's picture is another person's.
        await one.shut(Disconnected("unlinked"))
        with pytest.raises(AvatarUnavailable):
            await asked(chain, ME)
    assert two.asked == 0
    assert (await two.ledger.status()).in_flight == 0


async def test_a_turn_that_is_not_used_is_given_back() -> None:
    one, two = Link(FIRST, rate=ONE_A_MINUTE), Link(SECOND)
    async with chained(one, two) as chain:
        async with chain.turn("maya", VIEWER) as right:
            assert not right.probe
            await right.withdraw()
        assert await asked(chain) == FIRST


async def test_many_contacts_share_both_budgets() -> None:
    one, two = Link(FIRST, rate=Rate(5, 60.0)), Link(SECOND, rate=Rate(5, 60.0))
    async with chained(one, two) as chain:
        contacts = [ContactId.parse(f"155512{number:05}") for number in range(2)]
        found = await asyncio.gather(*(asked(chain, each) for each in (*contacts, LEON, MAYA)))
    assert len(found) == 4
    assert one.asked + two.asked == 4


async def test_errors_of_ours_are_no_reason_to_ask_the_next() -> None:
    one, two = Link(KeyError("bug")), Link(SECOND)
    async with chained(one, two) as chain:
        with pytest.raises(KeyError):
            await asked(chain)
    assert two.asked == 0


async def test_a_list_that_is_full_is_an_empty_budget() -> None:
    one, two = (Link(each, rate=ONE_A_MINUTE, capacity=1) for each in (FIRST, SECOND))
    async with chained(one, two) as chain:
        await one.exhaust()
        await two.exhaust()
        viewers = [asyncio.create_task(asked(chain, each)) for each in (MAYA, LEON)]
        await settle()
        assert sum(viewer.done() for viewer in viewers) == 1
        loser = next(viewer for viewer in viewers if viewer.done())
        with pytest.raises(OverBudget):
            loser.result()
        for viewer in viewers:
            viewer.cancel()
        await asyncio.gather(*viewers, return_exceptions=True)
