"""The simulated APIs: how their questions are answered, whichever of them is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.sandbox.cast import BY_ID, LIDS, OWN_ID
from gateway.sandbox.ids import canonical
from gateway.sandbox.routes import route_of
from gateway.sandbox.scenarios import Question, api_scenario, as_json, not_found_reply
from gateway.sandbox.wire import Reply
from gateway.sandbox.world import Call

if TYPE_CHECKING:
    from gateway.sandbox.routes import Route
    from gateway.sandbox.wire import Line, Request
    from gateway.sandbox.world import World

__all__ = ["answer", "method_of"]

_NO_CONTACT: Final = as_json(
    400, {"code": "bad_request", "message": "contactId is missing or not valid", "status": 400}
)
_OWN_NUMBER: Final = "Use /v2/profile/me: this endpoint has no profile picture for"


def method_of(path: str) -> str | None:
    """How this path is asked; None if no API has such a route."""
    route = route_of(path)
    return None if route is None else route.method


async def answer(request: Request, line: Line, world: World) -> Reply | None:
    """Answer one API request, or misbehave on `line` and return None."""
    route = route_of(request.path)
    if route is None:
        return Reply(404, b"Not Found\n", "text/plain")
    asked = route.asked(request)
    contact = canonical(asked) if asked else None
    query = request.query
    refresh = query.get("refresh", "").lower() == "true"
    world.record(
        Call(route.kind, contact, refresh, request.path, query, request.headers, world.now())
    )
    gate = world.gates[route.kind]
    if not gate.is_open:
        await line.unless_gone(gate.passed())
    refused = route.refuse(request)
    if refused is not None:
        return refused
    if route.kind == "session":
        return await _session(route, line, world)
    if contact is None:
        return _NO_CONTACT
    if route.kind in {"picture", "profile"}:
        return await _picture(route, contact, line, world, refresh=refresh)
    return _about(contact) if route.kind == "contacts" else _names(route, contact)


async def _picture(
    route: Route, contact: str, line: Line, world: World, *, refresh: bool
) -> Reply | None:
    if not route.tells and world.session_status != "WORKING":
        return as_json(200, route.word(contact, None))
    plan = world.plan("api", contact)
    known = BY_ID.get(contact)
    about = (known and known.known_as) or contact

    async def good() -> Reply:
        if contact == OWN_ID and route.frank and not route.own:
            return not_found_reply(contact, _OWN_NUMBER)
        # One that keeps nothing asks WhatsApp each time.
        url = world.url(contact, refresh=refresh or not route.tells)
        if url is None and route.frank:
            return not_found_reply(contact)
        return question.answer(url, about=about)

    question = Question(line, plan.params, good, world, contact, refresh, route.word)
    await line.pause(plan.delay)
    return await api_scenario(plan.name)(question)


async def _session(route: Route, line: Line, world: World) -> Reply | None:
    plan = world.plan("session", OWN_ID)

    def wording(contact: str, url: str | None) -> object:
        del url
        working = world.session_status == "WORKING"
        return route.word(world.session_status, contact if working else None)

    async def good() -> Reply:
        return question.answer(None)

    question = Question(line, plan.params, good, world, OWN_ID, refresh=False, wording=wording)
    await line.pause(plan.delay)
    return await api_scenario(plan.name)(question)


def _names(route: Route, contact: str) -> Reply:
    number = next((each for each, lid in LIDS.items() if lid == contact), contact)
    return as_json(200, route.word(number, LIDS.get(number)))


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
