"""The server: gunicorn, configured, with our worker."""

from __future__ import annotations

import gc
import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from gateway import app, worker
from gateway.errors import InvalidSettings
from gateway.telemetry import Board, Tally, Telemetry
from gateway.telemetry.metrics import WORKERS_LOST
from gateway.worker.arbiter import Arbiter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.settings import Settings
    from gateway.web import Example


KEEPALIVE: Final = 5
"""Seconds an idle connection stays open; our worker has its own limits."""

MAX_REQUEST_LINE: Final = 8190
"""Bytes; gunicorn's most. A contact id of 4 KB is still to be refused with a face."""

MAX_FIELDS: Final = 64
"""Fields of a request; browsers send about twenty."""

MAX_FIELD: Final = 8190
"""Bytes of one field."""

LIFE: Final = 900_000
"""Requests after which a worker is replaced, and up to `LIFE_SPREAD` more."""

LIFE_SPREAD: Final = 200_000

GRACE: Final = 20
"""Seconds that requests in flight have when a worker stops: more than any of them takes."""

MOST_WORKERS: Final = 16
"""Generations of workers that are counted at once; each reload makes one, and old ones linger."""

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat file, no data


class Lines(Logger):  # type: ignore[misc]
    """gunicorn's logger, whose lines are written as ours are."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - gunicorn has no types
        """Leave the handlers to `app.start_logging`, which has been called."""
        handlers = self.error_log.handlers[:]
        super().setup(cfg)
        self.error_log.handlers[:] = handlers or self.error_log.handlers


class Server(BaseApplication):  # type: ignore[misc]
    """One gunicorn. `load` reads the settings, at the start and again on every HUP."""

    def __init__(
        self,
        load: Callable[[], Settings],
        *,
        host: str,
        port: int,
        workers: int,
        examples: Sequence[Example] = (),
    ) -> None:
        self._load = load
        self._examples = examples
        self._settings = load()
        app.check(self._settings)
        self._host = host
        self._bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._workers = workers
        self._board = Board(1 + MOST_WORKERS * workers)
        self._own = Tally(self._board)
        self._row: int | None = None
        self._changed = worker.changes()
        super().__init__()

    def run(self) -> None:
        """Run until a signal ends it; ends the process."""
        app.start_logging(self._settings)
        # Set aside before the workers come of it: looking for garbage would copy what they share.
        gc.collect()
        gc.freeze()
        if self._changed:
            super().run()
        else:
            Arbiter(self).run()

    def load_config(self) -> None:
        """Hand gunicorn our configuration; nothing is read from a file or a command line."""
        for name, value in self._configuration().items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Read the settings again. Wrong ones are told in one line and the old ones stay."""
        try:
            settings = self._load()
            app.check(settings)
        except InvalidSettings as error:
            logging.getLogger("gunicorn.error").error("Settings kept as they were: %s", error)  # noqa: TRY400 - one line
        else:
            self._settings = settings
            app.start_logging(settings)
            self._warn_of_strangers()
        super().reload()

    def load(self) -> object:
        """Build the application; gunicorn calls this in each worker, after the fork."""
        tally = Tally() if self._row is None else Tally(self._board, self._row)
        return app.create_app(
            self._settings, workers=self._workers, examples=self._examples, tally=tally
        )

    def _configuration(self) -> Mapping[str, Any]:
        return {
            "bind": self._bind,
            "workers": self._workers,
            "worker_class": "asgi" if self._changed else worker.WORKER,
            "on_starting": self._warn,
            "pre_fork": self._give_row,
            "child_exit": self._take_row,
            "logger_class": Lines,
            "asgi_loop": "auto",
            "asgi_lifespan": "on",
            "keepalive": KEEPALIVE,
            "graceful_timeout": GRACE,
            "max_requests": LIFE,
            "max_requests_jitter": LIFE_SPREAD,
            "limit_request_line": MAX_REQUEST_LINE,
            "limit_request_fields": MAX_FIELDS,
            "limit_request_field_size": MAX_FIELD,
            "http_parser": "python",
            # No X-Forwarded header changes anything, whoever sends it.
            "forwarded_allow_ips": "",
            "accesslog": None,
            "loglevel": str(self._settings.log_level),
            # gunicorn's own hook writes the path, and so the phone number, at DEBUG.
            "pre_request": _say_nothing,
            "control_socket_disable": True,
            "proc_name": "avatar-gateway",
            "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        }

    def _warn(self, arbiter: Any) -> None:  # noqa: ANN401 - gunicorn has no types
        """Say once, and not in each worker, what an operator should know."""
        self._warn_of_strangers()
        if self._changed:
            arbiter.log.warning(
                "This gunicorn is not the one our worker was made for, so its own serves, "
                "without our limits. Changed: %s",
                ", ".join(self._changed),
            )

    def _warn_of_strangers(self) -> None:
        if self._settings.unguarded_on(self._host):
            Telemetry(pseudonym=str).unguarded(self._host)

    def _give_row(self, arbiter: Any, worker: Any) -> None:  # noqa: ANN401 - as above
        """Give a worker that is about to start the numbers it counts in."""
        self._row = worker.row = self._board.take()
        if self._row is None:
            arbiter.log.warning("So many workers linger that the next one is not counted")

    def _take_row(self, _arbiter: object, worker: Any) -> None:  # noqa: ANN401 - as above
        """Take back what a worker that has ended was counted in; its counts stay."""
        if worker.row is not None and self._board.give_back(worker.row):
            self._own.add(WORKERS_LOST)


def _say_nothing(_worker: object, _request: object) -> None:
    pass


def serve(
    load: Callable[[], Settings],
    *,
    host: str,
    port: int,
    workers: int,
    examples: Sequence[Example] = (),
) -> None:
    """Serve until TERM or INT; ends the process. Raises `InvalidSettings` before it starts.

    `load` is called again on HUP, which replaces every worker. `examples` are what the playground
    offers.
    """
    require_free(host, port)
    # Portraits are for this user alone: files 0600, folders 0700.
    os.umask(0o077)
    worker.forbid_core_dumps()
    worker.raise_limit()
    Server(load, host=host, port=port, workers=workers, examples=examples).run()


def require_free(host: str, port: int) -> None:
    """Raise `InvalidSettings` unless `port` can be bound on `host`."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise InvalidSettings(f"--host {host} is not an address of this machine") from None
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            raise InvalidSettings(f"--port {port} needs more rights than this user has") from None
        except OverflowError:
            raise InvalidSettings(f"--port {port} is not a port") from None
        except OSError:
            raise InvalidSettings(f"--port {port} on {host} is taken or cannot be used") from None
