"""What the gateway tells its operator: log lines and counts, their names all in this file."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

from gateway.telemetry.redaction import Redacting

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

    from gateway.errors import Reason
    from gateway.model import ContactId

# These print URLs, and so tokens, at INFO and DEBUG.
_TALKATIVE: Final = ("httpx", "httpcore", "PIL")
_A_MINUTE: Final = 60.0
_AN_HOUR: Final = 3600.0
_SERVER: Final = "gunicorn.error"


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


class Telemetry:
    """Counts and lines of one process; `pseudonym` turns a contact into a keyed hash for logs."""

    def __init__(self, *, pseudonym: Callable[[ContactId], str]) -> None:
        self._pseudonym = pseudonym
        self._log = structlog.stdlib.get_logger("gateway")
        self.answers: Counter[tuple[int, str]] = Counter()
        self.bugs = 0
        self.store_failures = 0
        self.fleet_failures = 0
        self.swept_portraits = 0
        self.newcomers_refused = 0
        self._refused_at = float("-inf")
        self._slowed_at = float("-inf")
        self.degraded: dict[str, str] = {}

    def answered(self, status: int, reason: Reason | None, *, times: int = 1) -> None:
        """Count answers by status and reason (``photo`` where there is one)."""
        if times:
            self.answers[status, reason or "photo"] += times

    def run_failed(self, contact: ContactId, reason: Reason, detail: str) -> None:
        """Tell that the upstream gave no photo of `contact`, and why."""
        self._log.info(
            Event.RUN_FAILED, contact=self._pseudonym(contact), reason=str(reason), detail=detail
        )

    def store_failed(self, detail: str) -> None:
        """Count a failure of the portrait store; told once until it works again."""
        self.store_failures += 1
        if "store" not in self.degraded:
            self._log.warning(Event.STORE_FAILED, detail=detail)
        self.degraded["store"] = detail

    def store_works(self) -> None:
        """Note that the portrait store does its work."""
        self.degraded.pop("store", None)

    def fleet(self, detail: str | None) -> None:
        """Count a failure of Valkey; told once until it works again, which is None."""
        if detail is None:
            self.degraded.pop("valkey", None)
            return
        self.fleet_failures += 1
        if "valkey" not in self.degraded:
            self._log.warning(Event.FLEET_FAILED, detail=detail)
        self.degraded["valkey"] = detail

    def sharing(self, part: str, detail: str | None) -> None:
        """Tell of a failure of what this machine's workers share, once until it works: None."""
        name = f"sharing {part}"
        if detail is None:
            self.degraded.pop(name, None)
            return
        if name not in self.degraded:
            self._log.warning(Event.SHARING_FAILED, part=part, detail=detail)
        self.degraded[name] = detail

    def refused(self, detail: str) -> None:
        """Raise the alarm: the API does not take the credentials, and only the operator can help.

        Told once a minute at most.
        """
        now = time.monotonic()
        if now >= self._refused_at + _A_MINUTE:
            self._refused_at = now
            self._log.error(Event.REFUSED, detail=detail)

    def newcomer_refused(self) -> None:
        """Count somebody who was not looked up, because strangers ask about too many.

        Told once an hour at most: it may be the operator's own proxy.
        """
        self.newcomers_refused += 1
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
        self.degraded.pop("retention", None)
        self.swept_portraits += removed
        if removed:
            self._log.info(Event.STORE_SWEPT, removed=removed)

    def sweep_failed(self, detail: str) -> None:
        """Tell that portraits may be kept for longer than they should be."""
        self._log.warning(Event.SWEEP_FAILED, detail=detail)
        self.degraded["retention"] = detail

    def bug(self, error: BaseException) -> None:
        """Count and tell a fault of our own, with its traceback."""
        self.bugs += 1
        self._log.error(Event.BUG, exc_info=error)

    def setting_ignored(self, names: str, why: str) -> None:
        """Warn of settings that were given and do nothing."""
        self._log.warning(Event.SETTING_IGNORED, names=names, why=why)

    def unguarded(self, host: str) -> None:
        """Warn that whoever reaches `host` may ask for any number."""
        why = "anybody who reaches this host may ask for any number: set GATEWAY_SIGNING_KEYS"
        self._log.warning(Event.UNGUARDED, host=host, why=why)

    def started(self, version: str) -> None:
        """Tell that this process serves."""
        self._log.info(Event.STARTED, version=version)

    def stopped(self) -> None:
        """Tell that this process has closed everything."""
        self._log.info(Event.STOPPED)


def configure_logging(*, level: str, as_json: bool, secrets: Sequence[str] = ()) -> None:
    """Write lines of at least `level` to standard error, for people or as JSON.

    None of them shows `secrets`, and neither does a line of the server, if it has been set up.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if as_json else _keep,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler()
    lines = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler.setFormatter(Redacting(lines, secrets))
    for other in logging.getLogger(_SERVER).handlers:
        other.setFormatter(Redacting(other.formatter or logging.Formatter(), secrets))
    root = logging.getLogger("gateway")
    root.handlers[:] = [handler]
    root.propagate = False
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _keep(
    _logger: object, _name: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Leave an exception to the renderer for people."""
    return event
