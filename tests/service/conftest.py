from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.telemetry import configure_logging
from tests.fakes import logging_restored

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Write no lines unless a test wants them: painting a bug's traceback takes a second."""
    with logging_restored():
        configure_logging(level="critical", as_json=False)
        yield
