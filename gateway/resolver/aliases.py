"""Two names of one person, a phone number and a lid, where the API knows both."""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.errors import AvatarUnavailable
from gateway.singleflight import Singleflight, within

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.model import ContactId

ALIAS_LIFE: Final = 24 * 3600.0
"""How long an alias, or that there is none, is believed, in seconds."""

ALIAS_REST: Final = 60.0
"""How long nobody is asked for an alias that could not be learned, in seconds."""

MOST: Final = 10_000
"""Contacts whose alias is remembered."""

AT_ONCE: Final = 4
"""Questions for aliases that are under way at a time; for one more there is no alias now."""

_PATIENCE: Final = 1.0


class Aliases:
    """Asks by `look_up`, once for each contact, and remembers.

    That is no picture query, so it takes no turn of the budget: the API answers it from what it
    has noted itself. `look_up` takes the `time.monotonic` by which it must be over; `clock` gives
    Unix seconds.
    """

    def __init__(
        self,
        look_up: Callable[[ContactId, float], Coroutine[object, object, ContactId | None]],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._known: OrderedDict[ContactId, tuple[ContactId | None, float]] = OrderedDict()
        self._under_way: Singleflight[ContactId | None] = Singleflight()

    async def aclose(self) -> None:
        """Drop the questions that are under way."""
        await self._under_way.aclose()

    async def __call__(self, contact: ContactId, *, until: float) -> ContactId | None:
        """Return the other name of `contact`; None without one, or if that takes too long."""
        if not (contact.is_phone or contact.is_lid):
            return None
        found, believed = self._known.get(contact, (None, 0.0))
        if 0 < believed - self._clock() <= ALIAS_LIFE:
            return found
        if len(self._under_way) >= AT_ONCE:
            return None
        task, _ = self._under_way.join(contact, lambda: self._ask(contact, until))
        with suppress(TimeoutError):
            return await within(task, min(_PATIENCE, until - time.monotonic()))
        return None

    def note(self, contact: ContactId, other: ContactId | None) -> None:
        """Remember the phone number `other` behind the lid `contact`, if they are that."""
        if other is not None and contact.is_lid and other.is_phone:
            self._keep(contact, other, ALIAS_LIFE)

    async def _ask(self, contact: ContactId, until: float) -> ContactId | None:
        try:
            found = await self._look_up(contact, until)
        except AvatarUnavailable:
            self._keep(contact, None, ALIAS_REST)
            return None
        self._keep(contact, found, ALIAS_LIFE)
        return found

    def _keep(self, contact: ContactId, found: ContactId | None, life: float) -> None:
        self._known[contact] = found, self._clock() + life
        self._known.move_to_end(contact)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
