"""What a worker loads before it serves: as little as its start and its memory need."""

from __future__ import annotations

import subprocess
import sys

import pytest

SEEN = "import sys, gateway.server; print(*sorted({name.split('.')[0] for name in sys.modules}))"


@pytest.mark.parametrize("package", ["PIL", "cryptography", "redis", "fontTools", "numpy"])
def test_what_few_workers_need_is_loaded_by_them_alone(package: str) -> None:
    seen = subprocess.run(
        [sys.executable, "-c", SEEN], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"gateway", "gunicorn", "starlette", "httpx", "cachetools"} <= set(seen)
    assert package not in seen
