"""How long a portrait is true: its age judged against the lifetimes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gateway.errors import Reason
from gateway.model import Absence, Sighting, Standing


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds, all counted from the last confirmation.

    A photo is fresh for `photo` and shown as stale up to `stale`; a settled absence is believed
    for `none`; any other is looked into again after `confirm`, a suppressed one never.
    """

    photo: float
    none: float
    stale: float
    confirm: float

    def standing(self, portrait: Sighting | Absence, *, spread: float) -> Standing:
        """Judge `portrait`; `spread` (0–1) lengthens its fresh life by up to 10 %.

        So contacts learned together do not all expire together, and none is asked about before
        the upstream's own cache has ended.
        """
        stretch = 1 + 0.1 * spread
        if isinstance(portrait, Sighting):
            fresh = portrait.confirmed + self.photo * stretch
            return Standing(
                fresh_until=fresh,
                expires=max(portrait.confirmed + self.stale, fresh),
                since=portrait.since,
                version=portrait.version,
            )
        if portrait.suppressed:
            return Standing(math.inf, math.inf, reason=Reason.NONE, settled=True)
        if not portrait.settled:
            return Standing(
                fresh_until=portrait.since + self.confirm,
                expires=portrait.since + max(self.none, self.confirm),
                reason=Reason.NONE,
            )
        fresh = portrait.since + self.none * stretch
        return Standing(
            fresh_until=fresh,
            expires=max(portrait.since + self.stale, fresh),
            reason=Reason.NONE,
            settled=True,
        )
