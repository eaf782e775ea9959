"""The levers as a JSON API under `/_sandbox/`, for tests that run in another process."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Awaitable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from gateway.sandbox.cast import CAST
from gateway.sandbox.ids import canonical
from gateway.sandbox.scenarios import API, CDN, as_json
from gateway.sandbox.wire import Reply
from gateway.sandbox.world import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.sandbox.wire import Line, Request
    from gateway.sandbox.world import World

    Handler = Callable[["Order"], Awaitable[object] | object]

__all__ = ["PREFIX", "answer"]

PREFIX: Final = "/_sandbox/"
LONG_POLL: Final = 10.0


class Refused(Exception):
    """The order cannot be carried out; the message is one line, `status` the answer's."""

    def __init__(self, problem: str, status: int = 400) -> None:
        """Carry what the caller is told."""
        super().__init__(problem)
        self.status = status


class Order:
    """One request to the control API: where it goes, what it says."""

    def __init__(self, request: Request, world: World, line: Line, subject: str) -> None:
        """`subject` is the contact or the kind that the path names, or nothing."""
        self.request = request
        self.world = world
        self.line = line
        self.subject = subject

    def document(self, fields: Mapping[str, tuple[type, ...]]) -> dict[str, object]:
        """The body as an object with no other fields than these, each of its type."""
        try:
            value = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise Refused("the body is not JSON") from error
        if not isinstance(value, dict):
            raise Refused("the body is not a JSON object")
        for name, content in value.items():
            if name not in fields:
                raise Refused(f"no field is called {name[:60]!r}; there are {', '.join(fields)}")
            # bool is an int to Python, but true is no number of seconds.
            if isinstance(content, bool) or not isinstance(content, fields[name]):
                raise Refused(f"{name!r} has the wrong type")
        return {name: content for name, content in value.items() if content is not None}

    @property
    def contact(self) -> str:
        """The contact that the path names, canonical."""
        contact = canonical(self.subject)
        if contact is None:
            raise Refused(f"no contact id: {self.subject[:60]!r}")
        return contact


_NUMBER: Final = (int, float)
_SCENARIO: Final[dict[str, tuple[type, ...]]] = {
    "api": (str, type(None)),
    "cdn": (str, type(None)),
    "delay": _NUMBER,
    "params": (dict,),
    "times": (int, type(None)),
}


def _cast(order: Order) -> object:
    del order
    return [asdict(contact) for contact in CAST]


def _scenarios(order: Order) -> object:
    del order
    return {
        side: {name: (function.__doc__ or "").partition("\n")[0] for name, function in table}
        for side, table in (("api", API.items()), ("cdn", CDN.items()))
    }


def _calls(order: Order) -> object:
    wanted = {name: order.request.query.get(name) for name in ("kind", "contact")}
    calls = [
        asdict(call)
        for call in order.world.calls
        if wanted["kind"] in {None, call.kind} and wanted["contact"] in {None, call.contact}
    ]
    return {"counts": {kind: order.world.count(kind) for kind in KINDS}, "calls": calls}


def _reset(order: Order) -> None:
    order.world.reset()


def _clock(order: Order) -> object:
    document = order.document({"advance": _NUMBER})
    order.world.advance(float(str(document.get("advance", 0))))
    return {"now": order.world.now()}


def _session(order: Order) -> None:
    fields: dict[str, tuple[type, ...]] = {
        "status": (str,),
        "wait": _NUMBER,
        "api": (str, type(None)),
        "params": (dict,),
    }
    document = order.document(fields)
    order.world.set_session(**document)  # type: ignore[arg-type]  # document() checked each type


def _default(order: Order) -> None:
    order.world.set_default(**_plan(order))  # type: ignore[arg-type]  # document() checked them


def _contact(order: Order) -> None:
    order.world.set_contact(order.contact, **_plan(order))  # type: ignore[arg-type]  # as above


def _plan(order: Order) -> dict[str, object]:
    document = order.document(_SCENARIO)
    if int(str(document.get("times", 1))) < 1:
        raise Refused("'times' must be 1 or more")
    return document


def _new_photo(order: Order) -> object:
    return {"version": order.world.new_photo(order.contact)}


def _hide(order: Order) -> None:
    order.world.hide(order.contact)


def _show(order: Order) -> None:
    order.world.show(order.contact)


def _close_gate(order: Order) -> None:
    order.world.close_gate(_kind(order))


def _open_gate(order: Order) -> None:
    order.world.open_gate(_kind(order))


async def _gate(order: Order) -> object:
    """How many wait; with `waiting=N` answered once there are so many, or 408 after 10 s."""
    kind = _kind(order)
    asked = order.request.query.get("waiting", "0")
    if not re.fullmatch(r"[0-9]{1,6}", asked):
        raise Refused("'waiting' must be a number")
    try:
        await order.line.unless_gone(order.world.waiting(kind, int(asked), within=LONG_POLL))
    except TimeoutError as error:
        raise Refused(f"only {order.world.gates[kind].waiting} wait", 408) from error
    gate = order.world.gates[kind]
    return {"waiting": gate.waiting, "closed": not gate.is_open}


def _kind(order: Order) -> str:
    if order.subject not in KINDS:
        raise Refused(f"no kind of call is {order.subject[:60]!r}; there are {', '.join(KINDS)}")
    return order.subject


ROUTES: Final[tuple[tuple[str, re.Pattern[str], Handler], ...]] = (
    ("GET", re.compile("cast"), _cast),
    ("GET", re.compile("scenarios"), _scenarios),
    ("GET", re.compile("calls"), _calls),
    ("POST", re.compile("reset"), _reset),
    ("POST", re.compile("clock"), _clock),
    ("PUT", re.compile("session"), _session),
    ("PUT", re.compile("default"), _default),
    ("PUT", re.compile("contacts/([^/]+)"), _contact),
    ("POST", re.compile("contacts/([^/]+)/photo"), _new_photo),
    ("POST", re.compile("contacts/([^/]+)/hide"), _hide),
    ("POST", re.compile("contacts/([^/]+)/show"), _show),
    ("POST", re.compile("gate/([^/]+)/close"), _close_gate),
    ("POST", re.compile("gate/([^/]+)/open"), _open_gate),
    ("GET", re.compile("gate/([^/]+)"), _gate),
)


async def answer(request: Request, line: Line, world: World) -> Reply:
    """Carry out one order: 200 with JSON, 204, or a problem of one line."""
    try:
        _check_peer(line.peer)
        handler, subject = _route(request)
        value = handler(Order(request, world, line, subject))
        if isinstance(value, Awaitable):
            value = await value
    except (Refused, ValueError) as problem:
        return as_json(getattr(problem, "status", 400), {"problem": str(problem)})
    return Reply(204) if value is None else as_json(200, value)


def _check_peer(address: str) -> None:
    if not ipaddress.ip_address(address).is_loopback:
        raise Refused("the control API is for this machine only", 403)


def _route(request: Request) -> tuple[Handler, str]:
    path = request.path.removeprefix(PREFIX)
    found = [
        (method, handler, match)
        for method, pattern, handler in ROUTES
        if (match := pattern.fullmatch(path)) is not None
    ]
    for method, handler, match in found:
        if method == request.method:
            return handler, match[1] if match.lastindex else ""
    problem = f"no such order: {request.method} {path[:60]}"
    raise Refused(problem, 405 if found else 404)
