"""The Wawp API v2: who has which picture, and whose phone is connected."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.errors import (
    AvatarUnavailable,
    Disconnected,
    InvalidContact,
    NoPhoto,
    TimedOut,
    UpstreamFailed,
)
from gateway.model import ContactId
from gateway.resolver.answers import (
    MAX_ANSWER,
    Answer,
    UnknownAbsence,
    photo_url,
    session_state,
)
from gateway.singleflight import Singleflight, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import PhotoUrl
    from gateway.outbound import Outbound

PICTURE: Final = "/v2/contacts/profile-picture"
SESSION: Final = "/v2/session/info"
OWN: Final = ("/v2/profile/me", "/v2/profile")

OWN_LIFE: Final = 24 * 3600.0
"""How long the instance's own number is believed, in seconds."""

SESSION_LIFE: Final = 60.0
"""How long the state of the session, or that it could not be learned, is believed, in seconds."""

_PATIENCE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Session:
    """The WhatsApp session: `status` is ``WORKING`` when a phone is linked; `me` its account."""

    status: str
    me: ContactId | None

    @property
    def works(self) -> bool:
        """Whether the phone is linked."""
        return self.status == "WORKING"


class Wawp:
    """Asks Wawp, and keeps who the instance itself is.

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
        self._clock = clock
        self._probes: Singleflight[Session] = Singleflight()
        self._session: Session | None = None
        self._me: ContactId | None = None
        self._probed = float("-inf")
        self._learned = float("-inf")

    async def aclose(self) -> None:
        """Drop a probe that is under way."""
        await self._probes.aclose()

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return where the picture of `contact` is; one picture query, two for the own picture.

        `refresh` bypasses the API's own 24-hour cache. All must be over at `until`
        (`time.monotonic`). Raises `NoPhoto`, `Disconnected`, `OverBudget`, `TimedOut` or
        `UpstreamFailed`.
        """
        own = contact.is_me or await self._is_own(contact, until)
        try:
            if own:
                return await self._own_picture(contact, until)
            answer = await self._ask(
                PICTURE, until, contactId=contact.value, refresh="true" if refresh else "false"
            )
            return photo_url(answer, contact, refreshed=refresh)
        except UnknownAbsence:
            session = await self.session(until=until)
            if not session.works:
                raise Disconnected("the WhatsApp session is not connected") from None
            raise NoPhoto(
                "the API answered 404 while the session works", confirmed=refresh or own
            ) from None

    async def session(self, *, until: float) -> Session:
        """Return the session's state, at most a minute old; raises like a picture query."""
        age = self._clock() - self._probed
        if self._session is not None and 0 <= age < SESSION_LIFE:  # a clock may be set back
            return self._session
        task, _ = self._probes.join(SESSION, lambda: self._probe(until))
        try:
            # Whoever began the probe may have more time than this caller.
            return await within(task, until - time.monotonic())
        except TimeoutError:
            raise TimedOut("the API did not tell of its session in time") from None

    def introduce(self, *, until: float) -> None:
        """Start to learn who the instance is, behind everybody."""
        if self._forgot_own_number():
            self._probes.join(SESSION, lambda: self._probe(until))

    async def _is_own(self, contact: ContactId, until: float) -> bool:
        """Whether `contact` is the instance itself; learning that may take a viewer a second."""
        if not contact.is_phone:
            return False
        if self._forgot_own_number():
            task, _ = self._probes.join(SESSION, lambda: self._probe(until))
            with suppress(AvatarUnavailable, TimeoutError):
                await within(task, min(_PATIENCE, until - time.monotonic()))
        return self._me is not None and contact.same_phone(self._me)

    def _forgot_own_number(self) -> bool:
        """Whether it is time to ask: a day after the answer, a minute after a failure."""
        now = self._clock()
        return now - self._learned >= OWN_LIFE and now - self._probed >= SESSION_LIFE

    async def _probe(self, until: float) -> Session:
        self._session = None
        try:
            answer = await self._ask(SESSION, until)
        finally:
            self._probed = self._clock()
        status, me = session_state(answer)
        self._session = Session(status, _contact(me))
        if self._session.me is not None:
            self._me, self._learned = self._session.me, self._clock()
        return self._session

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


def _contact(me: object) -> ContactId | None:
    found = me.get("id") if isinstance(me, dict) else None
    try:
        return ContactId.parse(found) if isinstance(found, str) else None
    except InvalidContact:
        return None
