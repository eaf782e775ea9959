"""Where viewers wait for what is not known yet: until a deadline, and not too many at a time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from gateway.errors import Busy, Reason, TimedOut
from gateway.findings import Finding, passing
from gateway.model import Path
from gateway.singleflight import within

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from gateway.inquiry import Inquiry
    from gateway.model import ContactId

T = TypeVar("T")

MAX_VIEWERS: Final = 2048
"""Viewers who may wait at a time; one more is answered at once, as busy."""


class Lookout:
    """Has `inquiry` find out, and waits `deadline` seconds; at most `viewers` wait at a time.

    `clock` gives Unix seconds.
    """

    def __init__(
        self,
        inquiry: Inquiry,
        *,
        deadline: float,
        viewers: int = MAX_VIEWERS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._inquiry = inquiry
        self._deadline = deadline
        self._room = viewers
        self._clock = clock

    def until(self) -> float:
        """Return the `time.monotonic` by which whoever comes now must have an answer."""
        return time.monotonic() + self._deadline

    async def find(
        self, contact: ContactId, side: int, until: float, *, network: str | None = None
    ) -> tuple[Finding, Path]:
        """Find out how `contact` stands; what is not known by `until` is a fallback that passes."""
        joined = False
        try:
            with self._seated():
                task, joined = self._inquiry.find(contact, side, network)
                finding = await within(task, until - time.monotonic())
        except Busy:
            return self._unknown(Reason.BUSY), Path.MISS
        except TimeoutError:
            late = self._inquiry.waits_for_budget(contact)
            return self._unknown(Reason.BUDGET if late else TimedOut.reason), _path(joined=joined)
        return finding, _path(joined=joined) if finding.asked else Path.HIT

    async def wait(self, task: asyncio.Task[T], until: float) -> T:
        """Wait for `task` and leave it alone; raises `Busy`, `TimedOut` or what it raises."""
        with self._seated():
            try:
                return await within(task, until - time.monotonic())
            except TimeoutError:
                raise TimedOut("the picture was not made in time") from None
            finally:
                del task  # as in `within`

    @contextmanager
    def _seated(self) -> Iterator[None]:
        """Take one of the seats for those who wait; raises `Busy` if there is none."""
        if not self._room:
            raise Busy("too many viewers wait")
        self._room -= 1
        try:
            yield
        finally:
            self._room += 1

    def _unknown(self, reason: Reason) -> Finding:
        return Finding(passing(reason, self._clock()), asked=True)


def _path(*, joined: bool) -> Path:
    return Path.COLLAPSED if joined else Path.MISS
