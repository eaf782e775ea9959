"""A herd of viewers who all want to see one contact of whom nothing is known."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

from tests.e2e.wire import Viewer, answers
from tests.workers import holders, only, workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.processes import Control, Running

VIEWERS: Final = 1000
SIZES: Final = (24, 48, 64, 96, 128)
FEW: Final = 10
EXTENSIONS: Final = ("png", "webp")


@dataclass(frozen=True)
class Round:
    """What came of a herd: how many each worker took, and the calls that reached the upstream."""

    taken: Counter[int]
    calls: tuple[int, int]


def targets(number: str) -> list[str]:
    """Requests for one contact in sizes, formats and spellings."""
    return [
        f"/avatar/{spelling}.{extension}?size={size}"
        for size, extension, spelling in product(
            SIZES, EXTENSIONS, (f"{number}@c.us", f"+{number}")
        )
    ]


async def stampede(
    served: Sequence[Running], control: Control, number: str, *, viewers: int = VIEWERS
) -> Round:
    """Have all ask before the API says anything, and see that each gets the photo."""
    before = control.counts()
    control.gate("picture", "close")
    wanted = targets(number)
    places = [(served[n % len(served)].url, wanted[n % len(wanted)]) for n in range(viewers)]
    herd = list(await asyncio.gather(*(Viewer.ask(*place) for place in places)))
    await asyncio.to_thread(control.waiting, "picture", 1)
    taken: Counter[int] = Counter()
    for each in served:
        taken.update((await _taken(each, herd)).values())
        for worker in workers(each):  # the kernel may have left somebody out
            if taken[worker] < FEW:
                herd += await connect(each, worker, wanted, FEW)
                taken[worker] += FEW
    control.gate("picture", "open")
    for data in await asyncio.gather(*(viewer.answer() for viewer in herd)):
        [answer] = answers(data)
        assert (answer.status, answer.headers["avatar-source"]) == (200, "photo"), answer.headers
    after = control.counts()
    return Round(taken, (after["picture"] - before["picture"], after["cdn"] - before["cdn"]))


async def connect(served: Running, worker: int, wanted: Sequence[str], number: int) -> list[Viewer]:
    """So many viewers who have asked, and whose connections `worker` has taken."""
    with only(served, worker):
        team = await asyncio.gather(
            *(Viewer.ask(served.url, wanted[n % len(wanted)]) for n in range(number))
        )
        await _taken(served, team)
    return team


async def _taken(served: Running, viewers: Sequence[Viewer]) -> dict[int, int]:
    """Wait until the workers have taken all of those connections that are theirs."""
    ports = {viewer.port for viewer in viewers if viewer.url == served.url}
    async with asyncio.timeout(30):
        while not ports <= (found := holders(served)).keys():  # noqa: ASYNC110 - the kernel has no event
            await asyncio.sleep(0.01)
    return {port: found[port] for port in ports}
