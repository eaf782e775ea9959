"""``GET /avatar/{contact_id}``: a request becomes values, an avatar becomes an answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import InvalidRequest, Reason
from gateway.model import Fallback, Kind
from gateway.web import headers as h
from gateway.web.access import OPEN
from gateway.web.answers import Answer, empty, problem
from gateway.web.conditional import not_modified
from gateway.web.negotiation import wants_json
from gateway.web.query import Query
from gateway.web.target import Target, header

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from gateway.model import Avatar, AvatarSpec, ContactId, Rendition
    from gateway.telemetry import Telemetry
    from gateway.web.access import Access, Gate
    from gateway.web.query import Defaults

NOTHING_HERE: Final = "There is nothing here."
FAULT: Final = "The gateway failed; its log says how."

STATUS: Final = {Reason.INVALID: 400, Reason.FORBIDDEN: 403, Reason.INTERNAL: 500}
"""Status of a refusal by its reason; every other reason is answered with 200."""


class Avatars(Protocol):
    """The service, as the edge needs it."""

    async def get(self, contact: ContactId, spec: AvatarSpec) -> Avatar:
        """Return the avatar, photo or fallback."""

    async def stand_in(self, kind: Kind, spec: AvatarSpec) -> Rendition:
        """Return a fallback for nobody in particular."""


class AvatarEndpoint:
    """Answers requests for avatars that `gate` lets in; `clock` gives Unix seconds."""

    def __init__(
        self,
        avatars: Avatars,
        telemetry: Telemetry,
        *,
        defaults: Defaults,
        gate: Gate = OPEN,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._avatars = avatars
        self._telemetry = telemetry
        self._defaults = defaults
        self._gate = gate
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
        contact = access.contact()
        spec = query.spec(target.format, self._defaults)
        avatar = await self._avatars.get(contact, spec)
        now = self._clock()
        life = h.cache_control(
            avatar.standing,
            version=spec.version,
            now=now,
            # Of a number behind a token not even this may be learned.
            spread=h.spread_of(access.name_of(contact)),
            end=access.end,
        )
        return self._shown(scope, target, avatar, life, now)

    def _shown(self, scope: Scope, target: Target, avatar: Avatar, life: str, now: float) -> Answer:
        """Make the answer of `avatar`: 200, 304, or 404 where no fallback is wanted."""
        standing, rendition = avatar.standing, avatar.rendition
        said = [
            *h.date(now),
            (b"cache-control", life.encode()),
            (b"cache-status", h.cache_status(avatar, now=now).encode()),
            *h.truth(standing.reason),
            *h.vary(negotiated=target.negotiated),
            *h.COMMON,
        ]
        if rendition is None:
            return self._counted(empty(404, said), standing.reason)
        said += h.validators(rendition, standing, now=now)
        if not_modified(
            rendition,
            standing,
            if_none_match=header(scope, b"if-none-match"),
            if_modified_since=header(scope, b"if-modified-since"),
        ):
            return self._counted(Answer(304, said), standing.reason)
        whole = Answer(200, [*h.representation(rendition), *said], rendition.body)
        return self._counted(whole, standing.reason)

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
        if wants_json(header(scope, b"accept")):
            return self._counted(problem(status, detail, more=said[1:]), reason)
        if spec.fallback is Fallback.NOT_FOUND:
            return self._counted(empty(status, [*said, *h.COMMON]), reason)
        rendition = await self._avatars.stand_in(Kind.PERSON, spec)
        headers = [*h.representation(rendition), *said, *h.COMMON]
        return self._counted(Answer(status, headers, rendition.body), reason)

    def _counted(self, answer: Answer, reason: Reason | None) -> Answer:
        self._telemetry.answered(answer.status, reason)
        return answer
