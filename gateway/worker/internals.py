"""What the worker relies on in gunicorn, and whether it is still so.

Everything here is private to gunicorn, which may change it in any release. What the worker
overrides or calls is pinned by its signature; what it replaces or is entangled with, by its text.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import itertools
import linecache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SIGNATURES: Final[Mapping[str, str]] = {
    "gunicorn.asgi.protocol:ASGIProtocol.__init__": "(self, worker)",
    "gunicorn.asgi.protocol:ASGIProtocol.data_received": "(self, data)",
    "gunicorn.asgi.protocol:ASGIProtocol.pause_writing": "(self)",
    "gunicorn.asgi.protocol:ASGIProtocol._on_body": "(self, chunk)",
    "gunicorn.asgi.protocol:ASGIProtocol._on_message_complete": "(self)",
    "gunicorn.asgi.protocol:ASGIProtocol._send_error_response": (
        "(self, status, message, extra_headers=())"
    ),
    "gunicorn.asgi.protocol:ASGIProtocol._send_response_start": (
        "(self, status, headers, request, close=False)"
    ),
    "gunicorn.asgi.protocol:ASGIProtocol._is_websocket_upgrade": "(self, request)",
    "gunicorn.asgi.protocol:ASGIProtocol._arm_keepalive_timer": "(self)",
    "gunicorn.asgi.protocol:ASGIProtocol._cancel_keepalive_timer": "(self)",
    "gunicorn.asgi.protocol:ASGIProtocol._resume_reading": "(self)",
    "gunicorn.asgi.protocol:ASGIProtocol._safe_write": "(self, data)",
    "gunicorn.asgi.parser:PythonProtocol.remaining": "(self)",
    "gunicorn.workers.gasgi:ASGIWorker.__init__": "(self, *args, **kwargs)",
    "gunicorn.workers.gasgi:ASGIWorker.handle_exit_signal": "(self)",
    "gunicorn.workers.gasgi:ASGIWorker.handle_quit_signal": "(self)",
    "gunicorn.workers.base:Worker.notify": "(self)",
    "gunicorn.asgi.lifespan:LifespanManager.startup": "(self)",
    "gunicorn.asgi.lifespan:LifespanManager.shutdown": "(self)",
    "gunicorn.asgi.lifespan:LifespanManager.__init__": "(self, app, logger, state=None)",
    "gunicorn.arbiter:Arbiter.reap_workers": "(self)",
}

TEXTS: Final[Mapping[str, str]] = {
    "gunicorn.asgi.protocol:ASGIProtocol.connection_made": "90e41ef09f83d833",
    "gunicorn.asgi.protocol:ASGIProtocol.connection_lost": "4e7f417738b05394",
    "gunicorn.asgi.protocol:ASGIProtocol._on_headers_complete": "1d1aac528da49822",
    "gunicorn.asgi.protocol:ASGIProtocol._feed_callback_parser": "90db2b27f5f559ac",
    "gunicorn.asgi.protocol:ASGIProtocol._handle_connection": "758872a71a48aca3",
    "gunicorn.asgi.protocol:ASGIProtocol._serve_http_request": "ddea71277ee77592",
    "gunicorn.asgi.protocol:ASGIProtocol._finishing_call_done": "39a20b9d5e361073",
    "gunicorn.asgi.protocol:ASGIProtocol._handle_http_request": "ee7019b888090489",
    "gunicorn.asgi.protocol:ASGIProtocol._will_close": "e6ed8ed415d0897c",
    "gunicorn.asgi.protocol:ASGIProtocol._close_transport": "c489c93a395cfc7b",
    "gunicorn.asgi.protocol:FlowControl.pause_writing": "94732d20e5119f0a",
    "gunicorn.asgi.protocol:FlowControl.resume_writing": "05fc14636422fbbe",
    "gunicorn.asgi.parser:PythonProtocol.feed": "3fac1cf20b865779",
    "gunicorn.asgi.parser:PythonProtocol.reset": "8bb6c640b2c0d071",
    "gunicorn.asgi.parser:PythonProtocol._find_line": "ebbf6a2c5457c113",
    "gunicorn.asgi.parser:PythonProtocol._parse_request_line": "b666a7820a80d748",
    "gunicorn.asgi.parser:PythonProtocol._parse_headers": "e7284ecdc8de2f3e",
    "gunicorn.asgi.parser:PythonProtocol._finalize_headers": "684665bda48cac12",
    "gunicorn.asgi.parser:PythonProtocol._parse_chunked_body": "97906fd043815772",
    "gunicorn.workers.gasgi:ASGIWorker.init_signals": "1d0466c597ccb3b9",
    "gunicorn.workers.gasgi:ASGIWorker.run": "39c170e48908c2ea",
    "gunicorn.workers.gasgi:ASGIWorker._serve": "2a45ebaecad95369",
    "gunicorn.workers.gasgi:ASGIWorker._shutdown": "b6fdc23efd4a4709",
    "gunicorn.workers.gasgi:ASGIWorker._cleanup": "3ae5d1c2e5c90675",
    "gunicorn.arbiter:Arbiter.reload": "77f9e7ee89a2cd1c",
    "gunicorn.arbiter:Arbiter.manage_workers": "de0e6b4df6e4d6d5",
    "gunicorn.workers.workertmp:WorkerTmp.notify": "b01c150701847cab",
}


def changes(
    signatures: Mapping[str, str] = SIGNATURES,
    texts: Mapping[str, str] = TEXTS,
    *,
    load: Callable[[str], object] = importlib.import_module,
) -> list[str]:
    """Return the names (``module:dotted.name``) of what is gone or has changed; `load` imports."""
    changed = [
        name
        for name, expected in signatures.items()
        if _attempt(_signature, name, load) != expected
    ]
    changed += [
        name for name, expected in texts.items() if _attempt(_fingerprint, name, load) != expected
    ]
    return changed


def _attempt(
    describe: Callable[[object], str], name: str, load: Callable[[str], object]
) -> str | None:
    module, _, path = name.partition(":")
    try:
        found = load(module)
        for part in path.split("."):
            found = getattr(found, part)
        return describe(found)
    except (ImportError, AttributeError, TypeError, ValueError, IndexError):
        return None


def _signature(found: object) -> str:
    if not callable(found):
        raise TypeError
    return str(inspect.signature(found))


def _fingerprint(found: object) -> str:
    """Hash the text of a function, without comments and indentation."""
    if not inspect.isfunction(found):
        raise TypeError
    begin = found.__code__.co_firstlineno - 1
    lines = linecache.getlines(found.__code__.co_filename)[begin:]
    margin = _indent(lines[0])
    body = itertools.takewhile(
        lambda line: not line.strip() or _indent(line) > margin or line.strip()[0] in ")]}",
        lines[1:],
    )
    stripped = map(str.strip, [lines[0], *body])
    kept = "\n".join(line for line in stripped if line and not line.startswith("#"))
    return hashlib.sha256(kept.encode()).hexdigest()[:16]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
