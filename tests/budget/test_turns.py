"""A worker's waiting list in front of a ledger."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.budget import Budget, Grant, LedgerStatus, MemoryLedger, Outcome, Priority, Rate, Wait
from gateway.errors import Disconnected, OverBudget, Reason, UpstreamFailed
from tests.fakes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.budget import Ledger
    from gateway.errors import AvatarUnavailable

VIEWER, RENEWAL, WARMING = Priority


class FakeLedger:
    """Grants what stands in `answers`, the last one for ever; every question waits at `gate`."""

    def __init__(self, *answers: Grant | Wait | Exception) -> None:
        self.answers = list(answers)
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[float] = []
        self.settled: list[tuple[str, Outcome, Reason | None, float | None]] = []
        self.withdrawn: list[str] = []

    async def take(self, *, young: float) -> Grant | Wait:
        assert young == 3.0
        self.asked.append(time.monotonic())
        await self.gate.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        self.settled.append((grant.id, outcome, reason, pause))

    async def withdraw(self, grant: Grant) -> None:
        self.withdrawn.append(grant.id)

    async def may_retry(self) -> bool:
        return True

    async def status(self) -> LedgerStatus:
        return LedgerStatus(1, None, None, None, 0)


GRANT = Grant("g", probe=False)
NEVER = Wait(3600.0, Reason.BUDGET)


@asynccontextmanager
async def budget(
    ledger: Ledger, *, rate: Rate | None = None, capacity: int = 100
) -> AsyncIterator[Budget]:
    async with Budget(
        ledger, young=3.0, rate=rate, capacity=capacity, chance=lambda: 0.0
    ) as opened:
        yield opened


async def pass_through(opened: Budget, key: str) -> None:
    """Have a turn, and put no query."""
    async with opened.turn(key, VIEWER):
        pass


class Queue:
    """People who wait for turns, and the order in which they get them."""

    def __init__(self, opened: Budget) -> None:
        self.budget = opened
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, key: str, priority: Priority = VIEWER) -> None:
        """Line up, and let everybody else move."""
        self.tasks[key] = asyncio.create_task(self._wait(key, priority))
        await settle()

    async def _wait(self, key: str, priority: Priority) -> None:
        async with self.budget.turn(key, priority) as turn:
            self.served.append(key)
            await turn.settle(Outcome.ANSWERED)

    async def all_served(self) -> str:
        await asyncio.gather(*self.tasks.values())
        return "".join(self.served)


async def test_a_turn_is_had_at_once_when_the_ledger_grants_it() -> None:
    ledger = FakeLedger(Grant("probe", probe=True))
    async with budget(ledger) as opened, opened.turn("a", VIEWER) as turn:
        assert turn.probe
        await turn.settle(Outcome.THROTTLED, reason=Reason.BUDGET, pause=5.0)
        await turn.settle(Outcome.ANSWERED)
    assert ledger.settled == [("probe", Outcome.THROTTLED, Reason.BUDGET, 5.0)]


async def test_turns_come_by_priority_and_the_newest_viewer_first() -> None:
    ledger = FakeLedger(GRANT)
    ledger.gate.clear()
    async with budget(ledger) as opened:
        queue = Queue(opened)
        for key, priority in (("w", WARMING), ("r", RENEWAL), ("a", VIEWER), ("b", VIEWER)):
            await queue.come(key, priority)
        assert opened.waiting == 4
        ledger.gate.set()
        assert await queue.all_served() == "barw"
        assert opened.waiting == 0


async def test_a_viewer_raises_a_contact_that_waits() -> None:
    ledger = FakeLedger(GRANT)
    ledger.gate.clear()
    async with budget(ledger) as opened:
        queue = Queue(opened)
        for key in "abc":
            await queue.come(key, WARMING)
        opened.hurry("c")
        opened.hurry("unknown")
        ledger.gate.set()
        assert await queue.all_served() == "cab"


async def test_one_question_at_a_time_is_put_to_the_ledger() -> None:
    ledger = FakeLedger(GRANT)
    ledger.gate.clear()
    async with budget(ledger) as opened:
        queue = Queue(opened)
        for key in "abcdef":
            await queue.come(key)
        assert len(ledger.asked) == 1
        ledger.gate.set()
        await queue.all_served()
        assert len(ledger.asked) == 6


async def test_a_ledger_that_says_wait_is_asked_again_when_it_said() -> None:
    ledger = FakeLedger(Wait(0.2, Reason.BUDGET), GRANT)
    async with budget(ledger) as opened:
        queue = Queue(opened)
        await queue.come("a")
        assert 0.1 < opened.expected("a") <= 0.2
        await queue.come("b")
        assert len(ledger.asked) == 1
        assert await queue.all_served() == "ba"
        assert ledger.asked[1] - ledger.asked[0] >= 0.199
        assert opened.expected("a new viewer") == 0


async def test_a_ledger_is_never_asked_more_often_than_twenty_times_a_second() -> None:
    ledger = FakeLedger(*[Wait(0.0001, Reason.BUDGET)] * 4, GRANT)
    async with budget(ledger) as opened, opened.turn("a", VIEWER):
        pass
    gaps = [late - early for early, late in zip(ledger.asked, ledger.asked[1:], strict=False)]
    assert len(gaps) == 4
    assert min(gaps) >= 0.049


@pytest.mark.parametrize(("priority", "late"), [(VIEWER, 0.0), (RENEWAL, 0.02), (WARMING, 0.04)])
async def test_lesser_queries_come_later_wherever_they_wait(
    priority: Priority, late: float
) -> None:
    ledger = FakeLedger(Wait(0.1, Reason.BUDGET), GRANT)
    async with budget(ledger) as opened, opened.turn("a", priority):
        assert ledger.asked[1] - ledger.asked[0] >= 0.1 + late - 0.001


async def test_a_query_that_ends_lets_the_next_one_ask_at_once() -> None:
    ledger = FakeLedger(GRANT, NEVER, GRANT)
    async with budget(ledger) as opened:
        queue = Queue(opened)
        async with opened.turn("first", VIEWER) as turn:
            await queue.come("second")
            assert queue.served == []
            await turn.settle(Outcome.ANSWERED)
            assert await queue.all_served() == "second"


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (Reason.UPSTREAM, UpstreamFailed),
        (Reason.DISCONNECTED, Disconnected),
        (Reason.TIMEOUT, UpstreamFailed),
    ],
)
async def test_an_open_breaker_sends_all_away_at_once_with_its_reason(
    reason: Reason, error: type[AvatarUnavailable]
) -> None:
    ledger = FakeLedger(Wait(5.0, reason))
    ledger.gate.clear()
    async with budget(ledger) as opened:
        queue = Queue(opened)
        for key in "abc":
            await queue.come(key)
        ledger.gate.set()
        found = await asyncio.gather(*queue.tasks.values(), return_exceptions=True)
        assert [type(each) for each in found] == [error] * 3
        for _ in range(100):  # nor is the ledger asked for each viewer
            with pytest.raises(error):
                await pass_through(opened, "d")
        assert len(ledger.asked) == 1
        assert opened.waiting == 0


async def test_the_ledger_is_asked_again_when_the_breaker_may_have_closed() -> None:
    ledger = FakeLedger(Wait(0.1, Reason.DISCONNECTED), GRANT)
    async with budget(ledger) as opened:
        with pytest.raises(Disconnected):
            async with opened.turn("a", VIEWER):
                pass
        await asyncio.sleep(0.11)
        async with opened.turn("a", VIEWER) as turn:
            assert not turn.probe


async def test_a_full_list_drops_the_oldest_of_the_lowest_priority() -> None:
    ledger = FakeLedger(NEVER)
    async with budget(ledger, capacity=2) as opened:
        queue = Queue(opened)
        await queue.come("old", WARMING)
        await queue.come("new", WARMING)
        await queue.come("viewer", VIEWER)
        assert opened.waiting == 2
        with pytest.raises(OverBudget):
            await queue.tasks["old"]
        await queue.come("another viewer", VIEWER)
        with pytest.raises(OverBudget):
            await queue.tasks["new"]
        await queue.come("late", WARMING)
        with pytest.raises(OverBudget):
            await queue.tasks["late"]


async def test_ten_thousand_contacts_wait_and_no_more() -> None:
    async with Budget(FakeLedger(NEVER), young=3.0, rate=None) as opened:
        waiting = [pass_through(opened, str(number)) for number in range(10_001)]
        tasks = [asyncio.create_task(each) for each in waiting]
        await settle()
        assert opened.waiting == 10_000
        with pytest.raises(OverBudget):
            await tasks[0]
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_whoever_is_cancelled_withdraws() -> None:
    ledger = FakeLedger(NEVER)
    async with budget(ledger) as opened:
        queue = Queue(opened)
        await queue.come("a")
        await queue.come("b")
        queue.tasks["a"].cancel()
        await settle()
        assert opened.waiting == 1
    assert ledger.settled == []


async def test_a_turn_that_comes_as_its_waiter_leaves_is_given_back() -> None:
    ledger = FakeLedger(GRANT)
    ledger.gate.clear()
    async with budget(ledger) as opened:
        queue = Queue(opened)
        await queue.come("a")
        queue.tasks["a"].cancel()
        ledger.gate.set()
        await settle()
    assert ledger.settled == [("g", Outcome.DROPPED, None, None)]


async def test_a_grant_is_lost_on_no_leaver_but_goes_to_who_still_waits() -> None:
    ledger = FakeLedger(GRANT)
    ledger.gate.clear()
    async with budget(ledger) as opened:
        queue = Queue(opened)
        await queue.come("a")
        await queue.come("b")
        ledger.gate.set()
        queue.tasks["b"].cancel()
        await asyncio.wait(queue.tasks.values())
        assert queue.served == ["a"]


async def test_a_turn_whose_owner_is_cancelled_as_it_comes_is_given_back() -> None:
    ledger = FakeLedger(GRANT)
    async with budget(ledger) as opened:
        waiting = asyncio.create_task(pass_through(opened, "a"))
        while not ledger.asked:  # noqa: ASYNC110 - any event would be one step too late
            await asyncio.sleep(0)
        while opened.waiting:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        assert waiting.cancelled()
    assert ledger.settled == [("g", Outcome.DROPPED, None, None)]


@pytest.mark.parametrize("error", [KeyError("a bug"), asyncio.CancelledError()])
async def test_a_turn_that_is_left_unsettled_frees_its_place(error: BaseException) -> None:
    ledger = FakeLedger(GRANT)
    async with budget(ledger) as opened:
        with pytest.raises(type(error)):
            async with opened.turn("a", VIEWER):
                raise error
    assert ledger.settled == [("g", Outcome.DROPPED, None, None)]


async def test_a_bug_in_the_ledger_keeps_nobody_waiting() -> None:
    ledger = FakeLedger(KeyError("a bug"), GRANT)
    ledger.gate.clear()
    async with budget(ledger) as opened:
        queue = Queue(opened)
        await queue.come("a")
        await queue.come("b")
        ledger.gate.set()
        found = await asyncio.gather(*queue.tasks.values(), return_exceptions=True)
        assert [type(each) for each in found] == [KeyError, KeyError]
        await queue.come("c")
        await queue.tasks["c"]


async def test_closing_sends_away_who_waits() -> None:
    async with budget(FakeLedger(NEVER)) as opened:
        queue = Queue(opened)
        await queue.come("a")
    await asyncio.wait(queue.tasks.values())
    assert queue.tasks["a"].cancelled()


async def test_what_is_expected_is_a_lower_bound() -> None:
    async with budget(FakeLedger(Wait(20.0, Reason.BUDGET)), rate=Rate(30, 60.0)) as opened:
        queue = Queue(opened)
        assert opened.expected("unknown") == 0
        for number in range(100):
            await queue.come(str(number))
        assert 19 < opened.expected("99") <= 20.1
        assert 19 < opened.expected("a new viewer") <= 20.1
        assert 19 < opened.expected("90") <= 20.1  # a burst comes together
        assert 39 < opened.expected("80") <= 40.1
        assert opened.expected("0") > 100


async def test_retries_and_status_are_the_ledgers() -> None:
    async with budget(FakeLedger(GRANT)) as opened:
        assert await opened.may_retry()
        assert await opened.status() == LedgerStatus(1, None, None, None, 0)


async def test_five_hundred_turns_pass_eight_at_a_time() -> None:
    """With a real ledger: the end of a query is all that the next one waits for."""
    inside, most = 0, 0
    async with budget(MemoryLedger(None), capacity=500) as opened:

        async def one(number: int) -> None:
            nonlocal inside, most
            async with opened.turn(str(number), VIEWER) as turn:
                inside, most = inside + 1, max(most, inside + 1)
                await asyncio.sleep(0)
                inside -= 1
                await turn.settle(Outcome.ANSWERED)

        began = time.monotonic()
        await asyncio.gather(*(one(number) for number in range(500)))
        assert most == 8
        assert time.monotonic() - began < 6  # 62 polls of a tenth of a second it would be


async def test_a_turn_that_is_withdrawn_is_not_settled_and_counts_for_nothing() -> None:
    ledger = FakeLedger(GRANT)
    async with budget(ledger) as opened, opened.turn("maya", VIEWER) as turn:
        await turn.withdraw()
        await turn.settle(Outcome.ANSWERED)
        await turn.withdraw()
    assert (ledger.withdrawn, ledger.settled) == (["g"], [])


async def test_it_is_known_who_waits() -> None:
    async with budget(FakeLedger(NEVER)) as opened:
        assert not opened.waits("maya")
        task = asyncio.create_task(pass_through(opened, "maya"))
        await asyncio.sleep(0)
        assert opened.waits("maya")
        task.cancel()
        await asyncio.wait((task,))
        assert not opened.waits("maya")


# ---- who does not want to wait ----


async def test_who_wants_a_turn_at_once_has_it_if_there_is_one() -> None:
    ledger = FakeLedger(GRANT)
    async with budget(ledger) as opened, opened.turn("a", VIEWER, at_once=True):
        assert not opened.waits("a")


async def test_who_wants_a_turn_at_once_is_sent_away_when_there_is_none_and_others_wait_on() -> (
    None
):
    ledger = FakeLedger(NEVER)
    ledger.gate.clear()
    async with budget(ledger) as opened:
        queue = Queue(opened)
        await queue.come("a")
        hasty = asyncio.create_task(_at_once(opened, "b"))
        await settle()
        assert opened.waiting == 2
        ledger.gate.set()
        with pytest.raises(OverBudget):
            await hasty
        assert (opened.waiting, opened.waits("a")) == (1, True)
        with pytest.raises(OverBudget):  # known already: the ledger is not asked again
            await _at_once(opened, "c")
        assert len(ledger.asked) == 1
        queue.tasks["a"].cancel()


async def test_who_wants_a_turn_at_once_waits_in_nobodys_way() -> None:
    ledger = FakeLedger(NEVER)
    async with budget(ledger) as opened:
        for _ in range(3):
            with pytest.raises(OverBudget):
                await _at_once(opened, "a")
        assert opened.waiting == 0


async def test_an_open_breaker_sends_away_who_wants_a_turn_at_once_too() -> None:
    ledger = FakeLedger(Wait(5.0, Reason.DISCONNECTED))
    async with budget(ledger) as opened:
        for _ in range(3):
            with pytest.raises(Disconnected):
                await _at_once(opened, "a")


async def test_who_wants_a_turn_at_once_and_leaves_is_forgotten() -> None:
    ledger = FakeLedger(GRANT)
    ledger.gate.clear()
    async with budget(ledger) as opened:
        hasty = asyncio.create_task(_at_once(opened, "a"))
        await settle()
        hasty.cancel()
        await settle()
        assert opened.waiting == 0
        ledger.gate.set()


async def _at_once(opened: Budget, key: str) -> None:
    async with opened.turn(key, VIEWER, at_once=True) as turn:
        await turn.settle(Outcome.ANSWERED)
