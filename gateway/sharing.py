"""What the workers of an instance share: budget, back-offs, leases, erasures, hot masters.

On one machine through files in the runtime directory, across machines through Valkey as well.
Whatever of it is broken, each worker goes on with what is left.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.budget import (
    Budget,
    Database,
    FileBackoffs,
    FileLedger,
    MemoryBackoffs,
    MemoryLedger,
    ShelteredLedger,
)
from gateway.erasures import FileErasures
from gateway.errors import SharingFailed
from gateway.leases import FileLeases
from gateway.runtime import open_runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.budget import Ledger, Rate, SharedBackoffs
    from gateway.erasures import Erasures
    from gateway.fleet import Fleet, ValkeyMasters
    from gateway.leases import Leases
    from gateway.telemetry import Telemetry

TOMBSTONE: Final = 60.0
"""Seconds for which an erasure holds beyond the longest question to the upstream."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where workers meet: beside the portraits in the directory `store`, if they lie in one.

    `store_url` and `namespace` (API and instance) say which workers belong together; `valkey` is
    the address of what joins machines.
    """

    store: Path | None
    store_url: str
    namespace: str
    valkey: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How the upstream is treated: at most `rate`, by so many `workers` on this machine.

    A query is young for `young` seconds and over after `timeout`.
    """

    rate: Rate | None
    workers: int
    young: float
    timeout: float


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day in Unix seconds, which people may set, and seconds that only pass."""

    wall: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Shared:
    """What is shared, open; `masters` is None without Valkey."""

    budget: Budget
    backoffs: SharedBackoffs
    leases: Leases
    erasures: Erasures
    masters: ValkeyMasters | None


@dataclass(frozen=True, slots=True)
class _Parts:
    ledger: Ledger
    backoffs: SharedBackoffs
    leases: Leases
    erasures: Erasures


@asynccontextmanager
async def open_shared(
    place: Place, terms: Terms, *, telemetry: Telemetry, clocks: Clocks
) -> AsyncIterator[Shared]:
    """Open all of it; closed in the opposite order.

    Raises `InvalidSettings` for an address of Valkey that is none.
    """
    async with AsyncExitStack() as stack:
        parts = await _on_this_machine(place, terms, telemetry, clocks, stack)
        masters = None
        if place.valkey is not None:
            parts, masters = await _on_all_machines(
                place, terms, telemetry, clocks, parts=parts, stack=stack
            )
        budget = await stack.enter_async_context(
            Budget(parts.ledger, young=terms.young, rate=terms.rate)
        )
        yield Shared(budget, parts.backoffs, parts.leases, parts.erasures, masters)


@asynccontextmanager
async def open_budget(
    place: Place, terms: Terms, *, telemetry: Telemetry, clocks: Clocks
) -> AsyncIterator[Budget]:
    """Open the budget alone of one more API, which `place` names.

    It is shared with all gateways that ask the same account, whichever place it has in theirs.
    """
    async with AsyncExitStack() as stack:
        folder, common = _folder(place, telemetry, stack)
        database = await stack.enter_async_context(
            Database(folder / "budget.db", clock=clocks.wall, ticks=clocks.ticks)
        )
        ledger = await _ledger(database, terms, telemetry, clocks, common=common, stack=stack)
        if place.valkey is not None:
            from gateway import fleet  # noqa: PLC0415 - as below

            valkey: Fleet = await stack.enter_async_context(
                fleet.Fleet(place.valkey, namespace=place.namespace, tell=telemetry.fleet)
            )
            shared = await stack.enter_async_context(fleet.ValkeyLedger(valkey, rate=terms.rate))
            ledger = fleet.JoinedLedger(shared, ledger)
        yield await stack.enter_async_context(Budget(ledger, young=terms.young, rate=terms.rate))


def _folder(place: Place, telemetry: Telemetry, stack: AsyncExitStack) -> tuple[Path, bool]:
    """Where the workers meet, and whether they do: else it is a directory of this one alone."""
    try:
        return open_runtime(place.store, namespace=f"{place.store_url}|{place.namespace}"), True
    except SharingFailed as failure:
        telemetry.sharing("runtime", str(failure))
        return Path(stack.enter_context(tempfile.TemporaryDirectory())), False


async def _on_this_machine(
    place: Place,
    terms: Terms,
    telemetry: Telemetry,
    clocks: Clocks,
    stack: AsyncExitStack,
) -> _Parts:
    folder, common = _folder(place, telemetry, stack)
    database = await stack.enter_async_context(
        Database(folder / "budget.db", clock=clocks.wall, ticks=clocks.ticks)
    )
    leases = FileLeases(folder / "leases", tell=partial(telemetry.sharing, "leases"))
    erasures = FileErasures(
        folder / "erasures",
        life=terms.timeout + TOMBSTONE,
        tell=partial(telemetry.sharing, "erasures"),
        clock=clocks.wall,
        ticks=clocks.ticks,
    )
    return _Parts(
        await _ledger(database, terms, telemetry, clocks, common=common, stack=stack),
        FileBackoffs(database, MemoryBackoffs(), tell=partial(telemetry.sharing, "backoffs")),
        await stack.enter_async_context(leases),
        await stack.enter_async_context(erasures),
    )


async def _ledger(
    database: Database,
    terms: Terms,
    telemetry: Telemetry,
    clocks: Clocks,
    *,
    common: bool,
    stack: AsyncExitStack,
) -> Ledger:
    """One budget for all workers; each has its part while they cannot count together."""
    part = None if terms.rate is None else terms.rate.among(terms.workers)
    alone = MemoryLedger(part, clock=clocks.wall, ticks=clocks.ticks)
    if not common:
        return alone
    shared = await stack.enter_async_context(FileLedger(database, terms.rate, ticks=clocks.ticks))
    tell = partial(telemetry.sharing, "budget")
    return ShelteredLedger(shared, alone, tell=tell, ticks=clocks.ticks)


async def _on_all_machines(
    place: Place,
    terms: Terms,
    telemetry: Telemetry,
    clocks: Clocks,
    *,
    parts: _Parts,
    stack: AsyncExitStack,
) -> tuple[_Parts, ValkeyMasters]:
    from gateway import fleet  # noqa: PLC0415 - redis-py costs start-up time, and few need it

    valkey: Fleet = await stack.enter_async_context(
        fleet.Fleet(place.valkey or "", namespace=place.namespace, tell=telemetry.fleet)
    )
    ledger = await stack.enter_async_context(fleet.ValkeyLedger(valkey, rate=terms.rate))
    erasures = await stack.enter_async_context(
        fleet.ValkeyErasures(
            valkey, keep=terms.timeout + TOMBSTONE, clock=clocks.wall, ticks=clocks.ticks
        )
    )
    joined = _Parts(
        fleet.JoinedLedger(ledger, parts.ledger),
        fleet.JoinedBackoffs(fleet.ValkeyBackoffs(valkey, clock=clocks.wall), parts.backoffs),
        fleet.JoinedLeases(fleet.ValkeyLeases(valkey), parts.leases),
        fleet.JoinedErasures(erasures, parts.erasures),
    )
    return joined, fleet.ValkeyMasters(valkey)
