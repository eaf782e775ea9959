"""A day of traffic in a few minutes: contacts are looked at as often as they are popular."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from gateway.assembly import open_gateway
from gateway.model import AvatarSpec, ContactId
from gateway.settings import Settings
from gateway.sharing import Clocks
from tests.e2e.album import colour_of, picture_in
from tests.faults.stage import DAY, MovableClock
from tests.gallery import Gallery, showing
from tests.processes import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.avatars import Avatars
    from gateway.imaging.jobs import Plan

AT_ONCE: Final = 32
HIDDEN: Final = 10
"""Every tenth contact hides the photo."""


@dataclass
class Day:
    """`requests` of a day for `contacts`, of whom nothing is known in the morning."""

    requests: int
    contacts: int
    questions: int = 0
    downloads: int = 0
    shown: int = 0
    hidden: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    async def pass_by(self, folder: Path, *, seed: int) -> None:
        """Let it pass; the n-th contact is looked at as often as one n-th of the first one."""
        chance = random.Random(seed)  # noqa: S311 - traffic, no secret
        popular = list(accumulate(1 / place for place in range(1, self.contacts + 1)))
        wanted = chance.choices(range(self.contacts), cum_weights=popular, k=self.requests)
        asked_for = set(wanted)
        self.hidden = sum(number % HIDDEN == 0 for number in asked_for)
        self.shown = len(asked_for) - self.hidden
        pictures = [picture_in(colour_of(n)) if n % HIDDEN else None for n in range(self.contacts)]
        clock = MovableClock()
        with showing(pictures) as gallery:
            settings = settings_for(gallery.url, folder, GATEWAY_DEADLINE="30s")
            loaded = Settings.load(settings, env_file=None)
            async with open_gateway(loaded, clocks=Clocks(clock, clock.ticks)) as gateway:
                left = iter(wanted)
                async with asyncio.TaskGroup() as group:
                    for _ in range(AT_ONCE):
                        group.create_task(self._look(gateway.avatars, left, clock))
            self.questions, self.downloads = gallery.counts["api"], gallery.counts["cdn"]

    async def _look(self, avatars: Avatars[Plan], left: Iterator[int], clock: MovableClock) -> None:
        for number in left:
            clock.advance(DAY / self.requests)
            contact = ContactId.parse(Gallery.contact(number))
            avatar = await avatars.get(contact, AvatarSpec(size=16))
            self.seen[avatar.standing.reason or "photo"] += 1
            assert avatar.standing.reason is not None or number % HIDDEN

    def verify(self) -> None:
        """One question for each photo, and two for each that is hidden."""
        assert self.questions <= 1.02 * self.shown + 2 * self.hidden
        assert self.downloads <= 1.02 * self.shown
        # A machine that is busy with other things may be late with a picture or two.
        assert self.seen["photo"] + self.seen["none"] >= 0.99 * self.requests
