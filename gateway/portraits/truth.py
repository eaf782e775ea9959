"""How long a portrait is true: its age judged against the lifetimes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gateway.errors import Reason
from gateway.model import Photo, Portrait, Standing, Suppression


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds, all counted from the last confirmation.

    A photo is fresh for `photo` and shown as stale up to `stale`; a certain absence is believed
    for `none`; an uncertain one is asked about again after `confirm`. A suppression holds for
    ever.
    """

    photo: float
    none: float
    stale: float
    confirm: float

    def standing(self, portrait: Portrait, *, spread: float) -> Standing:
        """Judge `portrait`; `spread` (0–1) lengthens its fresh life by up to 10 %.

        So contacts learned together do not all expire together, and none is asked about before
        the upstream's own cache has ended.
        """
        if isinstance(portrait, Suppression):
            return Standing(math.inf, math.inf, reason=Reason.NONE, settled=True)
        stretch = 1 + 0.1 * spread
        if isinstance(portrait, Photo):
            fresh = portrait.confirmed + self.photo * stretch
            return Standing(
                fresh_until=fresh,
                expires=max(portrait.confirmed + self.stale, fresh),
                since=portrait.since,
                version=portrait.version,
            )
        if not portrait.certain:
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
