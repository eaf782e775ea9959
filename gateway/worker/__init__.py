"""The worker: gunicorn's asgi worker, made to hold out against who is slow, many or malformed.

Read `process` for the life of a worker, `protocol` for that of a connection, `connections` for
who may stay how long. Nothing of gunicorn is imported here: `internals` first tells whether it is
still what the worker was written for.
"""

from gateway.worker.descriptors import forbid_core_dumps, raise_limit
from gateway.worker.internals import changes

__all__ = ["WORKER", "changes", "forbid_core_dumps", "raise_limit"]

WORKER = "gateway.worker.process.Worker"
"""The worker class, as gunicorn takes it."""
