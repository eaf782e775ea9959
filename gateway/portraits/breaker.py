"""Leave a broken store alone for a while, so that it does not cost every viewer its time-out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.errors import StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Breaker:
    """Opens for `pause` seconds after `limit` failures in a row; then one call probes the store.

    `clock` gives seconds that never jump.
    """

    def __init__(
        self,
        *,
        limit: int = 3,
        pause: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._why = ""
        self._probing = False

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Make one call to the store; raises `StoreFailed` at once while the breaker is open.

        A call that ends in `StoreFailed` failed, one that is cancelled says nothing.
        """
        probe = self._enter()
        try:
            yield
        except StoreFailed as failure:
            self._failures += 1
            self._until = self._clock() + self._pause
            self._why = str(failure)
            raise
        else:
            self._failures = 0
        finally:
            if probe:
                self._probing = False

    def close(self) -> None:
        """Forget the failures."""
        self._failures = 0

    def _enter(self) -> bool:
        """Whether the call that may begin is a probe."""
        if self._failures < self._limit:
            return False
        if self._probing or self._clock() < self._until:
            raise StoreFailed(self._why)
        self._probing = True
        return True
