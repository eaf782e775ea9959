"""Retention: what nobody has vouched for in so long is removed, everywhere.

A sweep goes through the whole store, in slices and behind all other work. The time of writing
spares it the records that are young; of the others the header is read, and that alone decides.
Records also become younger than what they tell, by being copied from a backup or to another
place: so once a day every header is read.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import obstore

from gateway.errors import StoreFailed
from gateway.portraits.places import absent_unless_lost, translated
from gateway.portraits.record import peek
from gateway.portraits.walks import walking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from obstore.store import ObjectStore

    from gateway.portraits.walks import Seen
    from gateway.telemetry import Telemetry

STAMP_PATH: Final = "v1/swept"

LONGEST_INTERVAL: Final = 3600.0
"""Most seconds between two sweeps."""

FULL_INTERVAL: Final = 86_400.0
"""Seconds between two sweeps that read every header."""

CLOCK_ERROR: Final = 2 * 86_400.0
"""Seconds that clocks may be wrong; what was vouched for later than that from now never was."""

_PAUSE: Final = 0.005
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class _Stamp:
    """When the last sweep began, and the last that read every header (Unix seconds)."""

    any: float = -math.inf
    full: float = -math.inf


class Sweeper:
    """Removes what was last confirmed `retention` seconds ago; suppressions stay.

    `erase` removes every copy of the portrait whose contact has the digest it is given, the
    store's too. One sweep at a time on a machine; `clock` gives Unix seconds, `wait` sleeps
    between sweeps.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        retention: float,
        erase: Callable[[str], Awaitable[None]],
        telemetry: Telemetry,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._objects = objects
        self._retention = retention
        self._erase = erase
        self._telemetry = telemetry
        self._clock = clock
        self._wait = wait
        self._interval = min(LONGEST_INTERVAL, retention / 8)

    async def run(self) -> None:
        """Sweep now and then, for ever; workers that start together do not sweep together."""
        await self._wait(self._interval * random.uniform(0.001, 0.02))  # noqa: S311 - no secret
        while True:
            try:
                await self.sweep()
            except StoreFailed as failure:
                self._telemetry.sweep_failed(str(failure))
            except Exception as error:  # noqa: BLE001 - a bug must not end retention for ever
                self._telemetry.bug(error)
            await self._wait(self._interval * random.uniform(0.5, 0.6))  # noqa: S311 - as above

    async def sweep(self) -> int:
        """Go through the store, unless that has just been done; return how many were removed.

        Raises `StoreFailed` for a store that cannot be read, or not written.
        """
        async with walking(self._objects) as walk:
            if walk is None:
                return 0
            now = self._clock()
            last = await self._last()
            if 0 <= now - last.any < self._interval:
                return 0
            full = not 0 <= now - last.full < FULL_INTERVAL
            # Noted first: others stay away, and a crash in the middle does not repeat at once.
            await self._note(_Stamp(now, now if full else last.full))
            removed = failed = 0
            before = math.inf if full else now - self._retention
            async with aclosing(walk.slices(before=before, now=now)) as slices:
                async for seen in slices:
                    outcomes = await self._remove([e.key for e in seen if self._is_due(e, now)])
                    removed += outcomes.count(None)
                    failed += len(outcomes) - outcomes.count(None)
                    await asyncio.sleep(_PAUSE)
        self._telemetry.swept(removed)
        if failed:
            raise StoreFailed(f"{failed} portraits past their retention could not be removed")
        return removed

    def _is_due(self, seen: Seen, now: float) -> bool:
        header = peek(seen.head)
        if header is None or header.contact != seen.key:
            # Nobody can read it: it goes when it has lain there long enough.
            confirmed = seen.modified
        elif header.confirmed is None:
            return False
        else:
            confirmed = header.confirmed
        return not -CLOCK_ERROR < now - confirmed < self._retention

    async def _remove(self, keys: list[str]) -> list[StoreFailed | None]:
        """Erase, a few at a time; how each went."""

        async def erase(key: str) -> StoreFailed | None:
            try:
                await self._erase(key)
            except StoreFailed as failure:
                return failure
            return None

        outcomes: list[StoreFailed | None] = []
        for start in range(0, len(keys), _AT_ONCE):
            few = keys[start : start + _AT_ONCE]
            outcomes += await asyncio.gather(*(erase(key) for key in few))
        return outcomes

    async def _last(self) -> _Stamp:
        with translated():
            try:
                with absent_unless_lost():
                    found = await obstore.get_async(self._objects, STAMP_PATH)
                    data = bytes(await found.bytes_async())
            except FileNotFoundError:
                return _Stamp()
        try:
            swept, full = map(float, data.split())
        except ValueError:  # damaged
            return _Stamp()
        return _Stamp(swept, full)

    async def _note(self, stamp: _Stamp) -> None:
        with translated():
            await obstore.put_async(
                self._objects, STAMP_PATH, f"{stamp.any} {stamp.full}".encode(), use_multipart=False
            )


@asynccontextmanager
async def sweeping(sweeper: Sweeper) -> AsyncIterator[None]:
    """Let `sweeper` run meanwhile."""
    task = asyncio.create_task(sweeper.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
