"""Back-offs that all machines share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.budget import MAX_BACKOFF, Backoff
from gateway.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.fleet.client import Fleet

KEEP: Final = 86_400.0
"""Seconds for which a back-off that is over still counts as the last."""


class ValkeyBackoffs:
    """`SharedBackoffs` as expiring keys; all methods raise `FleetFailed`.

    `clock` gives Unix seconds. An end further away than `longest` (seconds) was written before a
    clock was set back, or by somebody else: it is none.
    """

    def __init__(
        self, fleet: Fleet, *, clock: Callable[[], float], longest: float = 1.1 * MAX_BACKOFF
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._longest = longest

    async def read(self, key: str) -> Backoff | None:
        """Return the last one of the contact, even if it is over."""
        backoff = _parse(await self._fleet.call("GET", self._name(key)))
        if backoff is None or backoff.until > self._clock() + self._longest:
            return None
        return backoff

    async def write(self, key: str, backoff: Backoff) -> None:
        """Replace the contact's."""
        text = f"{backoff.until!r} {backoff.failures} {backoff.reason}"
        left = min(max(backoff.until - self._clock(), 0), self._longest)
        await self._fleet.call("SET", self._name(key), text, "PX", int((left + KEEP) * 1000))

    async def clear(self, key: str) -> None:
        """Forget the contact's."""
        await self._fleet.call("UNLINK", self._name(key))

    def _name(self, key: str) -> str:
        return self._fleet.key("backoff", key)


def _parse(text: object) -> Backoff | None:
    """Read what `write` wrote; None for anything else."""
    if not isinstance(text, bytes):
        return None
    try:
        until, failures, reason = text.decode().split(" ")
        return Backoff(float(until), Reason(reason), int(failures))
    except ValueError:
        return None
