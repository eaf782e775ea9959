"""Viewers who ask for colour-coded contacts all the time, and leave now and then."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tests.e2e.colours import leave
from tests.e2e.readers import receive
from tests.proof.chaos.judging import any_request
from tests.proof.chaos.pressure import Pressure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.e2e.wire import Received
    from tests.proof.chaos.house import House
    from tests.proof.chaos.judging import Request
    from tests.proof.chaos.tally import Tally

PATIENCE: Final = 2 * 3.0
"""Seconds that a viewer waits: twice a gateway's deadline."""

PROMISED: Final = 0.3
"""Seconds for which a worker that stops still answers on a connection that it meant to keep."""


class Wire:
    """A connection. `doomed` once the worker that holds it is killed.

    `rests_since` is when it was begun or had its last answer, `silent` the seconds from then until
    something was asked.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rests_since: float
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.rests_since = rests_since
        self.silent = 0.0
        self.port: int = writer.get_extra_info("sockname")[1]
        self.asking = False
        self.doomed = False

    @property
    def usable(self) -> bool:
        return not (self.doomed or self.reader.at_eof() or self.reader.exception())


class Viewers:
    """So many viewers of a house's people, spread over its gateways; each rests `pace` seconds.

    Every second one keeps its connection. `aborts` is the share of requests left in the middle.
    """

    def __init__(
        self, house: House, tally: Tally, *, number: int, pace: float, aborts: float = 0.0
    ) -> None:
        places = [urlsplit(each.url) for each in house.served]
        self._addresses = [(place.hostname, place.port) for place in places]
        self._people = house.people
        self._tally = tally
        self._number = number
        self._pace = pace
        self._aborts = aborts
        self._wires: dict[int, Wire] = {}
        self._early: set[int] = set()
        self._over = asyncio.Event()

    @asynccontextmanager
    async def looking(self, seed: int) -> AsyncIterator[None]:
        """Ask, until the block is left; who has asked by then still gets an answer."""
        self._over.clear()
        async with asyncio.TaskGroup() as group:
            for place in range(self._number):
                chance = random.Random(f"{seed} {place}")  # noqa: S311 - traffic, no secret
                group.create_task(self._view(chance, place))
            try:
                yield
            finally:
                self._over.set()

    def doom(self, ports: Iterable[int]) -> None:
        """Note whose connections end with a worker; call it right before it is killed."""
        for port in ports:
            if (wire := self._wires.get(port)) is None:
                self._early.add(port)
            else:
                wire.doomed = True
                self._tally.exposed += wire.asking

    async def _view(self, chance: random.Random, place: int) -> None:
        address = self._addresses[place % len(self._addresses)]
        keeps = place // len(self._addresses) % 2 == 0
        wire: Wire | None = None
        await self._rest(place * self._pace / self._number)
        while not self._over.is_set():
            if wire is not None and not wire.usable:
                self._close(wire)
                wire = None
            wire = await self._ask(chance, any_request(chance, self._people), wire, address)
            if wire is not None and not keeps:
                self._close(wire)
                wire = None
            await self._rest(self._pace)
        if wire is not None:
            self._close(wire)

    async def _ask(
        self,
        chance: random.Random,
        request: Request,
        kept: Wire | None,
        address: tuple[str | None, int | None],
    ) -> Wire | None:
        """Ask, and judge or leave; return the connection if it may be used again."""
        began, wire, meanwhile = time.monotonic(), kept, Pressure()
        try:
            async with asyncio.timeout(PATIENCE):
                wire = wire or await self._connect(address)
                answer = await self._exchange(chance, request, wire)
        except TimeoutError:
            self._tally.wait_in_vain(request, meanwhile)
        except (OSError, EOFError) as error:
            if wire is not None and wire.doomed:
                self._tally.cut += 1
            elif wire is not None and wire.silent > PROMISED:
                self._tally.again += 1
                self._close(wire)
                return await self._ask(chance, request, None, address)
            else:
                took = f"{request.target}, asked {time.monotonic() - began:.3f} s before"
                self._tally.lost.append(f"{self._tally.diary.when()} {error!r}: {took}")
        else:
            if answer is not None:
                self._tally.judge(request, answer, time.monotonic() - began)
                if answer.headers.get("connection", "").lower() != "close":
                    return wire
        if wire is not None:
            self._close(wire)
        return None

    async def _connect(self, address: tuple[str | None, int | None]) -> Wire:
        began = time.monotonic()
        wire = Wire(*await asyncio.open_connection(*address), began)
        if wire.port in self._early:  # the kernel knew of it, and of its end, before we did
            self._early.discard(wire.port)
            wire.writer.close()
            return await self._connect(address)
        self._wires[wire.port] = wire
        return wire

    async def _exchange(
        self, chance: random.Random, request: Request, wire: Wire
    ) -> Received | None:
        sent = f"GET {request.target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        if chance.random() < self._aborts:
            self._tally.left += 1
            with suppress(OSError):
                await leave(chance, wire.reader, wire.writer, sent)
            wire.writer.transport.abort()
            return None
        wire.asking = True
        wire.silent = time.monotonic() - wire.rests_since
        try:
            wire.writer.write(sent)
            return await receive(wire.reader)
        finally:
            wire.asking = False
            wire.rests_since = time.monotonic()

    def _close(self, wire: Wire) -> None:
        if self._wires.get(wire.port) is wire:
            del self._wires[wire.port]
        wire.writer.close()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
