"""What this process may open, and how much of it is for connections."""

from __future__ import annotations

import resource
from typing import Final

MOST_CONNECTIONS: Final = 4096
"""Connections of one worker, however many descriptors it may have."""

RESERVED: Final = 128
"""Descriptors kept for files, the store and the upstream, if there are enough for that."""


def raise_limit() -> None:
    """Take as many descriptors as one worker can use, if the hard limit grants them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + RESERVED
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections() -> int:
    """Return how many connections this process may hold and still open all else it needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, soft - min(RESERVED, soft // 3)))


def forbid_core_dumps() -> None:
    """Leave no copy of the memory, and so of the token, on disk if a process dies."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
