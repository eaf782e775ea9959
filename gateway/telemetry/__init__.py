"""What the gateway tells its operator: log lines and numbers.

The names of lines are all in this file, those of numbers in `metrics`.
"""

from __future__ import annotations

import logging
import math
import time
import traceback
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

from gateway.telemetry import metrics as m
from gateway.telemetry.counts import Counts
from gateway.telemetry.logs import ACCESS, HOUSE, configure_logging
from gateway.telemetry.metrics import Cause
from gateway.telemetry.redaction import pseudonym
from gateway.telemetry.repeats import Repeats
from gateway.telemetry.tally import Board, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from gateway.errors import Reason
    from gateway.model import ContactId

__all__ = ["Board", "Cause", "Event", "Tally", "Telemetry", "configure_logging", "pseudonym"]

_AN_HOUR: Final = 3600.0


class Event(StrEnum):
    """Names of log lines; public, so that alerts can rely on them."""

    STARTED = "gateway.started"
    STOPPED = "gateway.stopped"
    UNGUARDED = "gateway.unguarded"
    SETTING_IGNORED = "setting.ignored"
    RUN_FAILED = "run.failed"
    STORE_FAILED = "store.failed"
    SHARING_FAILED = "sharing.failed"
    REFUSED = "upstream.refused"
    NEWCOMERS_REFUSED = "newcomers.refused"
    FLEET_FAILED = "valkey.failed"
    STORE_SWEPT = "store.swept"
    SWEEP_FAILED = "store.sweep_failed"
    BUG = "bug"
    REQUEST = "request"


class Telemetry(Counts):
    """Lines and numbers of one process; `pseudonym` turns a contact into a keyed hash for lines.

    What says the same as another line within the minute is left out, and counted in the next one
    that is written; at DEBUG it is written all the same. `degraded` says what does not work now.
    """

    def __init__(
        self,
        *,
        pseudonym: Callable[[ContactId], str],
        tally: Tally | None = None,
        deadline: float = math.inf,
    ) -> None:
        super().__init__(tally, deadline=deadline)
        self._pseudonym = pseudonym
        self._log = structlog.stdlib.get_logger(HOUSE)
        self._access = structlog.stdlib.get_logger(ACCESS)
        self._repeats = Repeats()
        self.bugs = 0
        self.store_failures = 0
        self.fleet_failures = 0
        self.swept_portraits = 0
        self.newcomers_refused = 0
        self._slowed_at = float("-inf")
        self.degraded: dict[str, str] = {}

    def run_failed(self, contact: ContactId, reason: Reason, detail: str) -> None:
        """Tell that the upstream gave no photo of `contact`, and why."""
        self.tally.add(m.FAILURES, reason)
        line = (Event.RUN_FAILED, reason, detail)
        about = {"contact": self._pseudonym(contact), "reason": str(reason), "detail": detail}
        self._say(logging.INFO, line, **about)

    def store_failed(self, detail: str) -> None:
        """Count a failure of the portrait store; told once until it works again."""
        self.store_failures += 1
        self.tally.add(m.STORE_FAILURES)
        self._fails("store", Event.STORE_FAILED, detail)

    def store_works(self) -> None:
        """Note that the portrait store does its work."""
        self._works("store")

    def fleet(self, detail: str | None) -> None:
        """Count a failure of Valkey; told once until it works again, which is None."""
        if detail is None:
            self._works("valkey")
            return
        self.fleet_failures += 1
        self.tally.add(m.VALKEY_FAILURES)
        self._fails("valkey", Event.FLEET_FAILED, detail)

    def sharing(self, part: str, detail: str | None) -> None:
        """Tell of a failure of what this machine's workers share, once until it works: None."""
        if detail is None:
            self._works(f"sharing {part}")
        else:
            self._fails(f"sharing {part}", Event.SHARING_FAILED, detail, {"part": part})

    def refused(self, detail: str) -> None:
        """Raise the alarm: the API does not take the credentials, and only the operator can help.

        Told once a minute at most, whatever it says.
        """
        self.tally.add(m.REFUSED)
        self._say(logging.ERROR, (Event.REFUSED,), detail=detail)

    def newcomer_refused(self) -> None:
        """Count somebody who was not looked up, because strangers ask about too many.

        Told once an hour at most: it may be the operator's own proxy.
        """
        self.newcomers_refused += 1
        self.tally.add(m.NEWCOMERS)
        now = time.monotonic()
        if now >= self._slowed_at + _AN_HOUR:
            self._slowed_at = now
            why = (
                "strangers ask about more new contacts than they may: set GATEWAY_SIGNING_KEYS, "
                "or GATEWAY_TRUSTED_PROXIES if they all come through a proxy"
            )
            self._log.warning(Event.NEWCOMERS_REFUSED, why=why)

    def swept(self, removed: int) -> None:
        """Count what went because nobody vouched for it any more."""
        self._works("retention")
        self.swept_portraits += removed
        if removed:
            self._log.info(Event.STORE_SWEPT, removed=removed)

    def sweep_failed(self, detail: str) -> None:
        """Tell that portraits may be kept for longer than they should be."""
        self._fails("retention", Event.SWEEP_FAILED, detail)

    def bug(self, error: BaseException) -> None:
        """Count and tell a fault of our own, with its traceback."""
        self.bugs += 1
        self.tally.add(m.BUGS)
        self._say(
            logging.ERROR, (Event.BUG, type(error).__name__, _place_of(error)), exc_info=error
        )

    def requested(self, contact: ContactId | None, **facts: object) -> None:
        """Tell of a request in a line of its own; what is None is not told."""
        about = {} if contact is None else {"contact": self._pseudonym(contact)}
        told = {name: fact for name, fact in facts.items() if fact is not None}
        self._access.info(Event.REQUEST, **about, **told)

    def setting_ignored(self, names: str, why: str) -> None:
        """Warn of settings that were given and do nothing."""
        self._log.warning(Event.SETTING_IGNORED, names=names, why=why)

    def unguarded(self, host: str) -> None:
        """Warn that whoever reaches `host` may ask for any number."""
        why = "anybody who reaches this host may ask for any number: set GATEWAY_SIGNING_KEYS"
        self._log.warning(Event.UNGUARDED, host=host, why=why)

    def started(self, version: str) -> None:
        """Tell that this process serves."""
        self.serving(yes=True)
        self._log.info(Event.STARTED, version=version)

    def stopped(self) -> None:
        """Tell that this process has closed everything."""
        self.serving(yes=False)
        self._log.info(Event.STOPPED)

    def _fails(
        self, part: str, event: Event, detail: str, more: Mapping[str, str] | None = None
    ) -> None:
        told, self.degraded[part] = part in self.degraded, detail
        self.tally.set(m.DEGRADED, part, to=1.0)
        if not told:
            self._say(logging.WARNING, (event, part, detail), **(more or {}), detail=detail)

    def _works(self, part: str) -> None:
        if self.degraded.pop(part, None) is not None:
            self.tally.set(m.DEGRADED, part, to=0.0)

    def _say(self, level: int, line: tuple[Event, *tuple[Hashable, ...]], **facts: object) -> None:
        """Write a line that may be one of many: all that is in `line` makes them the same."""
        left_out = self._repeats.left_out(line)
        if left_out is None:
            level, left_out = logging.DEBUG, 0
        if left_out:
            facts["left_out"] = left_out
        self._log.log(level, line[0], **facts)


def _place_of(error: BaseException) -> tuple[str, int | None] | None:
    """Where `error` was raised: the file and the line."""
    frames = traceback.extract_tb(error.__traceback__)
    return (frames[-1].filename, frames[-1].lineno) if frames else None
