"""The Wawp API v2: who has which picture, and whose phone is connected."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.errors import NoPhoto, UpstreamFailed
from gateway.resolver.aliases import Aliases
from gateway.resolver.answers import (
    MAX_ANSWER,
    Answer,
    UnknownAbsence,
    other_name,
    photo_url,
    session_state,
)
from gateway.resolver.sessions import Session, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import ContactId, PhotoUrl
    from gateway.outbound import Outbound

PICTURE: Final = "/v2/contacts/profile-picture"
SESSION: Final = "/v2/session/info"
OWN: Final = ("/v2/profile/me", "/v2/profile")
LIDS: Final = "/v2/lids/"
"""A lid's number; with ``pn/`` and a number behind it, that number's lid."""


class Wawp:
    """Asks Wawp, and keeps who the instance itself is; see `Resolver`.

    `clock` gives Unix seconds. Credentials go into the query, as the API wants it: a URL of ours
    is a secret and appears nowhere.
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        base_url: str,
        credentials: tuple[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbound = outbound
        self._base_url = base_url
        self._instance_id, self._access_token = credentials
        self._sessions = Sessions(self._probe, clock=clock)
        self._aliases = Aliases(self._look_up, clock=clock)

    async def aclose(self) -> None:
        """Drop what is under way."""
        await self._sessions.aclose()
        await self._aliases.aclose()

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return where the picture of `contact` is; one picture query, two for the own picture.

        `refresh` bypasses the API's own 24-hour cache.
        """
        own = await self._sessions.is_own(contact, until=until)
        try:
            if own:
                return await self._own_picture(contact, until)
            answer = await self._ask(
                PICTURE, until, contactId=contact.value, refresh="true" if refresh else "false"
            )
            self._aliases.note(contact, answer.about)
            return photo_url(answer, contact, refreshed=refresh)
        except UnknownAbsence:
            await self._sessions.require(until=until)
            raise NoPhoto(
                "the API answered 404 while the session works", confirmed=refresh or own
            ) from None

    async def session(self, *, until: float) -> Session:
        """Return the session's state, at most a minute old; raises like a picture query."""
        return await self._sessions.get(until=until)

    def introduce(self, *, until: float) -> None:
        """Start to learn who the instance is, behind everybody."""
        self._sessions.introduce(until=until)

    async def alias(self, contact: ContactId, *, until: float) -> ContactId | None:
        """Return the phone number behind a lid, or the lid of a phone number; see `Resolver`."""
        return await self._aliases(contact, until=until)

    async def _probe(self, until: float) -> Session:
        return Session(*session_state(await self._ask(SESSION, until)))

    async def _look_up(self, contact: ContactId, until: float) -> ContactId | None:
        user = contact.value.partition("@")[0]
        path = LIDS + (contact.value if contact.is_lid else f"pn/{user}")
        return other_name(await self._ask(path, until), contact)

    async def _own_picture(self, contact: ContactId, until: float) -> PhotoUrl:
        """Ask the profile, in the newer place first; a "none" there is certain."""
        answer = await self._ask(OWN[0], until)
        with suppress(UpstreamFailed):  # unreadable or not there: the older place may be better
            return photo_url(answer, contact, refreshed=True)
        answer = await self._ask(OWN[1], until)
        return photo_url(answer, contact, refreshed=True)

    async def _ask(self, path: str, until: float, **params: str) -> Answer:
        query = {"instance_id": self._instance_id, "access_token": self._access_token, **params}
        reply = await self._outbound.get(
            self._base_url + path, until=until, limit=MAX_ANSWER, params=query
        )
        return Answer.of(reply)
