"""What was found out about a contact, for those who draw it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import Reason
from gateway.model import Photo, Standing

if TYPE_CHECKING:
    from gateway.model import ContactId, Portrait, Sample


@dataclass(frozen=True, slots=True)
class Finding:
    """How a contact stands; `asked` says that the upstream was asked for it.

    A photo that has just come may still be in development: then `photo` is done later, and fails
    if that does. Its `sample` is there at once, and so is when it was `fetched` (Unix seconds).
    """

    standing: Standing
    photo: asyncio.Future[Photo] | None = None
    asked: bool = False
    sample: Sample | None = None
    fetched: float | None = None

    @classmethod
    def of(cls, standing: Standing, portrait: Portrait, *, asked: bool) -> Finding:
        """A finding that nobody has to wait for."""
        if not isinstance(portrait, Photo):
            return cls(standing, asked=asked)
        photo: asyncio.Future[Photo] = asyncio.get_running_loop().create_future()
        photo.set_result(portrait)
        return cls(standing, photo, asked, portrait.sample, portrait.fetched)


def passing(reason: Reason, until: float) -> Standing:
    """A fallback that holds until then, in Unix seconds."""
    return Standing(fresh_until=until, expires=until, reason=reason)


def known_beforehand(contact: ContactId, *, forced: bool) -> Standing | None:
    """How `contact` stands if that depends on the request alone, which never changes; or None."""
    if forced:
        return _lasting(Reason.FORCED)
    return None if contact.can_have_photo else _lasting(Reason.UNSUPPORTED)


def _lasting(reason: Reason) -> Standing:
    return Standing(math.inf, math.inf, reason=reason, settled=True)
