"""One machine and the fleet: whatever becomes of Valkey, a machine keeps to its own word."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.budget import Backoff, Grant, LedgerStatus, Outcome, Rate, Wait
from gateway.errors import FleetFailed, Reason
from gateway.fleet import (
    JoinedBackoffs,
    JoinedErasures,
    JoinedLeases,
    JoinedLedger,
    ValkeyBackoffs,
    ValkeyErasures,
    ValkeyLeases,
    ValkeyLedger,
)
from gateway.leases import Lease
from tests.fakes import T0, Clock
from tests.fleet.servers import Server, joined

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.budget import Ledger, SharedBackoffs
    from gateway.erasures import Erasures
    from gateway.fleet import Fleet
    from gateway.leases import Leases

KEY = "a" * 64
REFUSED = Wait(7, Reason.BUDGET)
STATUS = LedgerStatus(3, None, None, None, 1)


@dataclass
class FakeLedger:
    """Grants by number until told otherwise; keeps what it was told."""

    name: str
    works: bool = True
    refuses: Wait | None = None
    probe: bool = False
    retries: bool = True
    noted: list[tuple[str, ...]] = field(default_factory=list)

    def _note(self, *what: str) -> None:
        if not self.works:
            raise FleetFailed("broken")
        self.noted.append(what)

    async def take(self, *, young: float) -> Grant | Wait:
        self._note("take", str(young))
        return self.refuses or Grant(f"{self.name}{len(self.noted)}", self.probe)

    async def settle(
        self,
        grant: Grant,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        pause: float | None = None,
    ) -> None:
        self._note("settle", grant.id, outcome, str(reason), str(pause))

    async def withdraw(self, grant: Grant) -> None:
        self._note("withdraw", grant.id)

    async def may_retry(self) -> bool:
        self._note("retry")
        return self.retries

    async def status(self) -> LedgerStatus:
        self._note("status")
        return STATUS


async def test_a_query_is_noted_and_settled_in_both() -> None:
    fleet, local = FakeLedger("f"), FakeLedger("l")
    ledger = JoinedLedger(fleet, local)
    grant = await ledger.take(young=3)
    assert isinstance(grant, Grant)
    await ledger.settle(grant, Outcome.TROUBLE, reason=Reason.UPSTREAM, pause=9)
    assert fleet.noted == [("take", "3"), ("settle", "f1", "trouble", "upstream", "9")]
    assert local.noted == [("take", "3"), ("settle", "l1", "trouble", "upstream", "9")]


async def test_what_the_fleet_refuses_the_machine_is_not_asked() -> None:
    fleet, local = FakeLedger("f", refuses=REFUSED), FakeLedger("l")
    assert await JoinedLedger(fleet, local).take(young=3) == REFUSED
    assert local.noted == []


async def test_what_the_machine_refuses_is_given_back_to_the_fleet() -> None:
    fleet, local = FakeLedger("f"), FakeLedger("l", refuses=REFUSED)
    assert await JoinedLedger(fleet, local).take(young=3) == REFUSED
    assert fleet.noted == [("take", "3"), ("withdraw", "f1")]


@pytest.mark.parametrize(("far", "near"), [(True, False), (False, True), (False, False)])
async def test_a_probe_of_either_is_a_probe(*, far: bool, near: bool) -> None:
    ledger = JoinedLedger(FakeLedger("f", probe=far), FakeLedger("l", probe=near))
    grant = await ledger.take(young=3)
    assert isinstance(grant, Grant)
    assert grant.probe == (far or near)


async def test_without_the_fleet_the_machine_goes_on_by_its_own() -> None:
    fleet, local = FakeLedger("f", works=False), FakeLedger("l")
    ledger = JoinedLedger(fleet, local)
    grant = await ledger.take(young=3)
    assert isinstance(grant, Grant)
    await ledger.settle(grant, Outcome.ANSWERED)
    assert await ledger.may_retry()
    assert await ledger.status() == STATUS
    assert [what[0] for what in local.noted] == ["take", "settle", "retry", "status"]
    local.refuses = REFUSED
    assert await ledger.take(young=3) == REFUSED


async def test_what_began_alone_is_told_to_the_fleet_when_it_is_back() -> None:
    fleet, local = FakeLedger("f", works=False), FakeLedger("l")
    ledger = JoinedLedger(fleet, local)
    grant = await ledger.take(young=3)
    assert isinstance(grant, Grant)
    fleet.works = True
    await ledger.settle(grant, Outcome.THROTTLED, pause=30)
    assert fleet.noted == [("settle", "", "throttled", "None", "30")]


@pytest.mark.parametrize(("far", "near"), [(True, False), (False, True), (False, False)])
async def test_a_retry_needs_both(*, far: bool, near: bool) -> None:
    ledger = JoinedLedger(FakeLedger("f", retries=far), FakeLedger("l", retries=near))
    assert not await ledger.may_retry()


async def test_a_pause_told_by_a_stranger_to_a_real_ledger_holds(fleet: Fleet) -> None:
    """The grant was not Valkey's, as above, but the upstream's word is for all."""
    async with ValkeyLedger(fleet, rate=None, clock=Clock()) as ledger:
        await ledger.settle(Grant("", probe=False), Outcome.THROTTLED, pause=30)
        wait = await ledger.take(young=3)
        assert isinstance(wait, Wait)
        assert wait.seconds == pytest.approx(30, abs=0.01)


async def test_the_machines_window_holds_through_a_flush(server: Server) -> None:
    """One server plays the fleet and loses all; another plays the machine."""
    clock = Clock()
    async with (
        joined(server.url, namespace="fleet") as far,
        joined(server.url, namespace="machine") as near,
        ValkeyLedger(far, rate=Rate(5, 60), clock=clock) as fleet,
        ValkeyLedger(near, rate=Rate(5, 60), clock=clock) as local,
    ):
        ledger = JoinedLedger(fleet, local)
        for number in range(5):
            grant = await ledger.take(young=3)
            assert isinstance(grant, Grant)
            await ledger.settle(grant, Outcome.ANSWERED)
            if number == 2:
                with server.admin() as admin:
                    admin.delete(*admin.scan_iter(far.key("*").replace("{", "[{]")))
        assert isinstance(await ledger.take(young=3), Wait)
        assert (await fleet.status()).left == 3  # the refused one was given back


class FakeBackoffs:
    def __init__(self) -> None:
        self.works = True
        self.kept: dict[str, Backoff] = {}

    def _check(self) -> None:
        if not self.works:
            raise FleetFailed("broken")

    async def read(self, key: str) -> Backoff | None:
        self._check()
        return self.kept.get(key)

    async def write(self, key: str, backoff: Backoff) -> None:
        self._check()
        self.kept[key] = backoff

    async def clear(self, key: str) -> None:
        self._check()
        self.kept.pop(key, None)


async def test_back_offs_are_kept_by_both_and_the_fleets_word_counts() -> None:
    fleet, local = FakeBackoffs(), FakeBackoffs()
    both = JoinedBackoffs(fleet, local)
    failed = Backoff(T0 + 40, Reason.TIMEOUT, 2)
    await both.write(KEY, failed)
    assert fleet.kept == local.kept == {KEY: failed}
    await fleet.clear(KEY)  # another machine had a success
    assert await both.read(KEY) is None
    fleet.works = False
    assert await both.read(KEY) == failed
    await both.write("b" * 64, failed)
    await both.clear(KEY)
    assert local.kept == {"b" * 64: failed}


class FakeLeases:
    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self.asked: list[float] = []

    @asynccontextmanager
    async def lease(self, key: str, *, patience: float) -> AsyncIterator[Lease]:
        assert key == KEY
        self.asked.append(patience)
        yield self._lease


@pytest.mark.parametrize(
    ("near", "far", "held", "waited"),
    [
        (Lease(held=True, waited=False), Lease(held=True, waited=False), True, False),
        (Lease(held=True, waited=True), Lease(held=True, waited=False), True, True),
        (Lease(held=True, waited=False), Lease(held=True, waited=True), True, True),
        (Lease(held=True, waited=False), Lease(held=False, waited=True), False, True),
        (Lease(held=False, waited=True), Lease(held=True, waited=False), False, True),
        # Valkey fails: as on one machine.
        (Lease(held=True, waited=False), Lease(held=False, waited=False), True, False),
        (Lease(held=False, waited=False), Lease(held=False, waited=False), False, False),
    ],
)
async def test_a_lease_is_held_if_both_are_or_if_there_is_no_fleet(
    near: Lease, far: Lease, *, held: bool, waited: bool
) -> None:
    fleet, local = FakeLeases(far), FakeLeases(near)
    async with JoinedLeases(fleet, local).lease(KEY, patience=2) as lease:
        assert lease == Lease(held=held, waited=waited)
    assert local.asked == [2]
    assert 0 <= fleet.asked[0] <= 2


class FakeErasures:
    def __init__(self) -> None:
        self.published: list[str] = []
        self.news: list[str] = []
        self.missed = False
        self.tombs: set[str] = set()

    async def publish(self, key: str) -> None:
        self.published.append(key)

    def since(self) -> Sequence[str]:
        news, self.news = self.news, []
        return news

    def lost(self) -> bool:
        missed, self.missed = self.missed, False
        return missed

    def erased_after(self, key: str, when: float) -> bool:
        del when
        return key in self.tombs


async def test_erasures_go_to_both_and_come_from_both() -> None:
    fleet, local = FakeErasures(), FakeErasures()
    both = JoinedErasures(fleet, local)
    await both.publish("x")
    assert fleet.published == local.published == ["x"]
    assert not both.since()
    for far, near, heard in (["a"], [], ["a"]), ([], ["b"], ["b"]), (["a"], ["b"], ["b", "a"]):
        fleet.news, local.news = list(far), list(near)
        assert list(both.since()) == heard
    assert not both.lost()
    fleet.missed = local.missed = True
    assert both.lost()
    assert not both.lost()
    fleet.tombs, local.tombs = {"a"}, {"b"}
    assert [both.erased_after(key, T0) for key in "abc"] == [True, True, False]


async def test_the_real_ones_are_joined_like_the_fakes(server: Server) -> None:
    """What mypy judges here is that each keeps its protocol."""
    async with joined(server.url, namespace="a") as far, joined(server.url, namespace="b") as near:
        leases: Leases = JoinedLeases(ValkeyLeases(far), ValkeyLeases(near))
        backoffs: SharedBackoffs = JoinedBackoffs(
            ValkeyBackoffs(far, clock=Clock()), ValkeyBackoffs(near, clock=Clock())
        )
        async with (
            leases.lease(KEY, patience=0) as lease,
            ValkeyErasures(far, keep=30, clock=Clock()) as there,
            ValkeyErasures(near, keep=30, clock=Clock()) as here,
            ValkeyLedger(far, rate=Rate(1, 60)) as fleet,
            ValkeyLedger(near, rate=Rate(1, 60)) as local,
        ):
            erasures: Erasures = JoinedErasures(there, here)
            ledger: Ledger = JoinedLedger(fleet, local)
            assert lease.held
            await erasures.publish(KEY)
            assert erasures.erased_after(KEY, T0)
            assert isinstance(await ledger.take(young=3), Grant)
            assert isinstance(await ledger.take(young=3), Wait)
            assert await backoffs.read(KEY) is None
