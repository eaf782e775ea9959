"""``GET /avatar/{contact_id}``: a request becomes values, an avatar becomes an answer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import InvalidRequest, Reason
from gateway.model import Fallback, Kind, Path
from gateway.telemetry.stopwatch import IDLE, Stopwatch
from gateway.web import headers as h
from gateway.web.access import OPEN
from gateway.web.answers import Answer, empty, facts, problem
from gateway.web.clients import DIRECT
from gateway.web.conditional import not_modified
from gateway.web.documents import rendered
from gateway.web.journal import CONTACT
from gateway.web.negotiation import wants_json
from gateway.web.query import Query
from gateway.web.target import Target, header, request_line
from gateway.web.views import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from gateway.documents import Document
    from gateway.model import Avatar, AvatarSpec, ContactId, Rendition
    from gateway.telemetry import Telemetry
    from gateway.telemetry.stopwatch import Laps
    from gateway.web.access import Access, Gate
    from gateway.web.clients import Clients
    from gateway.web.links import Links
    from gateway.web.query import Defaults

NOTHING_HERE: Final = "There is nothing here."
FAULT: Final = "The gateway failed; its log says how."

STATUS: Final = {Reason.INVALID: 400, Reason.FORBIDDEN: 403, Reason.INTERNAL: 500}
"""Status of a refusal by its reason; every other reason is answered with 200."""


class Avatars(Protocol):
    """The service, as the edge needs it."""

    async def get(
        self,
        contact: ContactId,
        spec: AvatarSpec,
        *,
        network: str | None = None,
        watch: Laps = IDLE,
    ) -> Avatar:
        """Return the avatar, photo or fallback.

        `network` is where a stranger asks from; `watch` learns what took how long.
        """

    async def refreshed(self, contact: ContactId, spec: AvatarSpec) -> Avatar:
        """Return the avatar after a question past the API's own cache."""


class Documents(Protocol):
    """What is known of contacts."""

    async def of(
        self, contact: ContactId, spec: AvatarSpec, *, network: str | None = None
    ) -> Document:
        """Return the document of `contact`; the upstream is asked as for a picture."""


class Admin(Protocol):
    """Who may do more than look."""

    def admits(self, scope: Scope) -> bool:
        """Whether the request carries the admin token."""

    async def permits(self, contact: ContactId) -> bool:
        """Note a refresh of `contact`, if one may be ordered now."""


class Fallbacks(Protocol):
    """Draws for refusals."""

    async def stand_in(self, kind: Kind, spec: AvatarSpec) -> Rendition:
        """Return a fallback for nobody in particular."""


def forget(_line: bytes, _view: View) -> None:
    """Learn nothing: every request goes the ordinary way."""


