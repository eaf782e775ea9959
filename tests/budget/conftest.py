from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.budget.places import LEDGERS, SHARED_LEDGERS, Opener, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(params=LEDGERS)
async def opened(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(request.param, world, stack)


@pytest.fixture(params=SHARED_LEDGERS)
async def shared(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(request.param, world, stack)
