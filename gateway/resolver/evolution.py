"""Evolution API, a WhatsApp API that people host themselves: null whatever went wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gateway.errors import NoPhoto, UpstreamFailed
from gateway.resolver.answers import (
    MAX_ANSWER,
    Answer,
    UnknownAbsence,
    instance_state,
    photo_url,
)
from gateway.resolver.sessions import WORKING, Session, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import ContactId, PhotoUrl
    from gateway.outbound import Outbound

PICTURE: Final = "/chat/fetchProfilePictureUrl/"
INSTANCES: Final = "/instance/fetchInstances"

_LINKED: Final = "open"


class Evolution:
    """Asks `instance` of an Evolution API; see `Resolver`. `key` goes into a header.

    It keeps nothing, so there is nothing to refresh: each question goes to WhatsApp. And it says
    "no picture" after every failure of its own. So a "none" counts only while the phone is linked,
    and is never certain by itself, not even when a refresh was asked for: a second one has to
    follow after a while (see `gateway.verdicts`).
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        base_url: str,
        key: str,
        instance: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbound = outbound
        self._base_url = base_url
        self._headers = {"apikey": key}
        self._instance = instance
        self._sessions = Sessions(self._probe, clock=clock)

    async def aclose(self) -> None:
        """Drop what is under way."""
        await self._sessions.aclose()

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return where the picture of `contact` is, by one picture query."""
        del refresh
        asked = await self._sessions.me(until=until) if contact.is_me else contact
        if asked is None:
            raise UpstreamFailed("the API did not say whose phone it is")
        try:
            return photo_url(await self._picture(asked, until), asked, refreshed=False)
        except (NoPhoto, UnknownAbsence):
            await self._sessions.require(until=until)
            raise NoPhoto("the API gave no picture, as after a failure", confirmed=False) from None

    async def session(self, *, until: float) -> Session:
        """Return the instance's state, at most a minute old; raises like a picture query."""
        return await self._sessions.get(until=until)

    def introduce(self, *, until: float) -> None:
        """Start to learn who the instance is, behind everybody."""
        self._sessions.introduce(until=until)

    async def alias(self, contact: ContactId, *, until: float) -> ContactId | None:
        """Return None: this API does not tell who is behind a lid."""
        del contact, until
        return None

    async def _probe(self, until: float) -> Session:
        reply = await self._outbound.get(
            self._base_url + INSTANCES,
            until=until,
            limit=MAX_ANSWER,
            params={"instanceName": self._instance},
            headers=self._headers,
        )
        state, me = instance_state(Answer.of(reply), self._instance)
        return Session(WORKING if state == _LINKED else state.upper(), me)

    async def _picture(self, contact: ContactId, until: float) -> Answer:
        # A bare number is completed, in its national spelling; every other id is taken as it is.
        number = contact.value.removesuffix("@c.us")
        reply = await self._outbound.post(
            self._base_url + PICTURE + quote(self._instance, safe=""),
            {"number": number},
            until=until,
            limit=MAX_ANSWER,
            headers=self._headers,
        )
        return Answer.of(reply)
