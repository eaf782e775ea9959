"""The simulated Wawp API: routes, credentials and the wording of their answers."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.sandbox.cast import ACCESS_TOKEN, BY_ID, INSTANCE_ID, LIDS, OWN_ID
from gateway.sandbox.ids import canonical
from gateway.sandbox.scenarios import Question, api_scenario, as_json, not_found_reply
from gateway.sandbox.world import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.sandbox.wire import Line, Reply, Request
    from gateway.sandbox.world import World

__all__ = ["answer", "kind_of"]

_UNAUTHORIZED: Final = as_json(
    401, {"code": "unauthorized", "message": "Invalid instance_id or access_token", "status": 401}
)
_NO_CONTACT: Final = as_json(
    400, {"code": "bad_request", "message": "contactId is missing or not valid", "status": 400}
)
_OWN_NUMBER: Final = "Use /v2/profile/me: this endpoint has no profile picture for"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; `asks` finds the contact in a query, or in the path's last group."""

    kind: str
    path: re.Pattern[str]
    parameter: str | None = None
    own: bool = False
    wording: Callable[[str, str | None], object] = lambda contact, url: {"id": contact, "url": url}


def _bare_url(contact: str, url: str | None) -> object:
    del contact
    return {"url": url}


def _profile(contact: str, url: str | None) -> object:
    return {"id": contact, "name": BY_ID[OWN_ID].name, "picture": url}


ROUTES: Final = (
    Route("picture", re.compile(r"/v2/contacts/profile-picture"), "contactId"),
    Route("picture", re.compile(r"/v2/chats/picture"), "chatId", wording=_bare_url),
    Route("picture", re.compile(r"/v2/groups/([^/]+)/picture"), wording=_bare_url),
    Route("profile", re.compile(r"/v2/profile(?:/me)?"), own=True, wording=_profile),
    Route("session", re.compile(r"/v2/session/info")),
    Route("contacts", re.compile(r"/v2/contacts"), "contactId"),
    Route("lids", re.compile(r"/v2/lids/pn/([^/]+)")),
)


def kind_of(path: str) -> str | None:
    """Which kind of call goes to this path; None if the API has no such route."""
    return next((route.kind for route in ROUTES if route.path.fullmatch(path)), None)


async def answer(request: Request, line: Line, world: World) -> Reply | None:
    """Answer one API request, or misbehave on `line` and return None."""
    route, found = next(
        (route, match)
        for route in ROUTES
        if (match := route.path.fullmatch(request.path)) is not None
    )
    query = request.query
    asked = OWN_ID if route.own else (found[1] if found.re.groups and found.lastindex else None)
    if route.parameter is not None:
        asked = query.get(route.parameter)
    contact = canonical(asked) if asked else None
    refresh = query.get("refresh", "").lower() == "true"
    world.record(
        Call(route.kind, contact, refresh, request.path, query, request.headers, world.now())
    )
    gate = world.gates[route.kind]
    if not gate.is_open:
        await line.unless_gone(gate.passed())
    if not _known(query):
        return _UNAUTHORIZED
    if route.kind == "session":
        return await _session(line, world)
    if contact is None:
        return _NO_CONTACT
    if route.kind == "contacts":
        return _about(contact)
    if route.kind == "lids":
        lid = LIDS.get(contact)
        return as_json(200, {"lid": lid, "number": contact.partition("@")[0]} if lid else None)
    return await _picture(route, contact, line, world, refresh=refresh)


async def _picture(
    route: Route, contact: str, line: Line, world: World, *, refresh: bool
) -> Reply | None:
    plan = world.plan("api", contact)
    wording = route.wording
    known = BY_ID.get(contact)
    about = (known and known.known_as) or contact

    async def good() -> Reply:
        if contact == OWN_ID and not route.own:
            return not_found_reply(contact, _OWN_NUMBER)
        url = world.url(contact, refresh=refresh)
        if url is None:
            return not_found_reply(contact)
        return question.answer(url, about=about)

    question = Question(line, plan.params, good, world, contact, refresh, wording)
    await line.pause(plan.delay)
    return await api_scenario(plan.name)(question)


async def _session(line: Line, world: World) -> Reply | None:
    plan = world.plan("session", OWN_ID)

    def wording(contact: str, url: str | None) -> Mapping[str, object]:
        del contact, url
        working = world.session_status == "WORKING"
        me = {"id": OWN_ID, "pushName": BY_ID[OWN_ID].name} if working else None
        return {"name": INSTANCE_ID, "status": world.session_status, "config": {}, "me": me}

    async def good() -> Reply:
        return question.answer(None)

    question = Question(line, plan.params, good, world, OWN_ID, refresh=False, wording=wording)
    await line.pause(plan.delay)
    return await api_scenario(plan.name)(question)


def _about(contact: str) -> Reply:
    known = BY_ID.get(contact)
    name = known.name if known else None
    return as_json(
        200,
        {
            "id": contact,
            "number": contact.partition("@")[0],
            "name": name,
            "pushname": name,
            "isBusiness": known is not None and known.kind == "business",
            "isGroup": contact.endswith("@g.us"),
            "isMe": contact == OWN_ID,
        },
    )


def _known(query: Mapping[str, str]) -> bool:
    """Whether the credentials are the sandbox's."""
    return hmac.compare_digest(
        query.get("instance_id", "").encode(), INSTANCE_ID.encode()
    ) and hmac.compare_digest(query.get("access_token", "").encode(), ACCESS_TOKEN.encode())
