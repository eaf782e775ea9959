"""Where the files lie that the pictures are drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent.parent


def static_path(name: str) -> Path:
    """The file `name` (a relative path with slashes) of the static files.

    They lie inside the package when installed, beside it in a checkout. Raises
    `FileNotFoundError` if neither place has it.
    """
    for root in (_PACKAGE / "static", _PACKAGE.parent / "static"):
        if (path := root / name).is_file():
            return path
    message = f"the static file {name} is missing"
    raise FileNotFoundError(message)
