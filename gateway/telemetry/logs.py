"""How lines are written: one stream for the house and the server, for people or as JSON."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

import structlog

from gateway.telemetry.redaction import Redacting

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

HOUSE: Final = "gateway"
ACCESS: Final = "gateway.access"
SERVER: Final = "gunicorn.error"
"""Loggers: what the house says, of each request if that is wanted, and what the server says."""

SERVER_EVENT: Final = "server"
"""The event of the server's own lines, whose text is the detail."""

# These print URLs, and so tokens, at INFO and DEBUG.
_TALKATIVE: Final = ("httpx", "httpcore", "PIL")


def configure_logging(*, level: str, as_json: bool, secrets: Sequence[str] = ()) -> None:
    """Write lines of at least `level` to standard error, for people or as JSON.

    None of them shows `secrets`, and neither does a line of the server, which come out the same.
    Lines about requests are written whatever the level: who wants none does not ask for them.
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
        foreign_pre_chain=[*shared, _name_server],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler.setFormatter(Redacting(lines, secrets))
    for name in (HOUSE, SERVER):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(level.upper())
    logging.getLogger(ACCESS).setLevel(logging.INFO)
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


def _name_server(
    _logger: object, _name: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Give a line of the server a name that machines can look for."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and record.name == SERVER:
        event["detail"], event["event"] = event["event"], SERVER_EVENT
    return event
