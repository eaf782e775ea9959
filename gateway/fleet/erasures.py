"""Erasures told to all machines: a stream that each worker reads to its end.

A stream and not a channel: a worker that was cut off reads on where it stopped, and knows when
something is missing.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from gateway.errors import FleetFailed
from gateway.fleet.masters import master_key, tombstone_key
from gateway.fleet.scripts import script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from gateway.fleet.client import Fleet

MAX_ENTRIES: Final = 10_000
MAX_UNTOLD: Final = 10_000

_ALL: Final = ""
_END: Final = 2**52
_RING: Final = 0.5
_AGAIN: Final = 0.1

_ERASE: Final = script("erase", flags="allow-oom")
_BEGIN: Final = script("begin", flags="allow-oom")
_CATCH_UP: Final = script("catch_up", flags="no-writes")


@dataclass(slots=True)
class _Tomb:
    """An erasure: Unix seconds, as runs are dated, and monotonic ones, as it is kept."""

    at: float
    dug: float


class ValkeyErasures:
    """What was erased on other machines, and what must stay erased.

    A tombstone holds for `keep` seconds, which must outlive any run. `clock` gives Unix seconds;
    they never leave this process. The stream holds `entries`: so many may pass while a worker is
    cut off. `untold` are held here for a Valkey that fails. Nothing raises. Open it with
    ``async with``.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        keep: float,
        clock: Callable[[], float],
        ticks: Callable[[], float] = time.monotonic,
        entries: int = MAX_ENTRIES,
        untold: int = MAX_UNTOLD,
    ) -> None:
        self._fleet = fleet
        self._keep = keep
        self._clock = clock
        self._ticks = ticks
        self._entries = entries
        self._most_untold = untold
        self._me = secrets.token_hex(8)
        self._journal = (fleet.key("erasures", "journal"), fleet.key("erasures", "entries"))
        self._place: tuple[str, int] | None = None
        self._cut_off = False
        self._news: list[str] = []
        self._lost = False
        self._tombs: dict[str, _Tomb] = {}
        self._untold: dict[str, None] = {}
        self._overflowed = False
        self._reader: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        with suppress(FleetFailed):
            await self._step()
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.cancel()
        await asyncio.wait((self._reader,))

    async def publish(self, key: str) -> None:
        """Tell all machines that the contact is erased; its master leaves Valkey with it.

        A Valkey that fails is told as soon as it works again.
        """
        self._bury(key)
        told = False
        try:
            await self._tell(key)
            told = True
        except FleetFailed:
            pass
        finally:
            if not told:
                self._remember(key)

    def since(self) -> Sequence[str]:
        """Return what other workers erased since the last call, in order."""
        if not self._news:
            return ()
        news, self._news = self._news, []
        return news

    def lost(self) -> bool:
        """Whether erasures may have been missed since the last call: then drop everything."""
        lost, self._lost = self._lost, False
        return lost

    def erased_after(self, key: str, when: float) -> bool:
        """Whether a run that began at `when` must not put a photo of the contact back."""
        now = self._clock()
        tombs = [tomb for tomb in (self._tombs.get(key), self._tombs.get(_ALL)) if tomb is not None]
        for tomb in tombs:
            # Dug before the clock was set back: it must end what runs now, not what begins later.
            tomb.at = min(tomb.at, now)
        # A run of the future began before the clock was set back: no tombstone can be ruled out.
        return any(tomb.at >= when or when > now for tomb in tombs)

    @property
    def untold(self) -> int:
        """How many erasures Valkey has not been told yet."""
        return len(self._untold)

    async def _read(self) -> None:
        while True:
            try:
                await self._step()
                _, last = self._place or ("", 0)
                await self._fleet.listen(self._journal[1], f"{last}-0", _RING)
            except FleetFailed:
                self._cut_off = True
                await asyncio.sleep(_AGAIN)

    async def _step(self) -> None:
        """Read to the end of the stream, then tell what could not be told."""
        try:
            if not await self._catch_up():
                # Before the first erasure: whoever is cut off now must know that it missed none.
                await self._fleet.run(_BEGIN, self._journal, secrets.token_hex(8))
                await self._catch_up()
        except FleetFailed:
            self._cut_off = True
            raise
        if self._overflowed:
            # Nobody knows any more what to tell: without its journal everybody drops everything.
            await self._fleet.call("UNLINK", self._journal[0])
            self._overflowed = False
        for key in list(self._untold):
            await self._tell(key)

    async def _catch_up(self) -> str:
        """Read what is new; return the journal's epoch."""
        known, last = self._place or ("", _END)
        match await self._fleet.run(_CATCH_UP, self._journal, last):
            case [bytes(found), int(end), int(whole), *rows] if _are_pairs(rows):
                epoch = found.decode(errors="replace")
            case _:
                raise FleetFailed("Valkey gave an answer that is none")
        if self._place is None:
            missed = self._cut_off
            rows = []
        elif known:
            missed = epoch != known or not whole
        else:  # nothing had been erased yet: an epoch may have come and gone unseen
            missed = self._cut_off or not whole
        self._place, self._cut_off = (epoch, end), False
        if missed:
            self._lost = True
            self._bury(_ALL)
        for key, publisher in zip(rows[::2], rows[1::2], strict=True):
            if publisher.decode(errors="replace") != self._me:
                self._bury(key.decode(errors="replace"))
                self._news.append(key.decode(errors="replace"))
        return epoch

    async def _tell(self, key: str) -> None:
        keys = (*self._journal, master_key(self._fleet, key), tombstone_key(self._fleet, key))
        fresh = secrets.token_hex(8)
        milliseconds = max(int(self._keep * 1000), 1)
        await self._fleet.run(
            _ERASE, keys, key, self._me, fresh, self._entries, milliseconds, urgent=True
        )
        self._untold.pop(key, None)

    def _remember(self, key: str) -> None:
        self._untold[key] = None
        if len(self._untold) > self._most_untold:
            del self._untold[next(iter(self._untold))]
            self._overflowed = True

    def _bury(self, key: str) -> None:
        ticks = self._ticks()
        self._tombs.pop(key, None)
        self._tombs[key] = _Tomb(self._clock(), ticks)
        while True:
            oldest = next(iter(self._tombs))
            if self._tombs[oldest].dug > ticks - self._keep:
                return
            del self._tombs[oldest]


def _are_pairs(rows: Sequence[object]) -> bool:
    return len(rows) % 2 == 0 and all(isinstance(row, bytes) for row in rows)
