"""R4: TERM while viewers wait for an upstream that says nothing, and hundreds never end a head."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.e2e.album import contact_of
from tests.e2e.test_stopping import HALF, connect
from tests.e2e.wire import Viewer, answers
from tests.workers import holders

if TYPE_CHECKING:
    from tests.processes import Control, Running

PATIENCE: Final = 60.0


@dataclass
class Ending:
    """`waiting` viewers in flight and `half` half-open connections when TERM comes.

    `longest` and `ended` are the seconds from TERM to the last answer and to the exit.
    """

    waiting: int
    half: int
    longest: float = 0.0
    ended: float = 0.0
    shown: tuple[str, ...] = ()
    status: int | None = None

    async def happen(self, served: Running, control: Control) -> None:
        """Let the viewers ask, send TERM once all is in the workers' hands, and wait."""
        control.gate("picture", "close")
        with ExitStack() as stack:
            held = [connect(stack, served.url, HALF) for _ in range(self.half)]
            viewers = [
                await Viewer.ask(served.url, f"/avatar/{contact_of(number)}.png?size=48")
                for number in range(self.waiting)
            ]
            await asyncio.to_thread(control.waiting, "picture", 1)
            ports = {int(wire.getsockname()[1]) for wire in held}
            ports |= {viewer.port for viewer in viewers}
            async with asyncio.timeout(PATIENCE):
                while not ports <= holders(served).keys():  # noqa: ASYNC110 - the kernel's
                    await asyncio.sleep(0.01)
            began = time.monotonic()
            served.process.send_signal(signal.SIGTERM)
            self.shown = tuple([await self._answer(viewer, began) for viewer in viewers])
            self.status = await asyncio.to_thread(served.process.wait, PATIENCE)
            self.ended = time.monotonic() - began
        control.gate("picture", "open")

    async def _answer(self, viewer: Viewer, began: float) -> str:
        """What a viewer is shown; nothing, if the connection just ended."""
        found = answers(await viewer.answer())
        self.longest = max(self.longest, time.monotonic() - began)
        return f"{found[0].status} {found[0].headers['avatar-reason']}" if found else "nothing"

    def document(self) -> dict[str, object]:
        """All that was found, for a report."""
        return {
            "in flight at TERM": self.waiting,
            "half-open at TERM": self.half,
            "answers": {each: self.shown.count(each) for each in sorted(set(self.shown))},
            "seconds to the last answer": round(self.longest, 2),
            "seconds to the exit": round(self.ended, 2),
            "exit status": self.status,
        }

    def verify(self, *, within: float) -> None:
        """All were answered, and `within` seconds of the last answer it was over.

        Few may ask the upstream at a time; the others wait as long, for their turn.
        """
        assert len(self.shown) == self.waiting
        assert set(self.shown) <= {"200 timeout", "200 budget"}
        assert self.status == 0
        assert self.ended <= self.longest + within
