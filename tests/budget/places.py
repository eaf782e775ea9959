"""Every kind of ledger and of back-offs that must keep the contract; one more is one more line."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.budget import (
    Database,
    FileBackoffs,
    FileLedger,
    MemoryBackoffs,
    MemoryLedger,
    Rate,
)
from gateway.fleet import JoinedBackoffs, JoinedLedger, ValkeyBackoffs, ValkeyLedger
from tests.fakes import DAY, T0, Clock
from tests.fleet.servers import joined

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from gateway.budget import Ledger, SharedBackoffs

PATIENCE = 10.0
"""Seconds for a file on a machine that is busy with other tests."""


@dataclass
class World:
    """A folder, a wall clock that can be moved, and time that really passes."""

    folder: Path
    wall: Clock = field(default_factory=Clock)
    ticks: Clock = field(default_factory=lambda: Clock(5000.0))
    valkey: str = ""
    """The address of a server, for kinds that need one."""

    def pass_by(self, seconds: float) -> None:
        self.wall.advance(seconds)
        self.ticks.advance(seconds)

    def move_clock(self, seconds: float) -> None:
        self.wall.advance(seconds)

    def elsewhere(self) -> float:
        """The clock of another machine, which nobody moves."""
        return T0 + self.ticks() - 5000.0

    @property
    def since_start(self) -> float:
        return self.wall() - T0

    def database(self) -> Database:
        return Database(
            self.folder / "budget.db", clock=self.wall, ticks=self.ticks, patience=PATIENCE
        )


@asynccontextmanager
async def memory_ledger(world: World, rate: Rate | None) -> AsyncIterator[Ledger]:
    yield MemoryLedger(rate, clock=world.wall, ticks=world.ticks)


@asynccontextmanager
async def file_ledger(world: World, rate: Rate | None) -> AsyncIterator[FileLedger]:
    async with (
        world.database() as database,
        FileLedger(database, rate, ticks=world.ticks) as ledger,
    ):
        yield ledger


@asynccontextmanager
async def memory_backoffs(_world: World) -> AsyncIterator[SharedBackoffs]:
    yield MemoryBackoffs()


@asynccontextmanager
async def file_backoffs(world: World) -> AsyncIterator[SharedBackoffs]:
    async with world.database() as database:
        yield FileBackoffs(database, MemoryBackoffs(), tell=lambda _: None)


@asynccontextmanager
async def joined_ledger(world: World, rate: Rate | None) -> AsyncIterator[Ledger]:
    """On this machine and on all machines; each opens a connection of its own."""
    async with (
        joined(world.valkey, namespace=str(world.folder)) as fleet,
        ValkeyLedger(fleet, rate=rate, clock=world.elsewhere) as shared,
        file_ledger(world, rate) as local,
    ):
        yield JoinedLedger(shared, local)


@asynccontextmanager
async def joined_backoffs(world: World) -> AsyncIterator[SharedBackoffs]:
    async with (
        joined(world.valkey, namespace=str(world.folder)) as fleet,
        file_backoffs(world) as local,
    ):
        yield JoinedBackoffs(ValkeyBackoffs(fleet, clock=world.wall, longest=2 * DAY), local)


LEDGERS: dict[str, Callable[[World, Rate | None], AbstractAsyncContextManager[Ledger]]] = {
    "memory": memory_ledger,
    "file": file_ledger,
    "valkey and file": joined_ledger,
}
SHARED_LEDGERS = {name: LEDGERS[name] for name in LEDGERS if name != "memory"}
"""Those that several processes see."""

BACKOFFS: dict[str, Callable[[World], AbstractAsyncContextManager[SharedBackoffs]]] = {
    "memory": memory_backoffs,
    "file": file_backoffs,
    "valkey and file": joined_backoffs,
}


class Opener:
    """Opens ledgers of one kind, each as another worker would, and closes them all."""

    def __init__(self, kind: str, world: World, stack: AsyncExitStack) -> None:
        self.world = world
        self._kind = kind
        self._stack = stack

    async def __call__(self, rate: Rate | None) -> Ledger:
        return await self._stack.enter_async_context(LEDGERS[self._kind](self.world, rate))
