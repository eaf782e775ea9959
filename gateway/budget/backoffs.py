"""When a contact may be asked about again after an error."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.errors import Reason
    from gateway.model import ContactId

MAX_BACKOFF: Final = 600.0
"""Longest pause after errors, in seconds."""

_JITTER: Final = 0.1


@dataclass(frozen=True, slots=True)
class Backoff:
    """Leave a contact alone until `until` (Unix seconds), after `failures` for `reason`."""

    until: float
    reason: Reason
    failures: int


class SharedBackoffs(Protocol):
    """Back-offs that outlive a process; `key` is the contact's digest in hex. Nothing raises."""

    async def read(self, key: str) -> Backoff | None:
        """Return the contact's last one, even if it is over."""

    async def write(self, key: str, backoff: Backoff) -> None:
        """Replace the contact's."""

    async def clear(self, key: str) -> None:
        """Forget the contact's."""


class Backoffs:
    """Back-off per contact: `first` seconds, doubling to ten minutes, up to 10 % longer at random.

    Keeps the `capacity` most recent; `clock` gives Unix seconds.
    """

    def __init__(
        self,
        *,
        first: float,
        clock: Callable[[], float],
        capacity: int = 100_000,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._first = first
        self._longest = max(MAX_BACKOFF, first) * (1 + _JITTER)
        self._clock = clock
        self._capacity = capacity
        self._jitter = jitter
        self._entries: OrderedDict[ContactId, Backoff] = OrderedDict()

    def current(self, contact: ContactId) -> Backoff | None:
        """Return the back-off that holds now; None if the contact may be asked about."""
        entry = self._entries.get(contact)
        if entry is None or not 0 < entry.until - self._clock() <= self._longest:
            return None  # further away: the clock was set back since
        return entry

    def last(self, contact: ContactId) -> Backoff | None:
        """Return the last back-off even if it is over; None after a success."""
        return self._entries.get(contact)

    def fail(self, contact: ContactId, reason: Reason, *, pause: float | None = None) -> Backoff:
        """Note a failure; `pause` (seconds, capped) replaces the computed length."""
        entry = self._entries.get(contact)
        failures = entry.failures + 1 if entry else 1
        # The exponent is bounded before it is used: 2**1000 is no float.
        length = self._first * 2 ** min(failures - 1, 16) if pause is None else pause
        most = max(MAX_BACKOFF, self._first)
        length = min(length, most) * (1 + _JITTER * self._jitter())
        backoff = Backoff(self._clock() + length, reason, failures)
        self._note(contact, backoff)
        return backoff

    def adopt(self, contact: ContactId, backoff: Backoff) -> None:
        """Take over what another process noted."""
        self._note(contact, backoff)

    def rest(self, contact: ContactId, reason: Reason, *, pause: float) -> Backoff:
        """Leave `contact` alone for `pause` seconds, for something that is no fault of its own."""
        last = self._entries.get(contact)
        failures = last.failures if last else 0
        backoff = Backoff(self._clock() + pause, reason, failures)
        self._note(contact, backoff)
        return backoff

    def clear(self, contact: ContactId) -> None:
        """Forget all failures of `contact`."""
        self._entries.pop(contact, None)

    def _note(self, contact: ContactId, backoff: Backoff) -> None:
        self._entries[contact] = backoff
        self._entries.move_to_end(contact)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
