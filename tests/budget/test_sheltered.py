"""A ledger that fails costs nobody a photo, and no worker gets a fresh allowance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.budget import Grant, MemoryLedger, Outcome, Rate, ShelteredLedger, Wait
from gateway.errors import Reason, SharingFailed

if TYPE_CHECKING:
    from gateway.budget import LedgerStatus
    from tests.budget.places import World


class FailingLedger(MemoryLedger):
    """A ledger in memory that fails when told to, and counts its calls."""

    def __init__(self, rate: Rate | None, world: World) -> None:
        super().__init__(rate, clock=world.wall, ticks=world.ticks)
        self.failing = False
        self.calls = 0

    def _call(self) -> None:
        self.calls += 1
        if self.failing:
            raise SharingFailed("it hangs")

    async def take(self, *, young: float) -> Grant | Wait:
        self._call()
        return await super().take(young=young)

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        self._call()
        await super().settle(grant, outcome, reason=reason, pause=pause)

    async def withdraw(self, grant: Grant) -> None:
        self._call()
        await super().withdraw(grant)

    async def may_retry(self) -> bool:
        self._call()
        return await super().may_retry()

    async def status(self) -> LedgerStatus:
        self._call()
        return await super().status()


class House:
    """A sheltered ledger of 30 a minute for four workers, and what was told of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.told: list[str | None] = []
        self.shared = FailingLedger(Rate(30, 60.0), world)
        alone = MemoryLedger(Rate(30, 60.0).among(4), clock=world.wall, ticks=world.ticks)
        self.ledger = ShelteredLedger(self.shared, alone, tell=self.told.append, ticks=world.ticks)

    async def granted(self) -> int:
        """How many queries are granted in a row, each answered at once."""
        number = 0
        while isinstance(grant := await self.ledger.take(young=3.0), Grant):
            number += 1
            await self.ledger.settle(grant, Outcome.ANSWERED)
        return number


@pytest.fixture
def house(world: World) -> House:
    return House(world)


async def test_the_shared_ledgers_word_counts_while_it_works(house: House) -> None:
    assert await house.granted() == 10
    assert set(house.told) == {None}
    assert (await house.ledger.status()).left == 0


async def test_a_ledger_that_fails_leaves_a_worker_its_own_part(house: House) -> None:
    house.shared.failing = True
    assert await house.granted() == 7
    assert house.told == ["it hangs"]
    assert (await house.ledger.status()).left == 0


async def test_what_the_shared_ledger_granted_counts_when_it_fails(house: House) -> None:
    for _ in range(5):
        assert isinstance(await house.ledger.take(young=3.0), Grant)
    house.shared.failing = True
    assert await house.granted() == 2


async def test_a_ledger_that_failed_is_left_alone_for_a_second(house: House) -> None:
    house.shared.failing = True
    await house.ledger.take(young=3.0)
    for _ in range(5):
        await house.ledger.take(young=3.0)
        await house.ledger.may_retry()
        await house.ledger.status()
    assert house.shared.calls == 1
    house.shared.failing = False
    house.world.pass_by(1.01)
    await house.ledger.take(young=3.0)
    assert house.shared.calls == 2
    assert house.told == ["it hangs", None]


async def test_a_query_is_settled_where_it_was_granted(house: House) -> None:
    shared = await house.ledger.take(young=3.0)
    house.shared.failing = True
    own = await house.ledger.take(young=3.0)
    house.shared.failing = False
    assert isinstance(shared, Grant)
    assert isinstance(own, Grant)
    await house.ledger.settle(own, Outcome.ANSWERED)
    assert house.shared.calls == 2
    await house.ledger.settle(shared, Outcome.ANSWERED)
    assert house.shared.calls == 3
    house.world.pass_by(1.01)
    assert (await house.ledger.status()).in_flight == 0


async def test_pauses_and_the_breaker_outlive_the_shared_ledger(house: House) -> None:
    grant = await house.ledger.take(young=3.0)
    assert isinstance(grant, Grant)
    house.shared.failing = True
    await house.ledger.settle(grant, Outcome.REFUSED, reason=Reason.DISCONNECTED)
    answer = await house.ledger.take(young=3.0)
    assert isinstance(answer, Wait)
    assert answer.seconds == pytest.approx(5.0)
    assert answer.why is Reason.DISCONNECTED


async def test_retries_and_status_are_given_though_the_ledger_fails(house: House) -> None:
    house.shared.failing = True
    assert await house.ledger.may_retry()
    assert not await house.ledger.may_retry()
    house.world.pass_by(2)
    assert (await house.ledger.status()).left == 6
