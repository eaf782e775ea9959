"""Which worker process of a gateway holds which connection, as the kernel tells."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.processes import Running

_ESTABLISHED: Final = "01"


def workers(served: Running) -> set[int]:
    """The worker processes that there are now."""
    master = served.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    return {int(pid) for pid in children.split()}


def holders(served: Running) -> dict[int, int]:
    """The worker that has taken the connection from each port of a client, by that port."""
    owners = {inode: pid for pid in workers(served) for inode in _sockets(pid)}
    own = urlsplit(served.url).port
    found: dict[int, int] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        here, there = (int(end.rpartition(":")[2], 16) for end in fields[1:3])
        if here == own and fields[3] == _ESTABLISHED and fields[9] in owners:
            found[there] = owners[fields[9]]
    return found


@contextmanager
def only(served: Running, worker: int) -> Iterator[None]:
    """Let no other worker take connections meanwhile: they stand still."""
    others = workers(served) - {worker}
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def memory(pid: int, what: str = "VmRSS") -> int:
    """Bytes that are in memory now (``VmRSS``), or were at most (``VmHWM``)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))


def _sockets(pid: int) -> set[str]:
    """The inodes of the sockets that a process has open."""
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            kind, _, inode = str(each.readlink()).partition(":[")
            if kind == "socket":
                found.add(inode.rstrip("]"))
    return found
