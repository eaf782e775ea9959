"""What is done to the upstream, and undone when the block is left."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx

from tests.e2e.album import contact_of
from tests.e2e.colours import TOKEN
from tests.proof.chaos.faults import API_FAULTS, CDN_FAULTS, FAULTS_FOR_ALL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.proof.chaos.scene import Scene

SHARE: Final = 10
"""One contact of so many is struck at a time."""

DAY: Final = 86_401.0
"""Seconds after which the API has forgotten all URLs, so that it names those of new photos."""

SOON: Final = {"seconds": 2}
"""When an API that refuses questions takes them again."""


@asynccontextmanager
async def api_faults(scene: Scene) -> AsyncIterator[None]:
    """The API answers with faults, when asked about some."""
    struck = {number: scene.chance.choice(API_FAULTS) for number in _some(scene)}

    def strike() -> None:
        for number, fault in struck.items():
            scene.house.paint([number], api=fault)

    await asyncio.to_thread(strike)
    yield
    await asyncio.to_thread(scene.house.paint, struck)


@asynccontextmanager
async def cdn_faults(scene: Scene) -> AsyncIterator[None]:
    """Some have new photos, which the CDN does not give out."""
    struck = {number: scene.chance.choice(CDN_FAULTS) for number in _some(scene)}

    def strike() -> None:
        for number, fault in struck.items():
            scene.house.paint([number], cdn=fault)
        _renew(scene, list(struck))

    def heal() -> None:
        scene.house.paint(struck)
        _renew(scene, list(struck))  # a picture that was refused is not fetched again for an hour

    await asyncio.to_thread(strike)
    yield
    await asyncio.to_thread(heal)


@asynccontextmanager
async def slow_cdn(scene: Scene) -> AsyncIterator[None]:
    """Some have new photos, for which the CDN takes its time."""
    struck = _some(scene)

    def strike() -> None:
        for number in struck:
            scene.house.paint([number], delay=scene.chance.uniform(0.5, 4.5))
        _renew(scene, struck)

    await asyncio.to_thread(strike)
    yield
    await asyncio.to_thread(scene.house.paint, struck)


@asynccontextmanager
async def api_down(scene: Scene) -> AsyncIterator[None]:
    """The API does the same to everybody."""
    fault = scene.chance.choice(FAULTS_FOR_ALL)
    await asyncio.to_thread(scene.control.default, api=fault, params=SOON)
    yield
    await asyncio.to_thread(scene.control.default)


@asynccontextmanager
async def unlinked(scene: Scene) -> AsyncIterator[None]:
    """The phone is not linked."""
    await asyncio.to_thread(scene.control.session, "SCAN_QR_CODE")
    yield
    await asyncio.to_thread(scene.control.session, "WORKING")


@asynccontextmanager
async def a_day(scene: Scene) -> AsyncIterator[None]:
    """The API forgets all URLs, and some have new photos."""
    await asyncio.to_thread(_renew, scene, _some(scene))
    yield


@asynccontextmanager
async def erased(scene: Scene) -> AsyncIterator[None]:
    """An operator lets some be forgotten; one whose store is down is told that it was not done."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = scene.chance.choice(scene.house.served).url
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as admin:
        for number in _some(scene):
            try:
                said = await admin.delete(f"/avatar/{contact_of(number)}")
            except httpx.TransportError:
                scene.diary.note("erasure cut off")
            else:
                scene.diary.note(f"erasure answered {said.status_code}")
    yield


def _some(scene: Scene) -> list[int]:
    people = scene.house.people
    return scene.chance.sample(range(people), max(1, people // SHARE))


def _renew(scene: Scene, numbers: list[int]) -> None:
    scene.house.renew(numbers)
    scene.control.advance(DAY)
