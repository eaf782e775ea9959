"""One budget over all machines: no window ever holds more, nothing is held for ever."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.budget import Grant, LedgerStatus, Outcome, Rate, Wait
from gateway.errors import FleetFailed, Reason
from gateway.fleet import ValkeyLedger
from tests.fakes import DAY, T0, Clock
from tests.fleet.servers import Server, Told, joined

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.fleet import Fleet

YOUNG = 3.0
A_LONG_LIFE = 1e9


@asynccontextmanager
async def opened(
    fleet: Fleet, clock: Clock | None, *, limit: int | None = 30, period: float = 60.0
) -> AsyncIterator[ValkeyLedger]:
    rate = None if limit is None else Rate(limit, period)
    async with ValkeyLedger(fleet, rate=rate, clock=clock) as ledger:
        yield ledger


async def grant(ledger: ValkeyLedger) -> Grant:
    taken = await ledger.take(young=YOUNG)
    assert isinstance(taken, Grant), taken
    return taken


async def refusal(ledger: ValkeyLedger) -> Wait:
    taken = await ledger.take(young=YOUNG)
    assert isinstance(taken, Wait), taken
    return taken


async def ask(
    ledger: ValkeyLedger,
    outcome: Outcome = Outcome.ANSWERED,
    *,
    reason: Reason | None = None,
    pause: float | None = None,
) -> Grant:
    """Put one query that is over at once."""
    taken = await grant(ledger)
    await ledger.settle(taken, outcome, reason=reason, pause=pause)
    return taken


async def test_the_burst_is_ten_and_the_window_thirty(fleet: Fleet) -> None:
    clock = Clock()
    async with opened(fleet, clock) as ledger:
        for _ in range(3):
            for _ in range(10):
                await ask(ledger)
            wait = await refusal(ledger)
            assert wait.why is Reason.BUDGET
            assert wait.seconds == pytest.approx(20.4, abs=0.01)
            clock.advance(20.39)
            await refusal(ledger)
            clock.advance(0.02)
        await ask(ledger)  # the first ten are older than the window


@pytest.mark.parametrize(("limit", "burst"), [(1, 1), (3, 3), (10, 10), (11, 10), (600, 10)])
async def test_a_burst_is_never_larger_than_the_rate(fleet: Fleet, limit: int, burst: int) -> None:
    async with opened(fleet, Clock(), limit=limit) as ledger:
        for _ in range(burst):
            await ask(ledger)
        wait = await refusal(ledger)
        assert wait.seconds == pytest.approx(61.2 * burst / limit, abs=0.01)


async def test_two_machines_share_one_window(server: Server) -> None:
    clock = Clock()
    async with (
        joined(server.url) as here,
        joined(server.url) as there,
        opened(here, clock) as first,
        opened(there, clock) as second,
    ):
        for _ in range(5):
            await ask(first)
            await ask(second)
        assert await refusal(first) == await refusal(second)


async def test_without_a_rate_there_is_no_window(fleet: Fleet) -> None:
    async with opened(fleet, Clock(), limit=None) as ledger:
        for _ in range(100):
            await ask(ledger)
        assert (await ledger.status()).left is None


async def test_eight_young_queries_are_in_flight_at_most(fleet: Fleet) -> None:
    async with opened(fleet, Clock(), limit=None) as ledger:
        flying = [await grant(ledger) for _ in range(8)]
        wait = await refusal(ledger)
        assert wait.why is Reason.BUDGET
        assert wait.seconds <= 1
        await ledger.settle(flying[0], Outcome.ANSWERED)
        await grant(ledger)
        await refusal(ledger)


async def test_thirty_two_old_queries_are_in_flight_at_most(fleet: Fleet) -> None:
    clock = Clock()
    # What it takes says that it lives.
    async with opened(fleet, clock, limit=None) as ledger:
        flying = []
        for _ in range(4):
            flying += [await grant(ledger) for _ in range(8)]
            await refusal(ledger)
            clock.advance(YOUNG + 0.1)
        assert (await ledger.status()).in_flight == 32
        await refusal(ledger)
        await ledger.settle(flying[0], Outcome.ANSWERED)
        await grant(ledger)


async def test_a_query_that_was_not_put_is_given_back(fleet: Fleet) -> None:
    async with opened(fleet, Clock(), limit=1) as ledger:
        for _ in range(3):
            taken = await grant(ledger)
            await refusal(ledger)
            await ledger.withdraw(taken)
            assert (await ledger.status()).in_flight == 0


@pytest.mark.parametrize("limit", [30, None])
async def test_a_pause_is_kept_by_all(server: Server, limit: int | None) -> None:
    clock = Clock()
    async with (
        joined(server.url) as here,
        joined(server.url) as there,
        opened(here, clock, limit=limit) as first,
        opened(there, clock, limit=limit) as second,
    ):
        await ask(first, Outcome.THROTTLED, pause=7)
        wait = await refusal(second)
        assert wait.why is Reason.BUDGET
        assert wait.seconds == pytest.approx(7, abs=0.01)
        assert (await second.status()).paused_until == pytest.approx(T0 + 7, abs=0.01)
        clock.advance(6.99)
        await refusal(first)
        clock.advance(0.02)
        await grant(second)


@pytest.mark.parametrize(
    ("pause", "length"),
    [(1.0, 1), (300.0, 300), (301.0, 300), (1e12, 300), (0.0, 60), (-5.0, 60),
     (float("nan"), 60), (float("inf"), 300), (None, 60)],
)  # fmt: skip
async def test_no_pause_is_longer_than_five_minutes(
    fleet: Fleet, pause: float | None, length: float
) -> None:
    async with opened(fleet, Clock()) as ledger:
        await ask(ledger, Outcome.THROTTLED, pause=pause)
        assert (await refusal(ledger)).seconds == pytest.approx(length, abs=0.01)


async def test_pauses_of_our_own_double_until_a_success(fleet: Fleet) -> None:
    clock = Clock()
    async with opened(fleet, clock, limit=None) as ledger:
        for expected in (60, 120, 240, 300, 300):
            await ask(ledger, Outcome.THROTTLED)
            assert (await refusal(ledger)).seconds == pytest.approx(expected, abs=0.01)
            clock.advance(expected + 0.01)
        await ask(ledger)
        await ask(ledger, Outcome.THROTTLED)
        assert (await refusal(ledger)).seconds == pytest.approx(60, abs=0.01)


async def test_queries_that_are_told_off_together_count_once(fleet: Fleet) -> None:
    clock = Clock()
    async with opened(fleet, clock, limit=None) as ledger:
        flying = [await grant(ledger) for _ in range(8)]
        clock.advance(0.1)
        for each in flying:
            await ledger.settle(each, Outcome.THROTTLED)
        assert (await refusal(ledger)).seconds == pytest.approx(60, abs=0.01)


async def test_a_short_pause_does_not_end_a_long_one(fleet: Fleet) -> None:
    async with opened(fleet, Clock(), limit=None) as ledger:
        first, second = await grant(ledger), await grant(ledger)
        await ledger.settle(first, Outcome.THROTTLED, pause=100)
        await ledger.settle(second, Outcome.THROTTLED, pause=1)
        assert (await refusal(ledger)).seconds == pytest.approx(100, abs=0.01)


async def test_five_troubles_in_a_row_open_the_breaker(fleet: Fleet) -> None:
    clock = Clock()
    async with opened(fleet, clock, limit=None) as ledger:
        for _ in range(4):
            await ask(ledger, Outcome.TROUBLE)
        await ask(ledger)  # a success between them
        for _ in range(4):
            await ask(ledger, Outcome.TROUBLE)
        assert (await ledger.status()).open_since is None
        await ask(ledger, Outcome.TROUBLE)
        wait = await refusal(ledger)
        assert wait.why is Reason.UPSTREAM
        assert wait.seconds == pytest.approx(5, abs=0.01)
        status = await ledger.status()
        assert status.open_since == pytest.approx(T0, abs=0.01)
        assert status.open_until == pytest.approx(T0 + 5, abs=0.01)


@pytest.mark.parametrize("reason", [Reason.DISCONNECTED, Reason.UPSTREAM])
async def test_a_refusal_opens_the_breaker_at_once_with_its_reason(
    fleet: Fleet, reason: Reason
) -> None:
    async with opened(fleet, Clock()) as ledger:
        await ask(ledger, Outcome.REFUSED, reason=reason)
        wait = await refusal(ledger)
        assert wait.why is reason
        assert wait.seconds == pytest.approx(5, abs=0.01)


async def test_one_probe_among_all_workers_and_one_in_five_seconds(server: Server) -> None:
    clock = Clock()
    async with (
        joined(server.url) as here,
        joined(server.url) as there,
        opened(here, clock, limit=None) as first,
        opened(there, clock, limit=None) as second,
    ):
        await ask(first, Outcome.REFUSED, reason=Reason.DISCONNECTED)
        for _ in range(3):
            clock.advance(4.99)
            assert (await refusal(second)).why is Reason.DISCONNECTED
            clock.advance(0.02)
            probe = await grant(second)
            assert probe.probe
            assert (await refusal(first)).why is Reason.DISCONNECTED
            await second.settle(probe, Outcome.TROUBLE, reason=Reason.DISCONNECTED)
        clock.advance(5.01)
        dropped = await grant(first)
        await first.settle(dropped, Outcome.DROPPED)  # nobody knows: it stays open
        assert (await refusal(second)).why is Reason.DISCONNECTED
        clock.advance(5.01)
        probe = await grant(first)
        await first.settle(probe, Outcome.ANSWERED)
        assert not (await grant(second)).probe
        assert (await first.status()).open_since is None


async def test_a_probe_that_takes_long_is_still_the_only_one(fleet: Fleet) -> None:
    clock = Clock()
    async with opened(fleet, clock, limit=None) as ledger:
        await ask(ledger, Outcome.REFUSED)
        clock.advance(5.01)
        probe = await grant(ledger)
        clock.advance(4.5)
        await ledger.beat()
        clock.advance(4.5)
        assert 0 < (await refusal(ledger)).seconds <= 1
        await ledger.settle(probe, Outcome.THROTTLED, pause=1)  # an answer all the same
        clock.advance(1.01)
        assert not (await grant(ledger)).probe


async def test_a_late_answer_to_an_older_query_closes_nothing(fleet: Fleet) -> None:
    async with opened(fleet, Clock(), limit=None) as ledger:
        older = await grant(ledger)
        await ask(ledger, Outcome.REFUSED, reason=Reason.DISCONNECTED)
        await ledger.settle(older, Outcome.ANSWERED)
        assert (await refusal(ledger)).why is Reason.DISCONNECTED


async def test_a_probe_that_was_not_put_leaves_the_next_one_free(fleet: Fleet) -> None:
    clock = Clock()
    async with opened(fleet, clock, limit=None) as ledger:
        await ask(ledger, Outcome.REFUSED)
        clock.advance(5.01)
        await ledger.withdraw(await grant(ledger))
        clock.advance(0.01)
        assert (await grant(ledger)).probe


async def test_one_retry_is_always_left_and_no_more_than_a_tenth(fleet: Fleet) -> None:
    clock = Clock()
    async with opened(fleet, clock, limit=None) as ledger:
        assert await ledger.may_retry()
        assert not await ledger.may_retry()
        for _ in range(38):
            await ask(ledger)
        assert [await ledger.may_retry() for _ in range(5)] == [True, True, True, False, False]
        clock.advance(60.01)
        assert [await ledger.may_retry() for _ in range(2)] == [True, False]


async def test_a_retry_takes_its_place_in_the_window(fleet: Fleet) -> None:
    async with opened(fleet, Clock(), limit=2) as ledger:
        await ask(ledger)
        assert await ledger.may_retry()
        await refusal(ledger)
    async with opened(fleet, Clock(T0 + 62), limit=1) as ledger:
        await ask(ledger)
        assert not await ledger.may_retry()


async def test_nothing_is_retried_while_the_breaker_is_open(fleet: Fleet) -> None:
    async with opened(fleet, Clock()) as ledger:
        await ask(ledger, Outcome.REFUSED)
        assert not await ledger.may_retry()


async def test_the_status_of_an_unused_ledger(fleet: Fleet) -> None:
    async with opened(fleet, Clock()) as ledger:
        assert await ledger.status() == LedgerStatus(10, None, None, None, 0)
        await ask(ledger)
        await grant(ledger)
        assert await ledger.status() == LedgerStatus(8, None, None, None, 1)
        await ask(ledger, Outcome.THROTTLED)
        assert (await ledger.status()).left == 0


async def test_what_a_dead_worker_had_in_flight_is_free_after_five_seconds(
    server: Server,
) -> None:
    clock = Clock()
    async with joined(server.url) as here, joined(server.url) as there:
        async with opened(here, clock, limit=None) as dead:
            for _ in range(8):
                await grant(dead)
        async with opened(there, clock, limit=None) as alive:
            clock.advance(4.9)
            assert isinstance(await alive.take(young=A_LONG_LIFE), Wait)
            clock.advance(0.2)
            assert isinstance(await alive.take(young=A_LONG_LIFE), Grant)
            assert (await alive.status()).in_flight == 1


async def test_a_probe_of_a_dead_worker_is_free_after_five_seconds(server: Server) -> None:
    clock = Clock()
    async with joined(server.url) as here, joined(server.url) as there:
        async with opened(here, clock, limit=None) as dead:
            await ask(dead, Outcome.REFUSED)
            clock.advance(5.01)
            await grant(dead)
        async with opened(there, clock, limit=None) as alive:
            clock.advance(5.1)
            assert (await grant(alive)).probe


async def test_a_worker_that_lives_keeps_what_it_has_in_flight(server: Server) -> None:
    async with (
        joined(server.url) as here,
        joined(server.url) as there,
        opened(here, None, limit=None) as slow,
        opened(there, None, limit=None) as other,
    ):
        flying = [await grant(slow) for _ in range(8)]
        await asyncio.sleep(5.5)
        wait = await other.take(young=A_LONG_LIFE)
        assert isinstance(wait, Wait)
        for each in flying:
            await slow.settle(each, Outcome.ANSWERED)
        assert isinstance(await other.take(young=A_LONG_LIFE), Grant)


async def test_a_grant_whose_answer_was_lost_is_forgotten_while_its_worker_lives(
    fleet: Fleet,
) -> None:
    clock = Clock()
    async with opened(fleet, clock, limit=None) as ledger:
        kept = await grant(ledger)
        lost = asyncio.create_task(ledger.take(young=YOUNG))
        await asyncio.sleep(0)  # it is sent
        lost.cancel()
        await asyncio.wait((lost,))
        await ledger.beat()
        assert (await ledger.status()).in_flight == 2  # it may be on its way
        clock.advance(1.01)
        await ledger.beat()
        assert (await ledger.status()).in_flight == 1
        await ledger.settle(kept, Outcome.ANSWERED)
        assert (await ledger.status()).in_flight == 0


@pytest.mark.parametrize("jump", [-DAY, -3600.0, -1.0, -0.001])
async def test_a_clock_set_back_neither_frees_nor_freezes(fleet: Fleet, jump: float) -> None:
    clock = Clock()
    async with opened(fleet, clock) as ledger:
        for _ in range(10):
            await ask(ledger)
        clock.advance(jump)
        assert (await refusal(ledger)).seconds == pytest.approx(20.4, abs=0.01)
        clock.advance(20.41)
        taken = await grant(ledger)
        clock.advance(jump)
        await ledger.settle(taken, Outcome.THROTTLED, pause=50)
        clock.advance(jump)
        assert (await refusal(ledger)).seconds == pytest.approx(50, abs=0.01)
        clock.advance(50.01)
        await ask(ledger, Outcome.REFUSED)
        clock.advance(jump)
        assert (await refusal(ledger)).seconds == pytest.approx(5, abs=0.01)
        clock.advance(5.01)
        assert (await grant(ledger)).probe


async def test_a_clock_set_ahead_by_a_day_and_back_freezes_nothing(fleet: Fleet) -> None:
    clock = Clock()
    async with opened(fleet, clock) as ledger:
        for _ in range(10):
            await ask(ledger)
        clock.advance(DAY)
        await ask(ledger, Outcome.THROTTLED)
        clock.advance(-DAY)
        assert (await refusal(ledger)).seconds == pytest.approx(60, abs=0.01)
        clock.advance(60.01)
        await grant(ledger)


async def test_the_machines_clock_does_not_matter(server: Server) -> None:
    """Without a clock of its own a ledger goes by the server's."""
    async with (
        joined(server.url) as here,
        opened(here, None, limit=1, period=0.2) as ledger,
    ):
        began = time.monotonic()
        for _ in range(4):
            taken = await ledger.take(young=YOUNG)
            if isinstance(taken, Wait):
                await asyncio.sleep(taken.seconds + 0.01)
                taken = await grant(ledger)
            await ledger.settle(taken, Outcome.ANSWERED)
        assert time.monotonic() - began >= 0.59
        assert (await ledger.status()).left == 0


