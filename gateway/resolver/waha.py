"""WAHA, a WhatsApp API that people host themselves: the engine that hosted ones are made of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gateway.errors import NoPhoto
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

PICTURE: Final = "/api/contacts/profile-picture"


class Waha:
    """Asks `session` of a WAHA; see `Resolver`.

    `key` goes into a header, if there is one. WAHA keeps what it found for 24 hours, also that it
    found nothing because something failed: so a first "none" is not certain.
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        base_url: str,
        key: str,
        session: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbound = outbound
        self._base_url = base_url
        self._headers = {"X-Api-Key": key} if key else {}
        self._name = session
        self._path = quote(session, safe="")
        self._sessions = Sessions(self._probe, clock=clock)
        self._aliases = Aliases(self._look_up, clock=clock)

    async def aclose(self) -> None:
        """Drop what is under way."""
        await self._sessions.aclose()
        await self._aliases.aclose()

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return where the picture of `contact` is, by one picture query.

        `refresh` bypasses WAHA's own 24-hour cache.
        """
        own = await self._sessions.is_own(contact, until=until)
        try:
            if own:
                answer = await self._ask(f"/api/{self._path}/profile", until)
            else:
                answer = await self._ask(
                    PICTURE,
                    until,
                    contactId=contact.value,
                    session=self._name,
                    refresh="true" if refresh else "false",
                )
            self._aliases.note(contact, answer.about)
            return photo_url(answer, contact, refreshed=refresh or own)
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
        return Session(*session_state(await self._ask(f"/api/sessions/{self._path}", until)))

    async def _look_up(self, contact: ContactId, until: float) -> ContactId | None:
        user = contact.value.partition("@")[0]
        path = f"/api/{self._path}/lids/" + (contact.value if contact.is_lid else f"pn/{user}")
        return other_name(await self._ask(path, until), contact)

    async def _ask(self, path: str, until: float, **params: str) -> Answer:
        reply = await self._outbound.get(
            self._base_url + path,
            until=until,
            limit=MAX_ANSWER,
            params=params or None,
            headers=self._headers,
        )
        return Answer.of(reply)
