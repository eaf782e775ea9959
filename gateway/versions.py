"""The libraries that must not be too old: below these, what came in from outside could do harm."""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING, Final

from gateway.errors import InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST: Final = {"pillow": (13, 0), "starlette": (1, 10), "gunicorn": (27, 0)}
"""Distribution → oldest version (major, minor) without known holes in what we use of it."""


def require(installed: Callable[[str], str] = metadata.version) -> None:
    """Raise `InvalidSettings` if a library is older than `OLDEST` or its version is no number."""
    for name, oldest in OLDEST.items():
        version = installed(name)
        match = re.match(r"([0-9]+)\.([0-9]+)", version)
        if match is None or (int(match[1]), int(match[2])) < oldest:
            wanted = ".".join(map(str, oldest))
            raise InvalidSettings(f"{name} {version} is installed; {wanted} or newer is needed")
