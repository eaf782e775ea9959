"""The contacts that a playground offers, as a file between the demo and its gateway."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from gateway.errors import InvalidSettings
from gateway.web import Example

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write(path: Path, examples: Sequence[Example]) -> None:
    """Write `examples` as JSON."""
    path.write_text(json.dumps([asdict(each) for each in examples]), encoding="utf-8")


def read(path: Path) -> tuple[Example, ...]:
    """Read what `write` wrote; raises `InvalidSettings`."""
    try:
        return tuple(Example(**each) for each in json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise InvalidSettings("--examples takes a file that the demo has written") from None
