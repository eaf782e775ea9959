from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.budget.places import LEDGERS, SHARED_LEDGERS, Opener, World
from tests.fleet.servers import find_engine, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    program = find_engine("valkey")
    if program is None:
        pytest.skip("valkey-server is not on this machine")
    with serving(program) as server:
        yield server.url


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> World:
    kinds = [name for name in request.fixturenames if name in {"opened", "shared", "backoffs"}]
    asked = [str(request.node.callspec.params.get(kind)) for kind in kinds]
    needs = any("valkey" in kind for kind in asked)
    return World(tmp_path, valkey=request.getfixturevalue("valkey") if needs else "")


@pytest.fixture(params=LEDGERS)
async def opened(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(request.param, world, stack)


@pytest.fixture(params=SHARED_LEDGERS)
async def shared(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(request.param, world, stack)
