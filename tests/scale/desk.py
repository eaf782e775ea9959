"""Who is asked about, and when: the real ledger, waiting list and verdicts on a clock that leaps.

What is left out is asyncio: an event is a call at a time. The waiting lists of all workers are one
here; a turn that comes to a worker whose question another one has asked meanwhile is given back at
once, so the API hears the same.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol, cast

from gateway.budget import Backoffs, Grant, MemoryBackoffs, MemoryLedger, Outcome, Priority
from gateway.budget.turns import MOST_WAITING, SHORTEST_WAIT
from gateway.budget.waiting import WaitingList
from gateway.errors import NoPhoto, OverBudget
from gateway.model import Photo
from gateway.pauses import Pauses
from gateway.telemetry import Telemetry
from gateway.verdicts import Verdicts
from tests.fakes import DAY, signed
from tests.scale.truth import contact_of, number_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.archive import Archive
    from gateway.budget import Rate
    from gateway.findings import Finding
    from gateway.model import ContactId, Portrait, Standing
    from tests.fakes import Clock
    from tests.scale.truth import Truth

HIDDEN: Final = 10
"""Every tenth contact hides the photo."""

LATENCY: Final = 0.5
"""Seconds that a question and its download take."""

DEADLINE: Final = 3.0
"""Seconds that a viewer waits at most."""

LOOKS: Final = 2
"""How often a run for which nobody waits looks at what is known: before its turn, and in it."""

_LATENESS: Final = 0.03


class Follower(Protocol):
    """Hears what came of a question that it has a run for."""

    def told(self, number: int, standing: Standing | None) -> None:
        """Note how the contact stands; None if it was not asked about after all."""


def hides(number: int) -> bool:
    """Whether the contact has no photo for us."""
    return number % HIDDEN == HIDDEN - 1


class Desk:
    """Asks about contacts of `truth` within `rate`; `workers` is how many wait for turns.

    `asked` has the times of all questions, in Unix seconds; `refreshes` is how many of them went
    past the API's cache, `downloads` how many photos came. Of the views that found nothing,
    `waited` saw the face within the deadline. `reads` are look-ups of confirmations, `sent_away`
    questions that were too many for the lists.
    """

    def __init__(self, truth: Truth, *, rate: Rate | None, clock: Clock, workers: int = 1) -> None:
        self._truth = truth
        self._clock = clock
        self._capacity = MOST_WAITING * workers
        self._ledger = MemoryLedger(rate, clock=clock, ticks=clock)
        self._list: WaitingList[int] = WaitingList()
        self._events: list[tuple[float, int, Callable[[], Awaitable[None]]]] = []
        self._order = count()
        self._serving_at = 0.0
        self._flying: set[int] = set()
        self._followers: dict[int, list[Follower]] = {}
        self._viewers: deque[tuple[float, int]] = deque()
        self._watching: Counter[int] = Counter()
        own = Backoffs(first=60.0, clock=clock, jitter=lambda: 0.0)
        self._pauses = Pauses(own, MemoryBackoffs(), key=truth.key)
        self._verdicts = Verdicts(
            cast("Archive", truth),
            self._pauses,
            confirm=self._confirm,
            publish=lambda _contact, _standing: None,
            telemetry=Telemetry(pseudonym=lambda _: "someone"),
            clock=clock,
        )
        self.asked: list[float] = []
        self.refreshes = 0
        self.downloads = 0
        self.waited = 0
        self.reads = 0
        self.sent_away = 0

    async def pass_until(self, now: float) -> None:
        """Let happen what happens until then (Unix seconds)."""
        while self._events and self._events[0][0] <= now:
            self._clock.now, _, event = heappop(self._events)
            await event()
        self._clock.now = now

    def follow(self, number: int, follower: Follower) -> None:
        """Have `follower` told what the next question about the contact comes to."""
        self._followers.setdefault(number, []).append(follower)

    async def look(self, number: int) -> bool:
        """View a contact that may not be fresh; false if nothing of it may be shown."""
        now, shown = self._clock.now, self._truth.expires[number] > self._clock.now
        if self._truth.fresh[number] > now:
            return True
        if not shown:
            self._viewers.append((now, number))
            self._watching[number] += 1
            self._leave(now - DEADLINE)
        await self._want(number, Priority.RENEWAL if shown else Priority.VIEWER)
        return bool(shown)

    async def _want(self, number: int, priority: Priority) -> None:
        if number in self._flying:
            return
        contact = contact_of(number)
        key = contact.value
        if key in self._list:
            if priority is Priority.VIEWER:
                self._list.hurry(key, priority)
            return
        if self._pauses.holding(contact) is not None:
            return
        self._list.add(key, priority, number)
        if len(self._list) > self._capacity:
            for dropped in self._list.drop_last():
                self._send_away(dropped)
        if self._serving_at <= self._clock.now:
            await self._serve()

    async def _serve(self) -> None:
        """Give out turns until there is none or nobody waits; see `Budget`."""
        while self._list:
            answer = await self._ledger.take(young=DEADLINE)
            if not isinstance(answer, Grant):
                self._come_back(max(answer.seconds + _LATENESS, SHORTEST_WAIT))
                return
            await self._ask(answer, self._list.pop())

    def _come_back(self, seconds: float) -> None:
        """Serve again after so many seconds, and not before unless a question ends."""
        until = self._clock.now + seconds
        if not self._clock.now < self._serving_at <= until:
            self._serving_at = until
            self._at(until, self._serve)

    async def _ask(self, grant: Grant, number: int) -> None:
        """Put a question, unless there is no need for it any more; see `Runs`."""
        contact = contact_of(number)
        known = await self._truth.latest(contact, again=True)
        if known is not None and self._verdicts.is_fresh(contact, known):
            await self._ledger.withdraw(grant)
            return
        refresh = self._verdicts.owes_refresh(contact, known)
        self._flying.add(number)
        self.asked.append(self._clock.now)
        self.refreshes += refresh

        async def answer() -> None:
            await self._ledger.settle(grant, Outcome.ANSWERED)
            await self._judge(contact, known, refresh=refresh)
            self._flying.discard(number)
            self._tell(number)
            await self._serve()

        self._at(self._clock.now + LATENCY, answer)

    async def _judge(self, contact: ContactId, known: Portrait | None, *, refresh: bool) -> None:
        now, number = self._clock.now, number_of(contact)
        if hides(number):
            none = NoPhoto("the API knows no picture", confirmed=refresh)
            await self._verdicts.absent(contact, known, none, _nobody, refreshed=refresh)
        elif isinstance(known, Photo):
            photo = replace(known, confirmed=now)
            await self._verdicts.present(contact, photo, _nobody, began=now)
        else:
            self.downloads += 1
            source = signed(f"/v/{number}.jpg", oe=now + 7 * DAY)
            photo = Photo(source, now, now, now, f"{number:012x}", None, b"")
            await self._verdicts.present(contact, photo, _nobody, began=now)

    def _tell(self, number: int) -> None:
        self._leave(self._clock.now - DEADLINE)
        self.waited += self._watching.pop(number, 0)
        standing, followers = self._truth.standings[number], self._followers.pop(number, [])
        for follower in followers:
            follower.told(number, standing)
        if standing.reason is not None and not standing.settled:
            self._followers[number] = followers[:1]  # whose run it was confirms it

    def _send_away(self, number: int) -> None:
        self.sent_away += 1
        self._pauses.rest(contact_of(number), OverBudget.reason)
        for follower in self._followers.pop(number, ()):
            follower.told(number, None)

    def _leave(self, before: float) -> None:
        """Let viewers go who came before then."""
        while self._viewers and self._viewers[0][0] < before:
            number = self._viewers.popleft()[1]
            left = self._watching.get(number, 0) - 1
            if left > 0:
                self._watching[number] = left
            else:
                self._watching.pop(number, None)

    def _confirm(self, contact: ContactId, seconds: float) -> None:
        number = number_of(contact)

        async def ask_again() -> None:
            self.reads += LOOKS
            await self._want(number, Priority.RENEWAL)

        self._at(self._clock.now + seconds + _LATENESS, ask_again)

    def _at(self, when: float, event: Callable[[], Awaitable[None]]) -> None:
        heappush(self._events, (when, next(self._order), event))


def _nobody(_finding: Finding) -> None:
    """Viewers are told by `Desk` itself."""
