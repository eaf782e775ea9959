"""What only the operator may do: look at many, refresh, warm, erase."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import parse_qs

from gateway.errors import (
    Forbidden,
    InvalidRequest,
    StoreFailed,
    TimedOut,
    TooSoon,
)
from gateway.model import Format
from gateway.web.answers import Answer, accepted, document, no_content, problem
from gateway.web.avatar import NOTHING_HERE
from gateway.web.bearer import CHALLENGE, Bearer
from gateway.web.documents import rendered
from gateway.web.lists import MAX_BODY, MAX_SIGNED_BODY, BadList, asked
from gateway.web.query import Query
from gateway.web.target import Target, raw_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope

    from gateway.documents import Document
    from gateway.model import AvatarSpec, ContactId
    from gateway.telemetry import Telemetry
    from gateway.web.access import Access, Gate
    from gateway.web.links import Links
    from gateway.web.query import Defaults

MAX_LISTED: Final = 200
"""Most contacts of one ``POST /avatars``."""

PREFIX: Final = "/avatar/"
MANY: Final = "/avatars"
WARM: Final = "/avatars/warm"

_START: Final = PREFIX.encode()
_END: Final = b"/refresh"
_LATER: Final = b"30"


class Keeper(Protocol):
    """Who carries out orders; whatever the store does not take raises `StoreFailed`."""

    async def erase(self, contact: ContactId) -> None:
        """Drop every copy."""

    async def suppress(self, contact: ContactId) -> None:
        """Drop every copy, and show none until a refresh is ordered."""

    async def permit(self, contact: ContactId) -> None:
        """Note a refresh; raises `TooSoon`."""

    async def refresh(self, contact: ContactId) -> None:
        """Ask past the API's cache; raises `TooSoon` or `TimedOut`."""

    def warm(self, contacts: Sequence[ContactId]) -> int:
        """Learn about `contacts` behind everybody; return how many wait."""


class Documents(Protocol):
    """What is known of contacts."""

    async def of(self, contact: ContactId, spec: AvatarSpec) -> Document:
        """Return the document of `contact`; the upstream is asked as for a picture."""

    async def known(self, contacts: Sequence[ContactId]) -> list[Document]:
        """Return the documents of those that something is known of; nobody is asked."""


