"""Source distributions of the libraries we use, for the test material that only they hold."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

_CACHE: Final = Path(sys.prefix) / ".sources"
_PATIENCE: Final = 300


def files(distribution: str, inside: str) -> dict[str, bytes]:
    """Return the files below the folder `inside` of the installed version's source, by name.

    Fetched by pip when first asked for, and kept. The test is skipped if it cannot be had.
    """
    version = metadata.version(distribution)
    archive = _CACHE / f"{distribution}-{version}.tar.gz"
    if not archive.exists():
        fetched = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--no-binary", ":all:", "--dest", str(_CACHE), f"{distribution}=={version}"),
            ],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if fetched.returncode:
            pytest.skip(f"the source of {distribution} cannot be had: {fetched.stderr[-200:]}")
    found = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            _, _, name = member.name.partition(f"/{inside}/")
            content = opened.extractfile(member) if name else None
            if content is not None:
                found[name] = content.read()
    return found
