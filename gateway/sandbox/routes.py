"""The endpoints of the simulated APIs: Wawp's, WAHA's and Evolution API's, over one world."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.sandbox.cast import (
    ACCESS_TOKEN,
    API_KEY,
    BY_ID,
    EVOLUTION_INSTANCE,
    INSTANCE_ID,
    OWN_ID,
    WAHA_SESSION,
)
from gateway.sandbox.scenarios import as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.sandbox.wire import Reply, Request

__all__ = ["Route", "route_of"]

_NO_TOKEN: Final = as_json(
    401, {"code": "unauthorized", "message": "Invalid instance_id or access_token", "status": 401}
)
_NO_KEY: Final = as_json(401, {"message": "Unauthorized", "statusCode": 401})
_NO_SESSION: Final = as_json(404, {"message": "Session not found", "statusCode": 404})
_NO_INSTANCE: Final = as_json(
    404, {"status": 404, "response": {"message": ['The "instance" instance does not exist']}}
)


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    The contact is in the query, under `parameter`, in the path, as its last group, or in a body;
    `refuse` judges credentials, `word` puts an id and a URL as this API does. One that is `frank`
    says 404 where there is no photo; without `tells` it says so whatever the matter is.
    """

    kind: str
    path: re.Pattern[str]
    refuse: Callable[[Request], Reply | None]
    word: Callable[[str, str | None], object]
    parameter: str | None = None
    own: bool = False
    method: str = "GET"
    frank: bool = False
    tells: bool = True

    def asked(self, request: Request) -> str | None:
        """Whom `request` is about, as it was sent."""
        if self.own:
            return OWN_ID
        if self.method == "POST":
            return _number_in(request.body)
        if self.parameter is not None:
            return request.query.get(self.parameter)
        found = self.path.fullmatch(request.path)
        return found["contact"] if found and "contact" in found.groupdict() else None


def route_of(path: str) -> Route | None:
    """The endpoint at this path; None if no API has such a one."""
    return next((route for route in ROUTES if route.path.fullmatch(path)), None)


def _number_in(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    number = document.get("number") if isinstance(document, dict) else None
    return number if isinstance(number, str) else None


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())


def _wawp(request: Request) -> Reply | None:
    query = request.query
    right = _same(query.get("instance_id", ""), INSTANCE_ID)
    return None if _same(query.get("access_token", ""), ACCESS_TOKEN) and right else _NO_TOKEN


def _waha(request: Request) -> Reply | None:
    if not _same(request.headers.get("x-api-key", ""), API_KEY):
        return _NO_KEY
    named = re.match(r"/api/(?:sessions/([^/]+)|([^/]+)/(?:profile|lids))", request.path)
    session = request.query.get("session", "")
    if named and not request.path.startswith("/api/contacts/"):
        session = named[1] or named[2]
    return None if session == WAHA_SESSION else _NO_SESSION


def _evolution(request: Request) -> Reply | None:
    if not _same(request.headers.get("apikey", ""), API_KEY):
        return _NO_KEY
    instance = request.query.get("instanceName", request.path.rpartition("/")[2])
    return None if instance == EVOLUTION_INSTANCE else _NO_INSTANCE


def _id_and_url(contact: str, url: str | None) -> object:
    return {"id": contact, "url": url}


def _bare_url(contact: str, url: str | None) -> object:
    del contact
    return {"url": url}


def _profile(contact: str, url: str | None) -> object:
    return {"id": contact, "name": BY_ID[OWN_ID].name, "picture": url}


def _waha_picture(contact: str, url: str | None) -> object:
    del contact
    return {"profilePictureURL": url}


def _evolution_picture(contact: str, url: str | None) -> object:
    return {"wuid": contact.replace("@c.us", "@s.whatsapp.net"), "profilePictureUrl": url}


def _wawp_session(status: str, me: str | None) -> object:
    return _state(INSTANCE_ID, status, me)


def _waha_session(status: str, me: str | None) -> object:
    return _state(WAHA_SESSION, status, me)


def _state(name: str, status: str, me: str | None) -> object:
    account = {"id": me, "pushName": BY_ID[OWN_ID].name} if me else None
    return {"name": name, "status": status, "config": {}, "me": account}


def _instances(status: str, me: str | None) -> object:
    state = "open" if status == "WORKING" else "close"
    owner = me and me.replace("@c.us", "@s.whatsapp.net")
    return [{"name": EVOLUTION_INSTANCE, "connectionStatus": state, "ownerJid": owner}]


def _wawp_lid(number: str, lid: str | None) -> object:
    return {"lid": lid, "number": number.partition("@")[0]} if lid else None


def _waha_lid(number: str, lid: str | None) -> object:
    return {"lid": lid, "pn": number}


def _path(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_LID: Final = r"(?:pn/)?(?P<contact>[^/]+)"

ROUTES: Final = (
    Route(
        "picture", _path("/v2/contacts/profile-picture"), _wawp, _id_and_url, "contactId",
        frank=True,
    ),
    Route("picture", _path("/v2/chats/picture"), _wawp, _bare_url, "chatId", frank=True),
    Route(
        "picture", _path("/v2/groups/(?P<contact>[^/]+)/picture"), _wawp, _bare_url, frank=True
    ),
    Route("profile", _path("/v2/profile(?:/me)?"), _wawp, _profile, own=True, frank=True),
    Route("session", _path("/v2/session/info"), _wawp, _wawp_session),
    Route("contacts", _path("/v2/contacts"), _wawp, _bare_url, "contactId"),
    Route("lids", _path(f"/v2/lids/{_LID}"), _wawp, _wawp_lid),
    Route("picture", _path("/api/contacts/profile-picture"), _waha, _waha_picture, "contactId"),
    Route("session", _path("/api/sessions/[^/]+"), _waha, _waha_session),
    Route("profile", _path("/api/[^/]+/profile"), _waha, _profile, own=True),
    Route("lids", _path(f"/api/[^/]+/lids/{_LID}"), _waha, _waha_lid),
    Route(
        "picture", _path("/chat/fetchProfilePictureUrl/[^/]+"), _evolution, _evolution_picture,
        method="POST", tells=False,
    ),
    Route("session", _path("/instance/fetchInstances"), _evolution, _instances),
)  # fmt: skip
