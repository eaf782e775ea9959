"""The budget of a second API, over machines that have nothing but Valkey in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.budget import Outcome, Priority, Rate
from gateway.sharing import Clocks, Place, Terms, open_budget
from gateway.telemetry import Telemetry

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from gateway.budget import Budget
    from tests.fleet.servers import Server

RATE = Rate(10, 3600.0)


def machine(
    folder: Path, server: Server, namespace: str = "waha|x|default"
) -> AbstractAsyncContextManager[Budget]:
    folder.mkdir()
    return open_budget(
        Place(folder, folder.as_uri(), namespace, server.url),
        Terms(RATE, 2, young=3.0, timeout=15.0),
        telemetry=Telemetry(pseudonym=lambda _: "someone"),
        clocks=Clocks(),
    )


async def test_machines_share_the_budget_of_a_second_api(server: Server, tmp_path: Path) -> None:
    async with (
        machine(tmp_path / "a", server) as one,
        machine(tmp_path / "b", server) as two,
        machine(tmp_path / "c", server, "evolution|x|main") as other,
    ):
        for number in range(7):
            async with one.turn(f"{number:064}", Priority.VIEWER) as turn:
                await turn.settle(Outcome.ANSWERED)
        assert [(await each.status()).left for each in (one, two, other)] == [3, 3, 10]
        async with two.turn("b" * 64, Priority.VIEWER) as turn:
            await turn.settle(Outcome.REFUSED)
        opened = [(await each.status()).open_since is not None for each in (one, two, other)]
        assert opened == [True, True, False]
