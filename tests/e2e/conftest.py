"""A real sandbox and a real gateway with two workers for each test process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests import processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.processes import Control, Running


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with processes.sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture(scope="session")
def served(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway of two workers that all tests share: each asks for contacts of its own."""
    folder = tmp_path_factory.mktemp("gateway")
    settings = processes.settings_for(upstream.url, folder / "store", GATEWAY_LOG_LEVEL="debug")
    with processes.gateway(folder, settings) as started:
        yield started


@pytest.fixture(scope="session")
def control(upstream: Running) -> Control:
    return processes.Control(upstream.url)


@pytest.fixture
def client(served: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=30) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
