"""What workers share: opened where it can be, and gone without where it cannot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.budget import Outcome, Priority, Rate
from gateway.errors import InvalidSettings
from gateway.sharing import Clocks, Place, Terms, open_shared
from gateway.telemetry import Telemetry
from tests.processes import open_files

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sharing import Shared

KEY = "a" * 64


def telemetry() -> Telemetry:
    return Telemetry(pseudonym=lambda _: "someone")


def place(store: Path | None, *, namespace: str = "one", valkey: str | None = None) -> Place:
    return Place(store, "" if store is None else store.as_uri(), namespace, valkey)


def terms(rate: Rate | None = None, workers: int = 4) -> Terms:
    return Terms(rate, workers, young=3.0, timeout=15.0)


async def granted(shared: Shared, most: int = 100) -> int:
    """How many queries may be put at once."""
    status = await shared.budget.status()
    number = 0
    while number < most and status.left:
        async with shared.budget.turn(f"{KEY}{number}", Priority.VIEWER) as turn:
            await turn.settle(Outcome.ANSWERED)
        number += 1
        status = await shared.budget.status()
    return number


async def test_two_workers_of_one_store_share_all_of_it(tmp_path: Path) -> None:
    rate = Rate(10, 3600.0)
    one = open_shared(place(tmp_path), terms(rate), telemetry=telemetry(), clocks=Clocks())
    two = open_shared(place(tmp_path), terms(rate), telemetry=telemetry(), clocks=Clocks())
    async with one as first, two as second:
        assert await granted(first, 6) == 6
        assert await granted(second) == 4
        async with (
            first.leases.lease(KEY, patience=1) as held,
            second.leases.lease(KEY, patience=0) as refused,
        ):
            assert (held.held, refused.held) == (True, False)
        await first.erasures.publish(KEY)
        assert KEY in second.erasures.since()
        assert first.masters is None


@pytest.mark.parametrize("other", ["store", "namespace"])
async def test_workers_of_another_store_or_account_share_nothing(
    tmp_path: Path, other: str
) -> None:
    rate = Rate(10, 3600.0)
    stores = [tmp_path / "a", tmp_path / "b"]
    for each in stores:
        each.mkdir()
    where = place(stores[1]) if other == "store" else place(stores[0], namespace="two")
    one = open_shared(place(stores[0]), terms(rate), telemetry=telemetry(), clocks=Clocks())
    two = open_shared(where, terms(rate), telemetry=telemetry(), clocks=Clocks())
    async with one as first, two as second:
        assert await granted(first) == 10
        assert await granted(second) == 10


async def test_a_store_that_is_no_directory_meets_in_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    rate = Rate(10, 3600.0)
    one = open_shared(place(None), terms(rate), telemetry=telemetry(), clocks=Clocks())
    two = open_shared(place(None), terms(rate), telemetry=telemetry(), clocks=Clocks())
    async with one as first, two as second:
        assert await granted(first) == 10
        assert await granted(second) == 0
    assert [each.partition("-0-")[0][:14] for each in os.listdir(tmp_path)] == ["avatar-gateway"]  # noqa: PTH208 - in a coroutine


async def test_without_a_place_to_meet_each_worker_has_its_part(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(tmp_path)  # somebody wants us elsewhere
    told = telemetry()
    rate = Rate(20, 3600.0)
    async with open_shared(
        place(tmp_path), terms(rate, workers=4), telemetry=told, clocks=Clocks()
    ) as shared:
        assert await granted(shared) == 5
        assert "link" in told.degraded["sharing runtime"]
        async with shared.leases.lease(KEY, patience=0) as lease:
            assert lease.held
        await shared.erasures.publish(KEY)
        assert KEY in shared.erasures.since()


async def test_an_address_of_valkey_that_is_none_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="GATEWAY_VALKEY_URL"):
        async with open_shared(
            place(tmp_path, valkey="redis://:x"), terms(), telemetry=telemetry(), clocks=Clocks()
        ):
            pass


async def test_a_valkey_that_is_down_costs_nothing_but_a_word(tmp_path: Path) -> None:
    told = telemetry()
    valkey = "redis://127.0.0.1:1/0"
    async with open_shared(
        place(tmp_path, valkey=valkey), terms(Rate(10, 60.0)), telemetry=told, clocks=Clocks()
    ) as shared:
        assert await granted(shared) == 10
        async with shared.leases.lease(KEY, patience=1) as lease:
            assert lease.held
        assert shared.masters is not None
        assert await shared.masters.get(KEY) is None
        assert "valkey" in told.degraded


async def test_nothing_stays_open(tmp_path: Path) -> None:
    async def once() -> int:
        async with open_shared(
            place(tmp_path), terms(Rate(1000, 1.0)), telemetry=telemetry(), clocks=Clocks()
        ) as shared:
            await granted(shared, 1)
        return open_files()

    before = [await once() for _ in range(3)][-1]
    after = [await once() for _ in range(20)][-1]
    assert after <= before
