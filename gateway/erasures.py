"""Who was erased, in every worker of a machine; and what must not come back."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

from gateway.aside import Aside
from gateway.errors import SharingFailed
from gateway.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

CAPACITY: Final = 2048
"""Erasures that may pass between two looks of a worker before it must drop everything."""

_CHECK: Final = 0.5
_EVERYBODY: Final = ""


class Erasures(Protocol):
    """Tells everybody that a contact is erased, and hears it; nothing here raises.

    A run asks `erased_after` before it writes a photo and again when it has: an erasure may come
    in between.
    """

    async def publish(self, key: str) -> None:
        """Tell everybody that the contact is erased; this process is told at once."""

    def since(self) -> Sequence[str]:
        """Return who was erased since the last call, some perhaps twice; cheap if nobody was."""

    def lost(self) -> bool:
        """Whether some were missed, asked after `since`: then drop everything. True once."""

    def erased_after(self, key: str, when: float) -> bool:
        """Whether a run that began at `when`, in Unix seconds, must not put a photo back."""


@dataclass(slots=True)
class _Tombstone:
    """Unix seconds of the erasure, as runs are dated; monotonic ones of when we heard of it."""

    at: float
    heard: float


class FileErasures:
    """Erasures through the journal at `path`.

    A worker that starts late holds nothing and has missed nothing. One that lags behind by more
    than `capacity` erasures, or whose file was damaged or taken away, is told by `lost`. Tombstones
    hold for `life` seconds, which must be longer than any run. `clock` gives Unix seconds, `ticks`
    monotonic ones. While the journal is broken, this process hears itself alone, what it could not
    tell is told later, and `tell` hears in one line why; None when it works. Open it with
    ``async with``.
    """

    def __init__(
        self,
        path: Path,
        *,
        life: float,
        tell: Callable[[str | None], None],
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        capacity: int = CAPACITY,
    ) -> None:
        self._path = path
        self._life = life
        self._tell = tell
        self._clock = clock
        self._ticks = ticks
        self._capacity = capacity
        self._aside = Aside("erasures")
        self._journal: Journal | None = None
        self._generation: Sequence[int] = (0,)
        self._read = 0
        self._check_at = 0.0
        self._news: list[str] = []
        self._lost = False
        self._tombstones: dict[str, _Tombstone] = {}
        self._untold: dict[str, float] = {}
        self._mending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._aside.__aenter__()
        await self._mend()
        # Nothing is held yet, and no run has begun.
        self._lost = False
        self._tombstones.clear()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._mending is not None:
            await asyncio.wait((self._mending,))
        await self._aside.__aexit__(kind, error, trace)
        if self._journal is not None:
            self._journal.close()

    async def publish(self, key: str) -> None:
        """Tell all workers that the contact is erased; this one is told at once."""
        now = self._clock()
        self._hear(key, now)
        self._untold[key] = now
        # As many as the ring holds make every reader drop everything: more need not be told.
        if len(self._untold) > self._capacity:
            del self._untold[next(iter(self._untold))]
        await self._tell_others()

    def since(self) -> Sequence[str]:
        """Return who was erased since the last call, some perhaps twice; in order."""
        if self._generation[0] != self._read or self._ticks() >= self._check_at:
            self._look()
        if not self._news:
            return ()
        news, self._news = self._news, []
        return news

    def lost(self) -> bool:
        """Whether some were missed, asked after `since`: then drop everything. True once."""
        lost, self._lost = self._lost, False
        return lost

    def erased_after(self, key: str, when: float) -> bool:
        """Whether a run that began at `when` must not put a photo of the contact back."""
        self._look()
        now = self._clock()
        found = [
            stone
            for stone in (self._tombstones.get(key), self._tombstones.get(_EVERYBODY))
            if stone is not None and stone.heard > self._ticks() - self._life
        ]
        for stone in found:
            # The clock was set back since: what begins from now on began after the erasure.
            stone.at = min(stone.at, now)
        # A run that began in the future began before the clock was set back.
        return any(stone.at >= when or when > now for stone in found)

    def _look(self) -> None:
        """Read what is new; now and then, see that the file is still the one all others have."""
        generation = self._generation[0]
        if generation != self._read:
            self._catch_up(generation)
        if self._ticks() >= self._check_at:
            self._check_at = self._ticks() + _CHECK
            if self._mending is None and (self._untold or not self._is_current()):
                self._mending = asyncio.get_running_loop().create_task(self._mend())

    def _catch_up(self, generation: int) -> None:
        records = None
        if self._journal is not None:
            with suppress(OSError):
                records = self._journal.read(self._read, generation)
        self._read = generation
        if records is None:
            self._miss()
            return
        for key, at in records:
            self._hear(key, at)

    def _is_current(self) -> bool:
        try:
            return self._journal is not None and self._journal.is_current()
        except OSError:
            return False

    async def _mend(self) -> None:
        """Open the journal anew if it is not everybody's, and tell what could not be told."""
        try:
            if not self._is_current():
                self._adopt(await self._aside(self._open, undo=Journal.close))
            await self._tell_others()
        except SharingFailed as failure:
            self._tell(str(failure))
        finally:
            self._mending = None
            self._check_at = self._ticks() + _CHECK

    def _open(self) -> Journal:
        return Journal(self._path, capacity=self._capacity)

    def _adopt(self, journal: Journal) -> None:
        """Read on at the end of another file; what stood in the old one, nobody knows."""
        if self._journal is not None:
            self._journal.close()
        self._journal, self._generation = journal, journal.generation
        self._read = journal.generation[0]
        self._miss()
        self._tell(None)

    async def _tell_others(self) -> None:
        journal, untold = self._journal, dict(self._untold)
        if journal is None or not untold:
            return
        try:
            await self._aside(lambda: journal.append(untold.items()))
        except SharingFailed as failure:
            self._tell(str(failure))
            return
        self._tell(None)
        for key, at in untold.items():
            if self._untold.get(key) == at:
                del self._untold[key]

    def _miss(self) -> None:
        self._lost = True
        self._bury(_EVERYBODY, self._clock())

    def _hear(self, key: str, at: float) -> None:
        self._bury(key, at)
        self._news.append(key)
        if len(self._news) > self._capacity:  # nobody has looked for long
            self._news.clear()
            self._lost = True

    def _bury(self, key: str, at: float) -> None:
        known = self._tombstones.get(key)
        if known is not None and known.at == at:  # our own, which comes back to us
            return
        ticks = self._ticks()
        self._tombstones.pop(key, None)
        self._tombstones[key] = _Tombstone(at, ticks)
        while self._tombstones[oldest := next(iter(self._tombstones))].heard <= ticks - self._life:
            del self._tombstones[oldest]
