"""A real sandbox for those that start a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.processes import Running


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with processes.sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started
