"""What an answer of the upstream means for a contact: what is shown, kept, and asked next.

An error never erases and never counts as "none". A first "none" is believed only once a refresh
has confirmed it, or, from an API that cannot tell, a second one that comes after the same while; a
photo that is known stays, as stale, until then. One that needs no confirming looks as if it did,
and is settled by the same way, but for the question. Viewers are told before anything is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from gateway.budget import MAX_BACKOFF
from gateway.errors import Disconnected, OverBudget, PhotoGone, Reason, Refused
from gateway.findings import Finding, passing
from gateway.model import Absence, Photo

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.archive import Archive
    from gateway.budget import Backoff
    from gateway.errors import AvatarUnavailable, NoPhoto
    from gateway.model import ContactId, Portrait, Sighting, Standing
    from gateway.pauses import Pauses
    from gateway.telemetry import Telemetry


BELIEVED: Final = 2
"""Times the delay before a "none" is confirmed, for which one that is certain may wait for its own
end: whoever comes later asks once more.
"""


class Confirm(Protocol):
    """Has a contact looked into again."""

    def __call__(self, contact: ContactId, seconds: float) -> None:
        """Look in so many seconds, unless that is to be done already."""


class Verdicts:
    """Judges by `archive` and `pauses`; `publish` hears how each contact stands from now on.

    `clock` gives Unix seconds.
    """

    def __init__(
        self,
        archive: Archive,
        pauses: Pauses,
        *,
        confirm: Confirm,
        publish: Callable[[ContactId, Standing], None],
        telemetry: Telemetry,
        clock: Callable[[], float],
    ) -> None:
        self._archive = archive
        self._pauses = pauses
        self._confirm = confirm
        self._publish = publish
        self._telemetry = telemetry
        self._clock = clock

    def now(self) -> float:
        """Unix seconds."""
        return self._clock()

    def is_fresh(self, contact: ContactId, known: Portrait) -> bool:
        """Whether nobody needs to be asked about `contact`."""
        return self._archive.judge(contact, known).fresh_until > self._clock()

    def owes_refresh(self, contact: ContactId, known: Portrait | None) -> bool:
        """Whether a first "none" is to be confirmed by bypassing the API's cache."""
        last = self._pauses.last(contact)
        doubted = last is not None and last.reason is Reason.NONE
        return doubted or (isinstance(known, Absence) and not known.settled)

    def stand(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
        """Publish how `contact` stands by `portrait`."""
        standing = self._archive.judge(contact, portrait)
        self._publish(contact, standing)
        return standing

    def show(self, contact: ContactId, portrait: Portrait, *, asked: bool) -> Finding:
        """Publish `portrait` as what is to be seen."""
        return Finding.of(self.stand(contact, portrait), portrait, asked=asked)

    def remain(self, contact: ContactId, known: Portrait | None, backoff: Backoff) -> Finding:
        """Show what is known for as long as that may be, then a fallback until the pause ends."""
        if known is not None and self._archive.judge(contact, known).expires > self._clock():
            return self.show(contact, known, asked=True)
        standing = passing(backoff.reason, backoff.until)
        self._publish(contact, standing)
        return Finding(standing, asked=True)

    def gone(self) -> Finding:
        """What a viewer gets whose contact was erased while the upstream was asked."""
        return Finding(passing(Reason.NONE, self._clock()), asked=True)

    async def present(
        self, contact: ContactId, photo: Photo, tell: Callable[[Finding], None], *, began: float
    ) -> None:
        """Show and keep a photo that a run which began then has confirmed or brought."""
        tell(self.show(contact, photo, asked=True))
        await self.keep(contact, photo, began=began)

    async def keep(
        self,
        contact: ContactId,
        photo: Photo,
        *,
        began: float,
        known: Portrait | None = None,
    ) -> None:
        """Keep a photo that is shown already, unless somebody did not want that meanwhile.

        Other workers may still believe in what was `known`; they are told to look again.
        """
        believed = known is not None and self.is_fresh(contact, known)
        await self._pauses.clear(contact)
        if await self._archive.keep(contact, photo, began=began):
            if believed:
                await self._archive.announce(contact)
                self.stand(contact, photo)  # that has taken away our own as well
            return
        known = await self._archive.latest(contact)
        if known is None:
            self._publish(contact, self.gone().standing)
        else:
            self.stand(contact, known)

    async def absent(
        self,
        contact: ContactId,
        known: Portrait | None,
        none: NoPhoto,
        tell: Callable[[Finding], None],
        *,
        refreshed: bool,
    ) -> None:
        """The API knows no picture; `refreshed` says that the question bypassed its cache."""
        now, delay = self._clock(), self._archive.confirm_delay
        certain = none.confirmed or self._has_waited(contact, known, now)
        if not certain and isinstance(known, Photo):
            doubt = self._pauses.fail(contact, Reason.NONE, pause=delay)
            tell(self.remain(contact, known, doubt))
            self._confirm(contact, doubt.until - now)
            await self._pauses.share(contact, doubt)
            return
        seen = isinstance(known, Photo) and self._archive.judge(contact, known).expires > now
        is_first = certain and not (refreshed or seen)
        absence = Absence(now, certain=certain, first=is_first)
        tell(self.show(contact, absence, asked=True))
        if not absence.settled:
            self._confirm(contact, delay)
        if isinstance(known, Photo):
            await self._archive.replace(contact, absence)
            self.stand(contact, absence)  # the erasure has taken that away as well
        else:
            await self._archive.keep(contact, absence, began=now)
        await self._pauses.clear(contact)

    def settled(self, known: Portrait | None, *, at: float) -> Absence | None:
        """What a first "none" becomes that needs no confirming; None if the API is to be asked.

        `at` is when somebody began to look into it, in Unix seconds.
        """
        if not (isinstance(known, Absence) and known.first):
            return None
        if not 0 <= at - known.since <= BELIEVED * self._archive.confirm_delay:
            return None
        return replace(known, since=self._clock(), first=False)

    async def settle(
        self,
        contact: ContactId,
        absence: Absence,
        tell: Callable[[Finding], None],
        *,
        began: float,
    ) -> None:
        """Show and keep what nobody is asked about, unless it was erased since it `began`."""
        if self._archive.is_gone(contact, began):
            tell(self.gone())
            return
        tell(self.show(contact, absence, asked=True))
        await self._archive.keep(contact, absence, began=began)

    def _has_waited(self, contact: ContactId, known: Portrait | None, now: float) -> bool:
        """Whether a first "none" has waited to be confirmed for as long as it has to."""
        last = self._pauses.last(contact)
        if last is not None and last.reason is Reason.NONE:
            return last.until <= now
        if not isinstance(known, Absence) or known.settled:
            return False
        return known.since + self._archive.confirm_delay <= now

    async def failed(
        self,
        contact: ContactId,
        known: Portrait | None,
        failure: AvatarUnavailable,
        tell: Callable[[Finding], None],
        *,
        probing: bool = False,
    ) -> None:
        """The question failed; `probing` says that the API has been down before."""
        self._telemetry.run_failed(contact, failure.reason, str(failure))
        if probing or isinstance(failure, Refused | Disconnected):
            # The breaker keeps all others from asking: this contact has done nothing wrong.
            tell(self.remain(contact, known, self._pauses.rest(contact, failure.reason)))
            return
        # An upstream that wants no pause at all gets ours: else every view were a question.
        pause = failure.retry_after or None if isinstance(failure, OverBudget) else None
        if isinstance(failure, PhotoGone):  # even a fresh signature did not help
            pause = MAX_BACKOFF
        backoff = self._pauses.fail(contact, failure.reason, pause=pause)
        tell(self.remain(contact, known, backoff))
        await self._pauses.share(contact, backoff)

    def left_alone(
        self, contact: ContactId, known: Portrait | None, failure: AvatarUnavailable
    ) -> Finding:
        """Nobody was asked: too many wait, or the upstream is left alone."""
        self._telemetry.left_alone(failure.reason)
        return self.remain(contact, known, self._pauses.rest(contact, failure.reason))

    async def broken(
        self, contact: ContactId, known: Portrait | None, tell: Callable[[Finding], None]
    ) -> None:
        """A bug: it must not turn every view into a question."""
        backoff = self._pauses.fail(contact, Reason.INTERNAL)
        tell(self.remain(contact, known, backoff))
        await self._pauses.share(contact, backoff)
