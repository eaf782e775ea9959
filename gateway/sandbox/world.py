"""What the simulated WhatsApp knows and remembers, and the levers that tests pull.

All methods belong to the event loop the sandbox runs in; from elsewhere use the control API.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from gateway.sandbox.cast import BY_ID, has_photo, owner_of
from gateway.sandbox.gates import Gate
from gateway.sandbox.ids import canonical
from gateway.sandbox.minting import Photo, mint

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["KINDS", "Call", "Plan", "World"]

KINDS: Final = ("picture", "session", "profile", "contacts", "lids", "cdn")
CALLS_KEPT: Final = 100_000
DAY: Final = 86_400.0
EVERYONE: Final = "*"
NATURE: Final = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached the simulated API or CDN; `at` is the sandbox clock."""

    kind: str
    contact: str | None
    refresh: bool
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float


@dataclass(slots=True)
class Plan:
    """A scenario set for a contact: `left` answers to go, or None for ever."""

    name: str
    delay: float = 0.0
    params: Mapping[str, object] = field(default_factory=dict)
    left: int | None = None


class World:
    """Contacts, their photos, Wawp's cache of URLs, the session, and the record of calls."""

    def __init__(
        self,
        *,
        scenarios: Mapping[str, Collection[str]],
        url_life: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin with the cast as it is.

        `scenarios` are the names there are, by side; `url_life` is how long a new URL is good, in
        seconds.
        """
        self._scenarios = scenarios
        self.base_url = ""
        self.url_life = url_life
        self.gates = {kind: Gate() for kind in KINDS}
        self._clock = clock
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self.counts: Counter[str] = Counter()
        self.reset()

    def reset(self) -> None:
        """Forget calls, scenarios, caches and photos, open the gates, set the clock right."""
        self.calls.clear()
        self.counts.clear()
        self.session_status = "WORKING"
        self.session_wait = 0.0
        self._ahead = 0.0
        self._plans: dict[tuple[str, str], Plan] = {}
        self._versions: dict[str, int] = {}
        self._shown: dict[str, bool] = {}
        self._cache: dict[str, tuple[str | None, float]] = {}
        for gate in self.gates.values():
            gate.open()

    # Time and record

    def now(self) -> float:
        """The sandbox clock, in Unix seconds."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the sandbox clock, either way."""
        self._ahead += seconds

    def record(self, call: Call) -> None:
        """Remember a call."""
        self.calls.append(call)
        self.counts[call.kind] += 1

    def count(self, kind: str) -> int:
        """How many calls of a kind came since the last reset; `KeyError` for no such kind."""
        if kind not in KINDS:
            raise KeyError(kind)
        return self.counts[kind]

    # Levers

    def set_contact(
        self,
        contact: str,
        *,
        api: str | None = None,
        cdn: str | None = None,
        delay: float = 0.0,
        params: Mapping[str, object] | None = None,
        times: int | None = None,
    ) -> None:
        """Let a contact play a scenario on either side; a side not named is back to normal.

        `delay` goes before the answers of the sides named, or of the API if none is;
        after `times` answers of a side that side is back to normal. `ValueError` for names that
        are in no table.
        """
        self._set(_known_id(contact), api, cdn, Plan("", delay, dict(params or {}), times))

    def set_default(
        self,
        *,
        api: str | None = None,
        cdn: str | None = None,
        delay: float = 0.0,
        params: Mapping[str, object] | None = None,
        times: int | None = None,
    ) -> None:
        """`set_contact` for everyone who has no scenario set of their own."""
        self._set(EVERYONE, api, cdn, Plan("", delay, dict(params or {}), times))

    def set_session(
        self,
        status: str = "WORKING",
        *,
        wait: float = 0.0,
        api: str | None = None,
        params: Mapping[str, object] | None = None,
    ) -> None:
        """The session's status: unless WORKING, pictures answer 422 after `wait` seconds.

        `api` names a scenario for `/v2/session/info` itself.
        """
        self._check("api", api)
        self._set_side("session", EVERYONE, api, Plan("", 0.0, dict(params or {})))
        self.session_status = status
        self.session_wait = wait

    def new_photo(self, contact: str) -> int:
        """The contact changes its photo; answers the new version, counted from 1."""
        owner = owner_of(_known_id(contact))
        self._versions[owner] = self.version(owner) + 1
        return self._versions[owner]

    def hide(self, contact: str) -> None:
        """The contact takes its photo away; Wawp's cached URL stays until it ends."""
        self._shown[owner_of(_known_id(contact))] = False

    def show(self, contact: str) -> None:
        """The contact lets its photo be seen, also one that had none."""
        self._shown[owner_of(_known_id(contact))] = True

    def close_gate(self, kind: str) -> None:
        """Let calls of a kind wait; `KeyError` for no such kind."""
        self.gates[kind].close()

    def open_gate(self, kind: str) -> None:
        """Release the calls of a kind."""
        self.gates[kind].open()

    async def waiting(self, kind: str, calls: int, *, within: float = 10.0) -> None:
        """Return once `calls` calls wait at a gate; `TimeoutError` after `within` seconds."""
        async with asyncio.timeout(within):
            await self.gates[kind].filled(calls)

    # What the answers are made of

    def version(self, contact: str) -> int:
        """Which of its photos a contact has now."""
        return self._versions.get(owner_of(contact), 1)

    def plan(self, side: str, contact: str) -> Plan:
        """The scenario that the next answer plays; counts it off."""
        for who in (contact, EVERYONE):
            plan = self._plans.get((side, who))
            if plan is None:
                continue
            if plan.left is not None:
                plan.left -= 1
                if plan.left <= 0:
                    del self._plans[side, who]
            if plan.name == NATURE:
                return replace(self._nature(side, contact), delay=plan.delay)
            return plan
        return self._nature(side, contact)

    def url(self, contact: str, *, refresh: bool, preview: bool = False) -> str | None:
        """What Wawp answers: its own memory of up to 24 hours, or what WhatsApp says now."""
        if not refresh:
            url, asked = self._cache.get(contact, (None, 0.0))
            if asked and 0 <= self.now() - asked < DAY:
                return url
        url = self.mint(contact, preview=preview) if self._has_photo(contact) else None
        self._cache[contact] = (url, self.now())
        return url

    def mint(self, contact: str, *, preview: bool = False, age: float = 0.0) -> str:
        """A URL of the contact's photo as it was signed `age` seconds ago."""
        photo = Photo(owner_of(contact), self.version(contact), preview)
        return self.base_url + mint(photo, expires=self.now() - age + self.url_life)

    def remembers(self, contact: str) -> bool:
        """Whether Wawp ever asked WhatsApp about this contact."""
        return contact in self._cache

    def remember(self, contact: str, url: str | None) -> None:
        """Put an answer into Wawp's cache."""
        self._cache[contact] = (url, self.now())

    def cached(self, contact: str) -> str | None:
        """What Wawp's cache holds, however old."""
        return self._cache.get(contact, (None, 0.0))[0]

    def _has_photo(self, contact: str) -> bool:
        return self._shown.get(owner_of(contact), has_photo(contact))

    def _nature(self, side: str, contact: str) -> Plan:
        if side == "session":
            return Plan("photo")
        if side == "api" and self.session_status != "WORKING":
            return Plan("scan_qr_after_wait", params={"wait": self.session_wait})
        known = BY_ID.get(contact)
        if side == "cdn":
            return Plan(known.cdn if known else "jpeg")
        # A lever beats the role: who hides or shows a photo plays by the ordinary rules.
        return Plan(known.api if known and owner_of(contact) not in self._shown else "photo")

    def _set(self, who: str, api: str | None, cdn: str | None, plan: Plan) -> None:
        if api is None and cdn is None and plan.delay:
            api = NATURE
        self._check("api", api)
        self._check("cdn", cdn)
        self._set_side("api", who, api, plan)
        self._set_side("cdn", owner_of(who), cdn, plan)

    def _set_side(self, side: str, who: str, name: str | None, plan: Plan) -> None:
        if name is None:
            self._plans.pop((side, who), None)
            return
        self._plans[side, who] = replace(plan, name=name)

    def _check(self, side: str, name: str | None) -> None:
        free = side == "api" and name is not None and name.startswith("url:")
        if name and name not in self._scenarios[side] and not free:
            raise ValueError(f"no scenario is called {name[:60]!r}")


def _known_id(text: str) -> str:
    contact = canonical(text)
    if contact is None:
        raise ValueError(f"no contact id: {text[:60]!r}")
    return contact
