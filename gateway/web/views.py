"""What one URL asks for, and what is said to whoever asks: the same words on every path."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.web import headers as h
from gateway.web.answers import Answer, empty

if TYPE_CHECKING:
    from gateway.model import Avatar, AvatarSpec, ContactId, Rendition
    from gateway.web.headers import Headers


@dataclass(frozen=True, slots=True)
class View:
    """An avatar of `contact` as `spec` wants it, by a URL that is good until `end` (Unix seconds).

    `spread` is the contact's share of what lives are shortened by; `negotiated` says that another
    ``Accept`` may lead to another format.
    """

    contact: ContactId
    spec: AvatarSpec
    spread: int
    end: float = math.inf
    negotiated: bool = False

    def whole(self, avatar: Avatar, rendition: Rendition, *, now: float) -> Answer:
        """Return 200 and the picture."""
        headers = [
            *h.representation(rendition),
            *self.passing(avatar, now=now),
            *self.lasting(avatar, rendition, now=now),
        ]
        return Answer(200, headers, rendition.body)

    def unmodified(self, avatar: Avatar, rendition: Rendition, *, now: float) -> Answer:
        """Return 304: the client holds this picture."""
        lasting = self.lasting(avatar, rendition, now=now)
        return Answer(304, [*self.passing(avatar, now=now), *lasting])

    def absent(self, avatar: Avatar, *, now: float) -> Answer:
        """Return 404: there is no photo, and no fallback is wanted."""
        return empty(404, [*self.passing(avatar, now=now), *self._of(avatar)])

    def steady(self, avatar: Avatar, *, now: float) -> float:
        """Until when `passing` is the same, in Unix seconds."""
        standing, version = avatar.standing, self.spec.version
        return h.steady(standing, version=version, now=now, spread=self.spread, end=self.end)

    def passing(self, avatar: Avatar, *, now: float) -> Headers:
        """What is true for a second at most."""
        standing, version = avatar.standing, self.spec.version
        life = h.cache_control(standing, version=version, now=now, spread=self.spread, end=self.end)
        return [
            *h.date(now),
            (b"cache-control", life.encode()),
            (b"cache-status", h.cache_status(avatar, now=now).encode()),
        ]

    def lasting(self, avatar: Avatar, rendition: Rendition, *, now: float) -> Headers:
        """What is true as long as the contact stands as it does."""
        return [*self._of(avatar), *h.validators(rendition, avatar.standing, now=now)]

    def _of(self, avatar: Avatar) -> Headers:
        truth, vary = h.truth(avatar.standing.reason), h.vary(negotiated=self.negotiated)
        return [*truth, *vary, *h.COMMON]
