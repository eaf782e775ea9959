"""What every ledger does, wherever it is kept."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest

from gateway.budget import Grant, LedgerStatus, Outcome, Rate, Wait
from gateway.errors import Reason
from tests.fakes import DAY

if TYPE_CHECKING:
    from gateway.budget import Ledger
    from tests.budget.places import Opener, World

YOUNG = 3.0
RATE = Rate(30, 60.0)


async def granted(ledger: Ledger, number: int = 1) -> list[Grant]:
    """Take so many queries, all of which must be granted."""
    grants = [await ledger.take(young=YOUNG) for _ in range(number)]
    assert all(isinstance(grant, Grant) for grant in grants), grants
    return [grant for grant in grants if isinstance(grant, Grant)]


async def refused(ledger: Ledger) -> Wait:
    """Ask for a query, which must not be granted."""
    answer = await ledger.take(young=YOUNG)
    assert isinstance(answer, Wait), answer
    assert answer.seconds > 0
    return answer


def assert_waits(answer: Wait, seconds: float, why: Reason) -> None:
    assert answer.seconds == pytest.approx(seconds, abs=0.001)
    assert answer.why is why


async def put(ledger: Ledger, outcome: Outcome = Outcome.ANSWERED, number: int = 1) -> None:
    """Put queries one after the other, each of which ends at once."""
    for _ in range(number):
        (grant,) = await granted(ledger)
        await ledger.settle(grant, outcome)


async def troubled(ledger: Ledger, *, reason: Reason | None = None) -> None:
    """Open the breaker."""
    (grant,) = await granted(ledger)
    await ledger.settle(grant, Outcome.REFUSED, reason=reason)


def most_in(times: list[float], span: float) -> int:
    """The most of `times` in any window of `span` seconds, its end not included."""
    return max(sum(start <= time < start + span for time in times) for start in times)


async def test_the_first_query_is_granted_and_is_no_probe(opened: Opener) -> None:
    ledger = await opened(RATE)
    (grant,) = await granted(ledger)
    assert not grant.probe


async def test_grants_have_names_of_their_own(opened: Opener) -> None:
    ledger = await opened(None)
    assert len({grant.id for grant in await granted(ledger, 8)}) == 8


@pytest.mark.parametrize(
    ("rate", "at_once", "wait"),
    [
        (Rate(30, 60.0), 10, 20.0),
        (Rate(10, 60.0), 10, 60.0),
        (Rate(3, 60.0), 3, 60.0),
        (Rate(1, 3600.0), 1, 3600.0),
        (Rate(600, 60.0), 10, 1.0),
        (Rate(5, 1.0), 5, 1.0),
    ],
)
async def test_ten_at_most_come_in_a_row(
    opened: Opener, rate: Rate, at_once: int, wait: float
) -> None:
    ledger = await opened(rate)
    await put(ledger, number=at_once)
    answer = await refused(ledger)
    assert answer.why is Reason.BUDGET
    assert wait <= answer.seconds <= 1.03 * wait


async def test_a_wait_is_as_long_as_it_says(opened: Opener) -> None:
    ledger, world = await opened(RATE), opened.world
    await put(ledger, number=10)
    wait = (await refused(ledger)).seconds
    world.pass_by(wait - 0.01)
    assert (await refused(ledger)).seconds == pytest.approx(0.01, abs=0.001)
    world.pass_by(0.01)
    await put(ledger, number=10)


async def test_thirty_at_most_are_put_in_any_minute(opened: Opener) -> None:
    ledger, world = await opened(RATE), opened.world
    times: list[float] = []
    chance = random.Random(4)  # noqa: S311 - the same each time
    while world.since_start < 600:
        answer = await ledger.take(young=YOUNG)
        if isinstance(answer, Grant):
            times.append(world.wall())
            await ledger.settle(answer, Outcome.ANSWERED)
        else:
            world.pass_by(answer.seconds if chance.random() < 0.7 else chance.uniform(0.1, 9))
    assert most_in(times, 60) == 30
    assert most_in(times, 20) == 10
    assert 250 < len(times) <= 310


async def test_a_rest_saves_up_no_more_than_one_burst(opened: Opener) -> None:
    ledger, world = await opened(RATE), opened.world
    world.pass_by(DAY)
    await put(ledger, number=10)
    await refused(ledger)


async def test_without_a_rate_there_is_no_window(opened: Opener) -> None:
    ledger = await opened(None)
    await put(ledger, number=100)


async def test_eight_young_queries_may_be_in_flight(opened: Opener) -> None:
    ledger, world = await opened(None), opened.world
    first, *_ = await granted(ledger, 8)
    answer = await refused(ledger)
    assert answer.why is Reason.BUDGET
    assert answer.seconds <= 1
    await ledger.settle(first, Outcome.ANSWERED)
    await granted(ledger)
    await refused(ledger)
    world.pass_by(YOUNG + 0.01)
    await granted(ledger, 8)


async def test_thirty_two_old_queries_may_be_in_flight(opened: Opener) -> None:
    ledger, world = await opened(None), opened.world
    hanging: list[Grant] = []
    for _ in range(4):
        hanging += await granted(ledger, 8)
        world.pass_by(YOUNG + 0.01)
    await refused(ledger)
    await ledger.settle(hanging[0], Outcome.ANSWERED)
    await granted(ledger)


@pytest.mark.parametrize("outcome", Outcome)
async def test_every_outcome_frees_the_place_in_flight(opened: Opener, outcome: Outcome) -> None:
    ledger = await opened(None)
    (grant,) = await granted(ledger)
    await ledger.settle(grant, outcome)
    assert (await ledger.status()).in_flight == 0


async def test_what_nobody_has_taken_can_be_settled(opened: Opener) -> None:
    ledger = await opened(RATE)
    await ledger.settle(Grant("0" * 16, probe=False), Outcome.ANSWERED)
    await ledger.settle(Grant("", probe=True), Outcome.ANSWERED)
    await granted(ledger)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (0.5, 0.5), (30.0, 30.0), (300.0, 300.0), (301.0, 300.0), (1e300, 300.0), (math.inf, 300.0),
        (0.0, 60.0), (-5.0, 60.0), (math.nan, 60.0), (None, 60.0),
    ],
)  # fmt: skip
async def test_a_pause_lasts_as_long_as_the_upstream_says(
    opened: Opener, asked: float | None, given: float
) -> None:
    ledger, world = await opened(None), opened.world
    (grant,) = await granted(ledger)
    await ledger.settle(grant, Outcome.THROTTLED, pause=asked)
    answer = await refused(ledger)
    assert_waits(answer, given, Reason.BUDGET)
    world.pass_by(given + 0.001)
    await granted(ledger)


async def throttle(ledger: Ledger, world: World) -> float:
    """Be told off without a word how long, wait until it is over, and return how long it was."""
    (grant,) = await granted(ledger)
    await ledger.settle(grant, Outcome.THROTTLED)
    wait = (await refused(ledger)).seconds
    world.pass_by(wait + 0.001)
    return round(wait)


async def test_pauses_nobody_asked_for_double_until_a_query_is_answered(opened: Opener) -> None:
    ledger, world = await opened(None), opened.world
    assert [await throttle(ledger, world) for _ in range(5)] == [60, 120, 240, 300, 300]
    await put(ledger)
    assert await throttle(ledger, world) == 60


async def test_queries_told_off_together_count_once(opened: Opener) -> None:
    ledger, world = await opened(None), opened.world
    together = await granted(ledger, 8)
    for grant in together:
        world.pass_by(0.01)
        await ledger.settle(grant, Outcome.THROTTLED)
    assert (await refused(ledger)).seconds == pytest.approx(60, abs=0.1)
    world.pass_by(61)
    assert await throttle(ledger, world) == 120


async def test_a_shorter_pause_does_not_end_a_longer_one(opened: Opener) -> None:
    ledger = await opened(None)
    first, second = await granted(ledger, 2)
    await ledger.settle(first, Outcome.THROTTLED, pause=100.0)
    await ledger.settle(second, Outcome.THROTTLED, pause=1.0)
    assert (await refused(ledger)).seconds == pytest.approx(100, abs=0.1)


async def test_five_troubles_in_a_row_open_the_breaker(opened: Opener) -> None:
    ledger = await opened(None)
    await put(ledger, Outcome.TROUBLE, 4)
    await put(ledger)
    await put(ledger, Outcome.TROUBLE, 5)
    answer = await refused(ledger)
    assert_waits(answer, 5.0, Reason.UPSTREAM)


@pytest.mark.parametrize("reason", [Reason.DISCONNECTED, Reason.UPSTREAM, Reason.BUDGET])
async def test_one_refusal_opens_the_breaker_for_its_reason(opened: Opener, reason: Reason) -> None:
    ledger = await opened(RATE)
    await troubled(ledger, reason=reason)
    assert (await refused(ledger)).why is reason


async def test_an_error_about_nobody_else_is_no_trouble(opened: Opener) -> None:
    ledger = await opened(None)
    for _ in range(20):
        await put(ledger, Outcome.DROPPED)
    await granted(ledger)


async def test_one_probe_at_a_time_finds_out_whether_the_upstream_is_back(opened: Opener) -> None:
    ledger, world = await opened(RATE), opened.world
    await troubled(ledger, reason=Reason.DISCONNECTED)
    world.pass_by(5.001)
    (probe,) = await granted(ledger)
    assert probe.probe
    world.pass_by(4.9)
    assert (await refused(ledger)).why is Reason.DISCONNECTED
    world.pass_by(10)  # it is still in flight
    assert (await refused(ledger)).why is Reason.DISCONNECTED
    await ledger.settle(probe, Outcome.ANSWERED)
    (grant,) = await granted(ledger)
    assert not grant.probe


@pytest.mark.parametrize("outcome", [Outcome.TROUBLE, Outcome.REFUSED])
async def test_a_probe_that_fails_costs_another_five_seconds(
    opened: Opener, outcome: Outcome
) -> None:
    ledger, world = await opened(None), opened.world
    await troubled(ledger)
    for _ in range(3):
        world.pass_by(5.001)
        (probe,) = await granted(ledger)
        world.pass_by(2)
        await ledger.settle(probe, outcome, reason=Reason.DISCONNECTED)
        answer = await refused(ledger)
        assert_waits(answer, 5.0, Reason.DISCONNECTED)


async def test_a_probe_that_is_dropped_leaves_the_breaker_open(opened: Opener) -> None:
    ledger, world = await opened(None), opened.world
    await troubled(ledger)
    world.pass_by(5.001)
    (probe,) = await granted(ledger)
    await ledger.settle(probe, Outcome.DROPPED)
    assert (await refused(ledger)).seconds == pytest.approx(5.0, abs=0.001)
    world.pass_by(5.001)
    assert (await granted(ledger))[0].probe


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.TROUBLE, Outcome.REFUSED])
async def test_what_was_in_flight_before_neither_closes_the_breaker_nor_extends_it(
    opened: Opener, outcome: Outcome
) -> None:
    ledger, world = await opened(None), opened.world
    before, refusal = await granted(ledger, 2)
    await ledger.settle(refusal, Outcome.REFUSED, reason=Reason.DISCONNECTED)
    world.pass_by(4)
    await ledger.settle(before, outcome)
    answer = await refused(ledger)
    assert_waits(answer, 1.0, Reason.DISCONNECTED)


async def test_troubles_count_anew_once_the_breaker_has_closed(opened: Opener) -> None:
    ledger, world = await opened(None), opened.world
    await put(ledger, Outcome.TROUBLE, 5)
    world.pass_by(5.001)
    await put(ledger)
    await put(ledger, Outcome.TROUBLE, 4)
    await granted(ledger)


async def test_a_pause_holds_for_probes_too(opened: Opener) -> None:
    ledger, world = await opened(None), opened.world
    first, second = await granted(ledger, 2)
    await ledger.settle(first, Outcome.THROTTLED, pause=30.0)
    await ledger.settle(second, Outcome.REFUSED)
    world.pass_by(6)
    assert (await refused(ledger)).seconds == pytest.approx(24, abs=0.01)


async def test_one_retry_a_minute_may_always_be_put(opened: Opener) -> None:
    ledger, world = await opened(RATE), opened.world
    assert await ledger.may_retry()
    assert not await ledger.may_retry()
    world.pass_by(60.1)
    assert await ledger.may_retry()


async def test_a_tenth_of_the_last_minutes_queries_may_be_retried(opened: Opener) -> None:
    ledger, world = await opened(None), opened.world
    await put(ledger, number=59)
    # Retries are queries themselves: the sixth is a tenth of 59 and five.
    assert [await ledger.may_retry() for _ in range(7)] == [True] * 6 + [False]
    world.pass_by(61)
    assert [await ledger.may_retry(), await ledger.may_retry()] == [True, False]


async def test_retries_count_as_queries(opened: Opener) -> None:
    ledger = await opened(RATE)
    await put(ledger, number=9)
    assert await ledger.may_retry()
    await refused(ledger)


async def test_nothing_is_retried_without_room_or_while_the_breaker_is_open(
    opened: Opener,
) -> None:
    ledger, world = await opened(RATE), opened.world
    await put(ledger, number=10)
    assert not await ledger.may_retry()
    world.pass_by(61)
    await troubled(ledger)
    assert not await ledger.may_retry()


async def test_status_says_how_things_stand(opened: Opener) -> None:
    ledger, world = await opened(RATE), opened.world
    assert await ledger.status() == LedgerStatus(10, None, None, None, 0)
    grants = await granted(ledger, 3)
    assert await ledger.status() == LedgerStatus(7, None, None, None, 3)
    now = world.wall()
    await ledger.settle(grants[0], Outcome.THROTTLED, pause=10.0)
    await ledger.settle(grants[1], Outcome.REFUSED)
    found = await ledger.status()
    assert (found.left, found.in_flight) == (0, 1)
    times = (found.paused_until, found.open_since, found.open_until)
    assert times == pytest.approx((now + 10, now, now + 5))


async def test_status_knows_no_number_without_a_rate(opened: Opener) -> None:
    ledger = await opened(None)
    assert (await ledger.status()).left is None


@pytest.mark.parametrize("jump", [-DAY, DAY])
async def test_a_clock_that_is_moved_neither_frees_nor_freezes_the_window(
    opened: Opener, jump: float
) -> None:
    ledger, world = await opened(RATE), opened.world
    await put(ledger, number=10)
    world.pass_by(5)
    world.move_clock(jump)
    assert (await refused(ledger)).seconds == pytest.approx(15.4, abs=0.5)
    world.pass_by(16)
    await put(ledger, number=10)
    await refused(ledger)


@pytest.mark.parametrize("jump", [-DAY, DAY])
async def test_a_clock_that_is_moved_neither_ends_a_pause_nor_prolongs_it(
    opened: Opener, jump: float
) -> None:
    ledger, world = await opened(None), opened.world
    (grant,) = await granted(ledger)
    await ledger.settle(grant, Outcome.THROTTLED, pause=100.0)
    world.move_clock(jump)
    world.pass_by(10)
    assert (await refused(ledger)).seconds == pytest.approx(90, abs=0.5)
    world.pass_by(91)
    await granted(ledger)


@pytest.mark.parametrize("jump", [-DAY, DAY])
async def test_a_clock_that_is_moved_neither_closes_the_breaker_nor_keeps_it_open(
    opened: Opener, jump: float
) -> None:
    ledger, world = await opened(None), opened.world
    await troubled(ledger)
    world.move_clock(jump)
    world.pass_by(2)
    assert (await refused(ledger)).seconds == pytest.approx(3, abs=0.5)
    world.pass_by(3.5)
    assert (await granted(ledger))[0].probe


@pytest.mark.parametrize("jump", [-DAY, DAY])
async def test_a_clock_that_is_moved_leaves_the_age_of_queries_in_flight(
    opened: Opener, jump: float
) -> None:
    ledger, world = await opened(None), opened.world
    await granted(ledger, 8)
    world.move_clock(jump)
    await refused(ledger)
    world.pass_by(YOUNG + 0.1)
    await granted(ledger, 8)


async def test_workers_share_one_window(shared: Opener) -> None:
    workers = [await shared(RATE) for _ in range(4)]
    for number in range(10):
        await put(workers[number % 4])
    for worker in workers:
        assert (await refused(worker)).why is Reason.BUDGET


async def test_workers_share_what_is_in_flight(shared: Opener) -> None:
    one, other = await shared(None), await shared(None)
    await granted(one, 4)
    grants = await granted(other, 4)
    await refused(one)
    await other.settle(grants[0], Outcome.ANSWERED)
    await granted(one)


async def test_workers_share_pauses_and_the_breaker_with_its_single_probe(shared: Opener) -> None:
    one, other, third = [await shared(None) for _ in range(3)]
    await put(one, Outcome.TROUBLE, 3)
    await put(other, Outcome.TROUBLE, 2)
    assert (await refused(third)).why is Reason.UPSTREAM
    shared.world.pass_by(5.001)
    (probe,) = await granted(third)
    assert (await refused(one)).why is Reason.UPSTREAM
    await third.settle(probe, Outcome.THROTTLED, pause=7.0)
    assert_waits(await refused(one), 7, Reason.BUDGET)


async def test_a_ledger_that_is_opened_again_remembers(shared: Opener) -> None:
    one = await shared(RATE)
    await put(one, number=9)
    other = await shared(RATE)
    await put(other)
    await refused(other)


async def test_a_query_that_is_withdrawn_counts_for_nothing(opened: Opener) -> None:
    ledger = await opened(RATE)
    grants = await granted(ledger, 8)
    for grant in grants:
        await ledger.withdraw(grant)
        await ledger.withdraw(grant)
    status = await ledger.status()
    assert (status.left, status.in_flight) == (10, 0)
    await put(ledger, number=10)
    await refused(ledger)


async def test_a_probe_that_is_withdrawn_leaves_the_next_one_to_anybody(opened: Opener) -> None:
    ledger, world = await opened(RATE), opened.world
    await troubled(ledger, reason=Reason.UPSTREAM)
    world.pass_by(5.1)
    (probe,) = await granted(ledger)
    assert probe.probe
    await ledger.withdraw(probe)
    world.pass_by(0.01)
    (another,) = await granted(ledger)
    assert another.probe