class AvatarEndpoint:
    """Answers requests for avatars that `gate` lets in; `clock` gives Unix seconds.

    `learn` is told of request lines that lead to what is held ready and depend on nothing else.
    """

    def __init__(  # noqa: PLR0913 - four services, what documents are made with, who learns, and a clock
        self,
        avatars: Avatars,
        fallbacks: Fallbacks,
        documents: Documents,
        *,
        admin: Admin,
        telemetry: Telemetry,
        links: Links,
        defaults: Defaults,
        gate: Gate = OPEN,
        clients: Clients = DIRECT,
        learn: Callable[[bytes, View], None] = forget,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._avatars = avatars
        self._fallbacks = fallbacks
        self._documents = documents
        self._admin = admin
        self._telemetry = telemetry
        self._links = links
        self._defaults = defaults
        self._gate = gate
        self._clients = clients
        self._learn = learn
        self._clock = clock

    async def answer(self, scope: Scope) -> Answer:
        """Answer one GET or HEAD; only a fault of ours makes a 500, and that shows a face too."""
        target = Target.of(scope)
        if target is None:
            return problem(404, NOTHING_HERE)
        # Some clients send UTF-8 as it is, without percent-encoding.
        query = Query.parse(scope["query_string"].decode(errors="replace"))
        try:
            return await self._show(scope, target, query, self._gate.judge(scope, target))
        except InvalidRequest as refusal:
            return await self._refuse(scope, target, query, refusal.reason, str(refusal))
        except Exception as error:  # noqa: BLE001 - the edge: whatever comes here is a bug
            self._telemetry.bug(error)
            return await self._refuse(scope, target, query, Reason.INTERNAL, FAULT)

    async def _show(self, scope: Scope, target: Target, query: Query, access: Access) -> Answer:
        scope[CONTACT] = contact = access.contact()
        spec = query.spec(target.format, self._defaults)
        network = self._network(scope)
        if target.document:
            found = await self._documents.of(contact, spec, network=network)
            return self._told(found, query, spec, access)
        view = View(
            contact,
            spec,
            # Of a number behind a token not even this may be learned.
            h.spread_of(access.name_of(contact)),
            access.end,
            target.negotiated,
        )
        watch = Stopwatch() if self._admin.admits(scope) else None
        refreshed = query.refresh and await self._may_refresh(scope, contact, access)
        if refreshed:
            avatar = await self._avatars.refreshed(contact, spec)
        else:
            avatar = await self._avatars.get(contact, spec, network=network, watch=watch or IDLE)
        if avatar.path is Path.HIT and not (query.refresh or target.negotiated):
            self._learn(request_line(scope), view)
        self._telemetry.looked(avatar, now=self._clock())
        return _timed(self._shown(scope, view, avatar), watch)

    def _network(self, scope: Scope) -> str | None:
        """Where a stranger asks from; None for who has shown that they may ask about anybody."""
        if self._gate.guards or self._admin.admits(scope):
            return None
        return self._clients.network_of(scope)

    async def _may_refresh(self, scope: Scope, contact: ContactId, access: Access) -> bool:
        """Whether the API's own cache may be bypassed: by whoever has authority, and seldom."""
        allowed = access.signed or self._admin.admits(scope)
        return allowed and await self._admin.permits(contact)

    def _told(self, found: Document, query: Query, spec: AvatarSpec, access: Access) -> Answer:
        """Make the answer of a document, which lives as long as the picture it tells of."""
        now, standing, name = self._clock(), found.standing, access.name_of(found.contact)
        life = h.cache_control(
            standing, version="", now=now, spread=h.spread_of(name), end=access.end
        )
        said = [
            *h.date(now),
            (b"cache-control", life.encode()),
            *h.truth(standing.reason),
            *h.COMMON,
        ]
        links = self._links.until(access.end)
        content = rendered(found, spec, name=name, options=query.options(), links=links)
        return self._counted(facts(content, said), standing.reason)

    def _shown(self, scope: Scope, view: View, avatar: Avatar) -> Answer:
        """Make the answer of `avatar`: 200, 304, or 404 where no fallback is wanted."""
        now, rendition = self._clock(), avatar.rendition
        if rendition is None:
            answer = view.absent(avatar, now=now)
        elif not_modified(
            rendition,
            avatar.standing,
            if_none_match=header(scope, b"if-none-match"),
            if_modified_since=header(scope, b"if-modified-since"),
        ):
            answer = view.unmodified(avatar, rendition, now=now)
        else:
            answer = view.whole(avatar, rendition, now=now)
        return self._counted(answer, avatar.standing.reason)

    async def _refuse(
        self, scope: Scope, target: Target, query: Query, reason: Reason, detail: str
    ) -> Answer:
        """Answer an error as the viewer can best use it: JSON, nothing, or a silhouette."""
        status = STATUS[reason]
        spec = query.refused(target.format)
        said = [
            (b"cache-control", h.NO_STORE.encode()),
            *h.truth(reason),
            *h.vary(negotiated=target.negotiated),
        ]
        if target.document or wants_json(header(scope, b"accept")):
            return self._counted(problem(status, detail, more=said[1:]), reason)
        if spec.fallback is Fallback.NOT_FOUND:
            return self._counted(empty(status, [*said, *h.COMMON]), reason)
        rendition = await self._fallbacks.stand_in(Kind.PERSON, spec)
        headers = [*h.representation(rendition), *said, *h.COMMON]
        return self._counted(Answer(status, headers, rendition.body), reason)

    def _counted(self, answer: Answer, reason: Reason | None) -> Answer:
        self._telemetry.answered(answer.status, reason)
        return answer


def _timed(answer: Answer, watch: Stopwatch | None) -> Answer:
    """Say what took how long, to whom it is told."""
    told = "" if watch is None else watch.server_timing()
    if not told:
        return answer
    return replace(answer, headers=[*answer.headers, (b"server-timing", told.encode())])
