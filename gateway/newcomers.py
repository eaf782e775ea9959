"""A budget on contacts that nobody has asked about: who counts through numbers is slowed down.

It holds where anybody may ask for any number, and only for contacts of whom nothing is known. What
it protects is the budget of questions, and people who might be looked up one after the other:

- A network may ask about `BURST` newcomers in a row, and as many an hour. A dashboard of 200 people
  that a whole office opens for the first time is no attack; a range of ten thousand numbers takes
  more than a day.
- All networks together get an hour's worth of the upstream's rate in a row, and from then on half
  of that rate: the other half is left for faces that are known and must be asked about again.

Each worker counts for itself, since one viewer's requests may all come to one: a network gets at
most so much from each.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

BURST: Final = 300
"""Newcomers of one network in a row, and in an hour."""

SHARE: Final = 0.5
"""Of the upstream's rate, what newcomers may take for long."""

MOST_NETWORKS: Final = 10_000
MOST_ADMITTED: Final = 10_000
"""How many are remembered: networks, those that asked last, and newcomers, for free retries."""

_HOUR: Final = 3600.0


class Newcomers:
    """Admits newcomers while there is budget; `hourly` is what the upstream bears in an hour.

    That is this worker's part of it; None is no limit, and everybody is admitted. `refused` hears
    of each who is not. `ticks` gives seconds that only pass.
    """

    def __init__(
        self, hourly: float | None, *, refused: Callable[[], object], ticks: Callable[[], float]
    ) -> None:
        self._refused = refused
        self._ticks = ticks
        self._open = hourly is None
        hourly = hourly or 0.0
        self._all = _Bucket(max(BURST, hourly), hourly * SHARE / _HOUR, ticks())
        self._networks: OrderedDict[str, _Bucket] = OrderedDict()
        self._admitted: OrderedDict[str, None] = OrderedDict()

    def admit(self, key: str, networks: Iterable[str | None]) -> bool:
        """Whether the upstream may be asked about whom `key` names, for viewers in `networks`.

        They come in the order in which they asked, and the first that can pays for all. None is
        somebody who need not pay. Who was admitted a short time ago is not paid for again: after a
        failure the same viewers ask once more.
        """
        if self._open or None in (asking := tuple(networks)):
            return True
        if key in self._admitted:
            self._admitted.move_to_end(key)
            return True
        now = self._ticks()
        if not self._all.holds(now) or not any(
            self._pay(each, now) for each in asking if each is not None
        ):
            self._refused()
            return False
        self._all.take()
        _note(self._admitted, key, None, MOST_ADMITTED)
        return True

    def _pay(self, network: str, now: float) -> bool:
        bucket = self._networks.get(network) or _Bucket(BURST, BURST / _HOUR, now)
        if not bucket.holds(now):
            return False
        bucket.take()
        # Who was not seen for the longest time goes, and comes back with a full bucket: then it is
        # the one for all that holds.
        _note(self._networks, network, bucket, MOST_NETWORKS)
        return True


class _Bucket:
    """Room for `most`, full at first, filled again at `pace` a second."""

    __slots__ = ("_at", "_left", "_most", "_pace")

    def __init__(self, most: float, pace: float, now: float) -> None:
        self._most = most
        self._pace = pace
        self._left = most
        self._at = now

    def holds(self, now: float) -> bool:
        """Fill up to `now`; whether there is one to take."""
        passed = max(now - self._at, 0.0)
        self._left = min(self._most, self._left + passed * self._pace)
        self._at = now
        return self._left >= 1

    def take(self) -> None:
        self._left -= 1


def _note(noted: OrderedDict[str, T], key: str, value: T, most: int) -> None:
    """Note `key` as the last one; of more than `most` the first goes."""
    noted[key] = value
    noted.move_to_end(key)
    if len(noted) > most:
        noted.popitem(last=False)