PLANTS = {
    "state": [("HSET", "seen", "1e300"), ("HSET", "paused", "inf"), ("HSET", "paused", "nan"),
              ("HSET", "paused", "not a number"), ("HSET", "throttled", "-1e300"),
              ("HSET", "failures", ""), ("HSET", "reason", "no reason", "closed", "1e300"),
              ("HSET", "probe", "nobody"), ("HSET", "seen", "-inf"),
              ("SET", "text"), ("RPUSH", "text")],
    "window": [("ZADD", "1e300", "x"), ("ZADD", "inf", "x"), ("ZADD", "-inf", "x"),
               ("SET", "text"), ("SADD", "text")],
    "flight": [("ZADD", "1e300", "x"), ("ZADD", "0", "x:y"), ("ZADD", "-inf", ":"), ("SET", "t")],
    "owners": [("ZADD", "1e300", "x"), ("SET", "text"), ("HSET", "a", "b")],
    "retries": [("ZADD", "-inf", "x"), ("SET", "text")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("part", "plant"), [(part, plant) for part, plants in PLANTS.items() for plant in plants]
)
@pytest.mark.parametrize("used", [False, True])
async def test_whatever_lies_under_our_keys_holds_nothing_up_for_long(
    fleet: Fleet, server: Server, part: str, plant: tuple[str, ...], *, used: bool
) -> None:
    clock = Clock()
    command, *arguments = plant
    async with opened(fleet, clock) as ledger:
        if used:
            await ask(ledger)
        name = fleet.key("ledger", part)
        if command in {"SET", "RPUSH", "SADD"} or part == "owners":
            server.command("DEL", name)
        server.command(command, name, *arguments)
        await ledger.status()
        await ledger.may_retry()
        for _ in range(3):  # at most a pause, then a probe
            taken = await ledger.take(young=YOUNG)
            if isinstance(taken, Grant):
                break
            assert taken.seconds <= 301
            clock.advance(taken.seconds + 0.01)
        assert isinstance(taken, Grant)
        await ledger.settle(taken, Outcome.ANSWERED)
    assert fleet.degraded is None


async def test_a_server_that_is_emptied_in_the_middle_forgets_and_goes_on(
    fleet: Fleet, server: Server
) -> None:
    async with opened(fleet, Clock()) as ledger:
        flying = [await grant(ledger) for _ in range(8)]
        with server.admin() as admin:
            admin.flushall()
        for each in flying:
            await ledger.settle(each, Outcome.ANSWERED)
        assert (await ledger.status()).in_flight == 0
        await ask(ledger)


async def test_everything_a_ledger_writes_expires(fleet: Fleet, server: Server) -> None:
    async with opened(fleet, Clock()) as ledger:
        await grant(ledger)
        await ask(ledger, Outcome.THROTTLED)
        await ledger.beat()
        with server.admin() as admin:
            assert all(0 < admin.ttl(key) <= 7200 for key in admin.scan_iter())


async def test_a_broken_server_is_a_failure_of_each_call(own_server: Server, told: Told) -> None:
    async with (
        joined(own_server.url, told=told, clock=Clock()) as fleet,
        opened(fleet, None) as ledger,
    ):
        taken = await grant(ledger)
        own_server.kill()
        for call in (
            ledger.take(young=1),
            ledger.settle(taken, Outcome.ANSWERED),
            ledger.withdraw(taken),
            ledger.may_retry(),
            ledger.status(),
        ):
            with pytest.raises(FleetFailed):
                await call


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "ask", "hold", "settle", "retry", "wait"]), st.floats(0, 12)),
    min_size=20,
    max_size=80,
)


