"""A dashboard of contacts of whom nothing is known, looked at until every face is there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.e2e.readers import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.wire import Received
    from tests.processes import Control, Running


@dataclass
class Dashboard:
    """What viewers of `contacts` have seen so far; they look again every `pause` seconds."""

    contacts: Sequence[str]
    pause: float
    seconds: float = 0.0
    reasons: set[str] = field(default_factory=set)

    async def watch(self, served: Running) -> None:
        """Look until every face is there."""
        began = time.monotonic()
        missing = {f"/avatar/{contact}.png?size=48" for contact in self.contacts}

        def judge(target: str, answer: Received) -> None:
            assert answer.status == 200
            if answer.headers["avatar-source"] == "photo":
                missing.discard(target)
            else:
                self.reasons.add(answer.headers["avatar-reason"])

        while missing:
            # All at once, as a browser does.
            await look(served.url, sorted(missing), at_once=len(missing), judge=judge)
            await asyncio.sleep(self.pause)
        self.seconds = time.monotonic() - began


def asked_at(control: Control, contacts: Sequence[str]) -> list[float]:
    """When the upstream was asked about each of `contacts`, in order."""
    wanted = set(contacts)
    calls = [each for each in control.calls() if each["contact"] in wanted]
    return sorted(float(str(each["at"])) for each in calls if each["kind"] == "picture")


def closest(times: Sequence[float], number: int) -> float:
    """The shortest time in which more than `number` questions came."""
    return min(late - early for early, late in zip(times, times[number:], strict=False))


WORKERS: Final = 4
