"""One run for a contact at a time, in all workers of a machine.

Each contact that somebody runs for has a lock file of its own, named by its key and removed by
whoever held it. A fixed set of files would let two contacts wait for each other by chance, and a
key written into one could be stale. So the folder holds as many files as there are runs, and what
killed workers left; their locks went with them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

from gateway.aside import PATIENCE, Aside
from gateway.errors import SharingFailed
from gateway.flocks import hold, let_go

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from types import TracebackType

POLL: Final = 0.03
"""Seconds between two looks at all locks that are awaited."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`held`: the run is the holder's alone; `waited`: somebody else held it meanwhile.

    Who waited looks into the store before asking anybody. Not held means that patience ran out or
    that the mechanism is broken: go on alone.
    """

    held: bool
    waited: bool


class Leases(Protocol):
    """One run for a contact at a time; never raises, and never waits beyond patience."""

    def lease(self, key: str, *, patience: float) -> AbstractAsyncContextManager[Lease]:
        """Hold the lease of `key` while inside; wait for it `patience` seconds at most."""


class FileLeases:
    """Leases by locked files in `folder`; a holder that dies frees its own at once.

    `tell` hears in one line what is broken, and None when it works. One task a process looks
    after all locks that are awaited, however many wait. Open it with ``async with``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tell: Callable[[str | None], None],
        poll: float = POLL,
        patience: float = PATIENCE,
    ) -> None:
        self._folder = folder
        self._tell = tell
        self._poll = poll
        self._aside = Aside("leases", patience=patience)
        self._awaited: dict[str, deque[asyncio.Future[int]]] = {}
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._aside.__aenter__()
        self._aside.later(self._prepare)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait((self._watcher,))
        await self._aside.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def lease(self, key: str, *, patience: float) -> AsyncIterator[Lease]:
        """Hold the lease of `key` while inside; wait for it `patience` seconds at most."""
        waited = False
        try:
            lock = await self._aside(lambda: self._hold(key), undo=lambda got: self._free(key, got))
            if lock is None:
                waited = True
                lock = await self._wait(key, patience)
        except SharingFailed as failure:
            self._tell(str(failure))
            lock = None
        else:
            self._tell(None)
        try:
            yield Lease(held=lock is not None, waited=waited)
        finally:
            if lock is not None:
                self._aside.later(lambda: self._free(key, lock))

    async def _wait(self, key: str, patience: float) -> int | None:
        """Wait until the watcher hands over the lock; None if it takes longer than `patience`."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(key, deque()).append(future)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        try:
            await asyncio.wait((future,), timeout=max(patience, 0))
        except asyncio.CancelledError:
            self._give_back(key, future)
            raise
        finally:
            future.cancel()
        return None if future.cancelled() else future.result()

    def _give_back(self, key: str, future: asyncio.Future[int]) -> None:
        """Free a lock that came in the very moment in which its waiter left."""
        if future.done():
            lock = future.result()
            self._aside.later(lambda: self._free(key, lock))

    async def _watch(self) -> None:
        """Try all awaited locks, again and again, until nobody waits."""
        while self._forget_leavers():
            await asyncio.sleep(self._poll)
            try:
                await self._try(tuple(self._awaited))
            except SharingFailed as failure:
                self._tell(str(failure))

    async def _try(self, keys: Sequence[str]) -> None:
        for key, lock in await self._aside(lambda: self._hold_any(keys), undo=self._free_all):
            self._hand_over(key, lock)

    def _forget_leavers(self) -> bool:
        """Drop who no longer waits; whether anybody still does."""
        for key, futures in list(self._awaited.items()):
            waiting = deque(future for future in futures if not future.done())
            if waiting:
                self._awaited[key] = waiting
            else:
                del self._awaited[key]
        return bool(self._awaited)

    def _hand_over(self, key: str, lock: int) -> None:
        for future in self._awaited.get(key, ()):
            if not future.done():
                future.set_result(lock)
                return
        self._aside.later(lambda: self._free(key, lock))

    def _prepare(self) -> None:
        """Make the folder, and remove the files that killed workers left."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for path in self._folder.iterdir():
            with suppress(OSError):
                self._free(path.name, hold(path))

    def _hold(self, key: str) -> int | None:
        try:
            return hold(self._folder / key)
        except FileNotFoundError:  # whoever tidies up removed the folder
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return hold(self._folder / key)

    def _hold_any(self, keys: Sequence[str]) -> Sequence[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        try:
            for key in keys:
                lock = self._hold(key)
                if lock is not None:
                    found.append((key, lock))
        except OSError:
            self._free_all(found)
            raise
        return found

    def _free(self, key: str, lock: int | None) -> None:
        if lock is not None:
            let_go(lock, self._folder / key)

    def _free_all(self, locks: Sequence[tuple[str, int]]) -> None:
        for key, lock in locks:
            self._free(key, lock)