@dataclass
class Asker:
    """Puts queries whenever it may, and keeps when."""

    ledger: ValkeyLedger
    clock: Clock
    asked: list[float] = field(default_factory=list)
    flying: list[Grant] = field(default_factory=list)

    async def wait(self, amount: float) -> None:
        self.clock.advance(amount)

    async def hold(self, _: float) -> None:
        taken = await self.ledger.take(young=YOUNG)
        if isinstance(taken, Grant):
            self.asked.append(self.clock.now)
            self.flying.append(taken)

    async def settle(self, _: float) -> None:
        if self.flying:
            await self.ledger.settle(self.flying.pop(0), Outcome.ANSWERED)

    async def retry(self, _: float) -> None:
        if await self.ledger.may_retry():
            self.asked.append(self.clock.now)

    async def ask(self, amount: float) -> None:
        for _ in range(int(amount)):
            await self.hold(0)
            await self.settle(0)


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.generate],  # to shrink takes minutes, and any example tells
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, limit=st.integers(1, 24))
async def test_no_window_ever_holds_more_than_the_rate(
    server: Server, steps: list[tuple[str, float]], limit: int
) -> None:
    server.command("FLUSHALL")
    clock = Clock()
    async with joined(server.url) as fleet, opened(fleet, clock, limit=limit) as ledger:
        asker = Asker(ledger, clock)
        for step, amount in steps:
            await getattr(asker, step)(amount)
    burst = min(10, limit)
    for most, span in ((limit, 60.0), (burst, 60 * burst / limit)):
        for index, when in enumerate(asker.asked):
            assert index + 1 - bisect_left(asker.asked, when - span + 1e-3) <= most
