"""What a name's addresses are: asked in threads of our own, in bounded time and number.

asyncio would ask on its default executor, where a silent resolver holds up everybody else's work.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gateway.errors import TimedOut, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.outbound.address import Address

Lookup: TypeAlias = "Callable[[str], Sequence[str]]"

LIFE: Final = 30.0
"""Seconds that an answer is believed."""

FAILURE_LIFE: Final = 3.0
"""Seconds that a failure is believed."""

MAX_KNOWN: Final = 256
"""Most names that are remembered."""


def system_lookup() -> Lookup:
    """The system's resolver; glibc's is told not to be patient unless the operator told it more.

    The look-up blocks; it raises `OSError` or `UnicodeError` when the name has no address.
    """
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:1")

    def lookup(host: str) -> list[str]:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [str(place[0]) for *_, place in found]

    return lookup


class _Known(NamedTuple):
    """No addresses: the look-up failed."""

    addresses: tuple[Address, ...]
    until: float


class _Running(NamedTuple):
    """A look-up under way; `done` gets its outcome and never an exception."""

    began: float
    done: asyncio.Future[_Known]


class Names:
    """Looks names up with `lookup`, a blocking function; one look-up for a name at a time.

    A look-up that takes longer than `timeout` seconds counts as hanging: it keeps its thread, one
    of `threads`, until it ends. The threads are daemons, so nobody who closes waits for one.
    `clock` gives seconds that never go back.
    """

    def __init__(
        self,
        lookup: Lookup,
        *,
        threads: int = 8,
        timeout: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookup = lookup
        self._threads = threads
        self._timeout = timeout
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._running: dict[str, _Running] = {}

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Return all addresses of `host`, at least one, in the resolver's order.

        Raises `Unreachable` if it has none, `TimedOut` if nobody says so in time or too many
        look-ups hang already.
        """
        known = self._known.get(host)
        if known is None or known.until <= self._clock():
            known = await self._learn(host)
        if not known.addresses:
            raise Unreachable("the host's name could not be resolved")
        return known.addresses

    async def _learn(self, host: str) -> _Known:
        running = self._running.get(host)
        if running is None:
            if len(self._running) >= self._threads:
                raise TimedOut("too many names are being looked up")
            running = self._start(host)
        left = running.began + self._timeout - self._clock()
        # Not awaited itself: a caller who leaves would cancel it for the others.
        await asyncio.wait((running.done,), timeout=max(left, 0))
        if not running.done.done():
            raise TimedOut("the host's name was not resolved in time")
        return running.done.result()

    def _start(self, host: str) -> _Running:
        loop = asyncio.get_running_loop()
        running = _Running(self._clock(), loop.create_future())

        def work() -> None:
            found: tuple[Address, ...] = ()
            try:
                with suppress(OSError, ValueError):  # no such name; text that is no name
                    found = tuple(ipaddress.ip_address(text) for text in self._lookup(host))
            finally:
                with suppress(RuntimeError):  # the loop was closed meanwhile
                    loop.call_soon_threadsafe(self._learned, host, found)

        threading.Thread(target=work, name="name look-up", daemon=True).start()
        self._running[host] = running
        return running

    def _learned(self, host: str, found: tuple[Address, ...]) -> None:
        known = _Known(found, self._clock() + (LIFE if found else FAILURE_LIFE))
        self._known.pop(host, None)
        self._known[host] = known
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._running.pop(host).done.set_result(known)
