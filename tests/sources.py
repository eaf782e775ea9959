"""Source distributions of the libraries we use, for the test material that only they hold."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

_CACHE: Final = Path(sys.prefix) / ".sources"
_PATIENCE: Final = 300


def unpacked(distribution: str) -> Path:
    """Return the unpacked source of the installed version of `distribution`.

    Fetched by pip when first asked for, and kept. The test is skipped if it cannot be had.
    """
    name = f"{distribution}-{metadata.version(distribution)}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not (_CACHE / name).is_dir():
            _fetch(name)
            with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
                with tarfile.open(_CACHE / f"{name}.tar.gz") as archive:
                    archive.extractall(folder, filter="data")
                (Path(folder) / name).rename(_CACHE / name)
    return _CACHE / name


def _fetch(name: str) -> None:
    if (_CACHE / f"{name}.tar.gz").exists():
        return
    distribution, _, version = name.rpartition("-")
    fetched = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--no-binary", distribution, "--dest", str(_CACHE), f"{distribution}=={version}"),
        ],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if fetched.returncode:
        pytest.skip(f"the source of {distribution} cannot be had: {fetched.stderr[-200:]}")
