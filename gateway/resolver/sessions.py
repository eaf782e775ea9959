"""The WhatsApp session behind an API: whether a phone is linked, and whose it is."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.errors import AvatarUnavailable, Disconnected, TimedOut
from gateway.singleflight import Singleflight, within

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.model import ContactId

OWN_LIFE: Final = 24 * 3600.0
"""How long the instance's own number is believed, in seconds."""

SESSION_LIFE: Final = 60.0
"""How long the state of the session, or that it could not be learned, is believed, in seconds."""

WORKING: Final = "WORKING"
"""The state of a session whose phone is linked."""

_PATIENCE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Session:
    """The WhatsApp session: `status` is ``WORKING`` when a phone is linked; `me` its account."""

    status: str
    me: ContactId | None

    @property
    def works(self) -> bool:
        """Whether the phone is linked."""
        return self.status == WORKING


class Sessions:
    """Asks by `probe`, one question at a time; a question about the session is no picture query.

    `probe` takes the `time.monotonic` by which it must be over; `clock` gives Unix seconds.
    """

    def __init__(
        self,
        probe: Callable[[float], Coroutine[object, object, Session]],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._ask = probe
        self._clock = clock
        self._probes: Singleflight[Session] = Singleflight()
        self._session: Session | None = None
        self._me: ContactId | None = None
        self._probed = float("-inf")
        self._learned = float("-inf")

    async def aclose(self) -> None:
        """Drop a probe that is under way."""
        await self._probes.aclose()

    async def get(self, *, until: float) -> Session:
        """Return the session's state, at most a minute old; raises what `probe` raises."""
        age = self._clock() - self._probed
        if self._session is not None and 0 <= age < SESSION_LIFE:  # a clock may be set back
            return self._session
        task, _ = self._probes.join("", lambda: self._probe(until))
        try:
            # Whoever began the probe may have more time than this caller.
            return await within(task, until - time.monotonic())
        except TimeoutError:
            raise TimedOut("the API did not tell of its session in time") from None

    async def require(self, *, until: float) -> None:
        """Raise `Disconnected` unless the phone is linked, or what `probe` raises."""
        if not (await self.get(until=until)).works:
            raise Disconnected("the WhatsApp session is not connected")

    def introduce(self, *, until: float) -> None:
        """Start to learn who the instance is, behind everybody."""
        if self._forgot_own_number():
            self._probes.join("", lambda: self._probe(until))

    async def me(self, *, until: float) -> ContactId | None:
        """Return the instance's own number, if it is known; learning it may take a second."""
        if self._forgot_own_number():
            task, _ = self._probes.join("", lambda: self._probe(until))
            with suppress(AvatarUnavailable, TimeoutError):
                await within(task, min(_PATIENCE, until - time.monotonic()))
        return self._me

    async def is_own(self, contact: ContactId, *, until: float) -> bool:
        """Whether `contact` is the instance itself, by name or number; takes as long as `me`."""
        if contact.is_me:
            return True
        if not contact.is_phone:
            return False
        me = await self.me(until=until)
        return me is not None and contact.same_phone(me)

    def _forgot_own_number(self) -> bool:
        """Whether it is time to ask: a day after the answer, a minute after a failure."""
        now = self._clock()
        return now - self._learned >= OWN_LIFE and now - self._probed >= SESSION_LIFE

    async def _probe(self, until: float) -> Session:
        self._session = None
        try:
            session = await self._ask(until)
        finally:
            self._probed = self._clock()
        self._session = session
        if session.me is not None:
            self._me, self._learned = session.me, self._clock()
        return session
