"""The process above the workers: gunicorn's arbiter, which replaces them one generation late."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from gunicorn.arbiter import Arbiter as GunicornArbiter

if TYPE_CHECKING:
    from gunicorn.workers.base import Worker

POLL: Final = 0.02


class Arbiter(GunicornArbiter):  # type: ignore[misc]
    """On HUP the old workers go when the new ones serve, so that nobody waits for a start."""

    def manage_workers(self) -> None:
        """Wait for workers that are starting before others are sent away for them."""
        limit = time.monotonic() + float(self.cfg.graceful_timeout)
        while len(self.WORKERS) > self.num_workers and time.monotonic() < limit:
            if not any(map(_is_starting, self.WORKERS.values())):
                break
            self.reap_workers()
            time.sleep(POLL)
        super().manage_workers()


def _is_starting(worker: Worker) -> bool:
    """Whether `worker` does not serve yet.

    Until its first heartbeat the file of a worker shows when it was made, in Unix seconds;
    heartbeats are in seconds since the machine started.
    """
    heartbeat: float = worker.tmp.last_update()
    return heartbeat > time.monotonic()
