"""Every fault of the upstream, in every variant, before a contact whose photo is known and due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from gateway.errors import Reason
from tests.faults.known import URL, is_known, remember, stored_in
from tests.faults.stage import SIZE, MovableClock, Stage, portraits, staged
from tests.faults.table import CASES, Warm

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.faults.table import Fault
    from tests.faults.upstreams import Upstream

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("fault", "upstream"), CASES)
async def test_a_known_photo_is_shown_at_once_and_becomes_what_it_should(
    fault: Fault, upstream: Upstream, tmp_path: Path
) -> None:
    """What holds for all answers is judged by the stage; the row says the rest."""
    clock = MovableClock()
    async with upstream.opened() as opened:
        settings = opened.settings | stored_in(tmp_path)
        await remember(settings)
        async with staged(settings, patience=fault.patience, clock=clock) as stage:
            scene = await Scene.begin(stage, clock, tmp_path)
            pictures, *others = opened.calls()
            assert fault.calls[0] <= pictures <= fault.calls[0] + fault.again
            assert others == [fault.calls[1], fault.probes]
            await OUTCOMES[fault.warm](scene)
            assert opened.calls()[0] - pictures == (fault.warm is Warm.DOUBTED)
            then = fault.answer if fault.then == "the same" else fault.then
            assert stage.failures() == ([then] if fault.warm is Warm.STAYS else [])


class Scene:
    """What happened so far: the photo was shown once, and the run behind that has ended."""

    def __init__(self, stage: Stage, clock: MovableClock, portrait: Path) -> None:
        self.stage = stage
        self.clock = clock
        self.portrait = portrait
        self.before = portrait.read_bytes()
        self.shown = b""

    @classmethod
    async def begin(cls, stage: Stage, clock: MovableClock, folder: Path) -> Scene:
        [portrait] = portraits(folder)
        scene = cls(stage, clock, portrait)
        scene.shown = await scene.sees_the_known()
        await stage.runs_end()
        return scene

    async def sees_the_known(self, size: int = SIZE) -> bytes:
        """The known photo is shown as stale, without waiting for anything."""
        view = await self.stage.see(size=size)
        assert (is_known(view), view.life, view.waits) == (True, "stale", False)
        return view.response.content


async def stays(scene: Scene) -> None:
    """The same bytes, from memory and from the store, and nothing of that was touched."""
    assert await scene.sees_the_known() == scene.shown
    await scene.sees_the_known(2 * SIZE)
    assert scene.portrait.read_bytes() == scene.before


async def is_renewed(scene: Scene) -> None:
    for size in (SIZE, 2 * SIZE):
        view = await scene.stage.see(size=size)
        assert (view.reason, view.life, is_known(view)) == (None, "fresh", False)
    assert URL.encode() in scene.before
    assert URL.encode() not in scene.portrait.read_bytes()


async def is_erased(scene: Scene) -> None:
    for size in (SIZE, 2 * SIZE):
        view = await scene.stage.see(size=size)
        assert (view.reason, view.life) == (Reason.NONE, "lasting")
    left = scene.portrait.read_bytes()
    assert len(left) < 500 < len(scene.before)
    assert URL.encode() not in left


async def is_doubted(scene: Scene) -> None:
    """It stays until the time of the one refresh, which confirms that there is none."""
    await stays(scene)
    scene.clock.advance(70)
    assert await scene.sees_the_known() == scene.shown
    await scene.stage.runs_end()
    await is_erased(scene)


OUTCOMES: Final[dict[Warm, Callable[[Scene], Awaitable[None]]]] = {
    Warm.STAYS: stays,
    Warm.RENEWED: is_renewed,
    Warm.ERASED: is_erased,
    Warm.DOUBTED: is_doubted,
}