class AdminEndpoint:
    """Carries out orders of whoever has `token`; with None there are no such routes."""

    def __init__(  # noqa: PLR0913 - two services, a witness, and who may see what
        self,
        keeper: Keeper,
        documents: Documents,
        telemetry: Telemetry,
        *,
        token: str | None,
        gate: Gate,
        links: Links,
        defaults: Defaults,
    ) -> None:
        self._keeper = keeper
        self._documents = documents
        self._telemetry = telemetry
        self._token = Bearer(token)
        self._gate = gate
        self._links = links
        self._spec = Query({}).spec(Format.PNG, defaults)

    def admits(self, scope: Scope) -> bool:
        """Whether the request carries the token; it is compared in constant time."""
        return self._token.admits(scope)

    def refusal(self, scope: Scope) -> Answer | None:
        """Return how to answer who may not give orders; None for who may."""
        if not self._token:
            return problem(404, NOTHING_HERE)
        if not self.admits(scope):
            return problem(401, "The admin token is needed.", more=CHALLENGE)
        return None

    async def permits(self, contact: ContactId) -> bool:
        """Note a refresh of `contact`, if one may be ordered now."""
        try:
            await self._keeper.permit(contact)
        except TooSoon:
            return False
        return True

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Answer one request that is no look at a picture."""
        path, method = scope["path"], scope["method"]
        if path in {MANY, WARM}:
            if method != "POST":
                return _only("POST")
            return await (self._listed if path == MANY else self._warm)(scope, receive)
        name, slash, what = path.removeprefix(PREFIX).rpartition("/")
        if slash:
            if what != "refresh" or not name or "/" in name:
                return problem(404, NOTHING_HERE)
            return await self._refresh(scope) if method == "POST" else _only("POST")
        if method == "DELETE":
            return await self._erase(scope)
        return _only("GET", "HEAD", *(("DELETE",) if self._token else ()))

    async def _listed(self, scope: Scope, receive: Receive) -> Answer:
        """``POST /avatars``: the documents of those that are known; nobody is asked.

        With the admin token by ids, without it by tokens and signed URLs.
        """
        read, size = self._gate.read, MAX_BODY
        if not self.admits(scope):
            if not self._gate.guards:
                return self.refusal(scope) or problem(404, NOTHING_HERE)
            read, size = self._gate.read_signed, MAX_SIGNED_BODY
        try:
            found = await asked(receive, read, most=MAX_LISTED, size=size)
        except BadList as failure:
            return problem(failure.status, str(failure))
        known = await self._documents.known(tuple(found))
        return document(200, [self._rendered(each, found[each.contact]) for each in known])

    async def _warm(self, scope: Scope, receive: Receive) -> Answer:
        """``POST /avatars/warm``: contacts that are learned about as the budget allows."""
        refused = self.refusal(scope)
        if refused is not None:
            return refused
        try:
            found = await asked(receive, self._gate.read)
        except BadList as failure:
            return problem(failure.status, str(failure))
        waiting = self._keeper.warm(tuple(found))
        return accepted({"accepted": len(found), "waiting": waiting})

    async def _refresh(self, scope: Scope) -> Answer:
        """``POST /avatar/{contact_id}/refresh``: the question past the API's own cache."""
        refused = self.refusal(scope)
        if refused is not None:
            return refused
        name = raw_path(scope).removeprefix(_START).removesuffix(_END).decode("latin-1")
        try:
            access = self._gate.read(name)
            contact = access.contact()
            await self._keeper.refresh(contact)
        except InvalidRequest as failure:
            return _invalid(failure)
        except TooSoon as failure:
            after = str(max(math.ceil(failure.seconds), 1)).encode()
            return problem(429, f"{_sentence(failure)}.", more=[(b"retry-after", after)])
        except TimedOut as failure:
            return problem(503, f"{_sentence(failure)}.", more=[(b"retry-after", _LATER)])
        except StoreFailed as failure:
            return self._store_failed(failure)
        found = await self._documents.of(contact, self._spec)
        return document(200, self._rendered(found, access))

    async def _erase(self, scope: Scope) -> Answer:
        """``DELETE /avatar/{contact_id}``: every copy goes, also if there was none."""
        refused = self.refusal(scope)
        if refused is not None:
            return refused
        target = Target.of(scope)
        if target is None:
            return problem(404, NOTHING_HERE)
        suppress = parse_qs(scope["query_string"].decode(errors="replace")).get("suppress", [""])
        if len(suppress) != 1 or suppress[0] not in {"", "true", "false"}:
            return problem(400, "suppress takes true or false.")
        try:
            contact = self._gate.read(target.text).contact()
            await (self._keeper.suppress if suppress == ["true"] else self._keeper.erase)(contact)
        except InvalidRequest as failure:
            return _invalid(failure)
        except StoreFailed as failure:
            return self._store_failed(failure)
        return no_content()

    def _store_failed(self, failure: StoreFailed) -> Answer:
        self._telemetry.store_failed(str(failure))
        detail = "The store did not take the order; give it again."
        return problem(503, detail, more=[(b"retry-after", _LATER)])

    def _rendered(self, found: Document, access: Access) -> dict[str, object]:
        name = access.name_of(found.contact)
        links = self._links.until(access.end)
        return rendered(found, self._spec, name=name, options={}, links=links)


def _invalid(failure: InvalidRequest) -> Answer:
    status = 403 if isinstance(failure, Forbidden) else 400
    return problem(status, f"{_sentence(failure)}.")


def _only(*methods: str) -> Answer:
    allowed = [(b"allow", ", ".join(methods).encode())]
    return problem(405, "That method does nothing here.", more=allowed)


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
