"""A server of each kind for all tests of a process, and servers to break for those that do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleet.servers import ENGINES, Server, Told, find_engine, joined, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.fleet import Fleet


@pytest.fixture(scope="session", params=ENGINES)
def program(request: pytest.FixtureRequest) -> str:
    found = find_engine(request.param)
    if found is None:
        pytest.skip(f"{request.param}-server is not on this machine")
    return found


@pytest.fixture(scope="session")
def shared_server(program: str) -> Iterator[Server]:
    with serving(program) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Server:
    """An empty server that works."""
    with shared_server.admin() as admin:
        admin.flushall()
    return shared_server


@pytest.fixture
def own_server(program: str) -> Iterator[Server]:
    """A server to break."""
    with serving(program) as server:
        yield server


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def fleet(server: Server, told: Told) -> AsyncIterator[Fleet]:
    async with joined(server.url, told=told) as fleet:
        yield fleet
