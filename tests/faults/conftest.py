from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleet.servers import ENGINES, find_engine

if TYPE_CHECKING:
    from pathlib import Path

# What the stage asserts is told as fully as what a test does.
pytest.register_assert_rewrite("tests.faults.stage")


@pytest.fixture(autouse=True)
def _runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test find what another one's workers shared, in a time that never was."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture(scope="session", params=ENGINES)
def program(request: pytest.FixtureRequest) -> str:
    found = find_engine(request.param)
    if found is None:
        pytest.skip(f"{request.param}-server is not on this machine")
    return found
