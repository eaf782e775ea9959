"""What a webhook tells, read from whatever came: contacts that are worth another look.

Everything that cannot be read is no news. Nothing of an envelope is believed or kept: the worst
that a forged one could do is to have the upstream asked once more.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from gateway.errors import InvalidContact
from gateway.model import ContactId, Kind, News, Tidings

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_NEWS: Final = 100
"""Most contacts of one envelope."""

_MOST_PARTS: Final = 1_000
_DEPTH: Final = 5
_BAILEYS: Final = ("changed", "removed")
_WHATSMEOW: Final = ("PictureID", "Remove")
_SENDER: Final = ("participant", "author", "from")


def read_news(body: bytes) -> list[News]:
    """Return what the JSON in `body` tells, each contact once."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return []
    event, payload = (
        (envelope.get("event"), envelope.get("payload"))
        if isinstance(envelope, dict)
        else (None, None)
    )
    if not isinstance(event, str) or not isinstance(payload, dict):
        return []
    match event:
        case "group.v2.update":
            found, what = _group(payload), Tidings.PICTURE
        case "engine.event":
            found, what = _pictures(payload), Tidings.PICTURE
        case "message":
            found, what = _sender(payload), Tidings.MESSAGE
        case _:
            return []
    contacts = dict.fromkeys(each for each in found if each.can_have_photo)
    told = json.dumps([event, payload], sort_keys=True).encode()
    name = hashlib.sha256(told).hexdigest()
    return [News(each, what, name) for each in list(contacts)[:MOST_NEWS]]


def _group(payload: dict[str, object]) -> Iterator[ContactId]:
    """The group that was updated; perhaps its icon."""
    inner = payload.get("group")
    for part in (inner if isinstance(inner, dict) else {}, payload):
        for name in ("id", "JID", "chatId"):
            contact = _contact(part.get(name))
            if contact is not None and contact.kind is Kind.GROUP:
                yield contact
                return


def _pictures(payload: dict[str, object]) -> Iterator[ContactId]:
    """Whose picture an engine tells of, in its own words.

    whatsmeow has ``Picture{JID, Remove, PictureID}``, Baileys ``contacts.update[{id, imgUrl}]``;
    how deep in the envelope is not documented.
    """
    for part in _objects(payload):
        contact = None
        if any(name in part for name in _WHATSMEOW):
            contact = _contact(part.get("JID"))
        elif part.get("imgUrl") in _BAILEYS:
            contact = _contact(part.get("id"))
        if contact is not None:
            yield contact


def _sender(payload: dict[str, object]) -> Iterator[ContactId]:
    """Who has written, if it is not ourselves; in a group that is the participant."""
    if payload.get("fromMe"):
        return
    for name in _SENDER:
        contact = _contact(payload.get(name))
        if contact is not None and contact.kind is Kind.PERSON:
            yield contact
            return


def _objects(payload: dict[str, object]) -> Iterator[dict[str, object]]:
    """The objects in `payload`, itself first, as deep and as many as an honest one has."""
    level: list[object] = [payload]
    left = _MOST_PARTS
    for _ in range(_DEPTH):
        below: list[object] = []
        for part in level[:left]:
            if isinstance(part, dict):
                yield part
                below += part.values()
            elif isinstance(part, list):
                below += part
        left -= len(level)
        level = below


def _contact(text: object) -> ContactId | None:
    try:
        contact = ContactId.parse(text) if isinstance(text, str) and "@" in text else None
    except InvalidContact:
        return None
    return contact
