"""How many connections a process may hold, by what it may have open."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import ROOT

SCRIPT = (
    "from gateway.worker import forbid_core_dumps, raise_limit;"
    "from gateway.worker.descriptors import connections;"
    "import resource as r;"
    "raise_limit(); forbid_core_dumps();"
    "print(connections(), r.getrlimit(r.RLIMIT_NOFILE)[0], r.getrlimit(r.RLIMIT_CORE)[0])"
)


@pytest.mark.parametrize(
    ("limits", "connections", "open_files"),
    [
        ("ulimit -n 200", 134, 200),
        ("ulimit -n 1024", 896, 1024),
        ("ulimit -n 8192; ulimit -Sn 1024", 4096, 4224),
        ("ulimit -n 8192; ulimit -Sn 8000", 4096, 8000),
    ],
)
def test_connections_leave_room_for_all_else(
    limits: str, connections: int, open_files: int
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'{limits}; exec "$0" -c "$1"', sys.executable, SCRIPT],  # noqa: S607 - a shell for its ulimit
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(connections), str(open_files), "0"]
