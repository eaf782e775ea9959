"""Three proofs that take ten minutes by themselves, and go on behind the others."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.e2e.dashboard import WORKERS, Dashboard, asked_at
from tests.e2e.outage import SETTINGS, Outage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED: Final = 20_261_127
OUTAGE: Final = 600.0
FACES: Final = 200
STRANGERS: Final = 1_000_000


class Behind:
    """All of them; `join` waits for their end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._error: BaseException | None = None
        self.outage = Outage(OUTAGE)
        self.dashboard = Dashboard([f"1555768{number:03}1@c.us" for number in range(FACES)], 2.0)
        self.asked: list[float] = []
        self.strangers = STRANGERS
        self.memory: list[int] = []

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._go_down())
                group.create_task(self._fill())
                group.create_task(self._meet_strangers())
        except BaseException as error:  # noqa: BLE001 - raised where somebody sees it
            self._error = error

    async def _go_down(self) -> None:
        home = self._folder / "outage"
        home.mkdir()
        with processes.sandbox(home) as upstream:
            control = processes.Control(upstream.url)
            settings = processes.settings_for(upstream.url, home / "store") | SETTINGS
            with processes.gateway(home, settings) as served:
                await self.outage.happen(served, control, seed=SEED)

    async def _fill(self) -> None:
        home = self._folder / "dashboard"
        home.mkdir()
        with processes.sandbox(home) as upstream:
            control = processes.Control(upstream.url)
            settings = processes.settings_for(upstream.url, home / "store")
            settings |= {"GATEWAY_UPSTREAM_RATE": "30/m"}
            with processes.gateway(home, settings, workers=WORKERS) as served:
                await self.dashboard.watch(served)
            self.asked = asked_at(control, self.dashboard.contacts)

    async def _meet_strangers(self) -> None:
        """Ask about people whom the upstream, which is not there, will never tell of."""
        home = self._folder / "strangers"
        home.mkdir()
        nowhere = f"http://{processes.HOST}:{processes.free_port()}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.strangers", str(home), nowhere, str(STRANGERS)),
            cwd=processes.ROOT,
            env=processes.environment(),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        self.memory = [int(line) for line in said.split()]


@pytest.fixture(scope="package", autouse=True)
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    all_three = Behind(tmp_path_factory.mktemp("behind"))
    all_three.start()
    yield all_three
    all_three.join()
