"""What an upstream's answer means, judged by status and body together.

The same fact comes in many dresses (JSON under three shapes, XML, text, a proxy's HTML, an error
under 200, a "no photo" under 404 that really means "no phone"), so both are looked at before
anything is believed. Only a positive sign counts as "no photo"; whatever cannot be read is an
error, and an error never erases.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from gateway.errors import (
    Disconnected,
    InvalidContact,
    NoPhoto,
    OverBudget,
    Refused,
    ServerError,
    UpstreamFailed,
)
from gateway.model import ContactId, PhotoUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.outbound import Reply

MAX_ANSWER: Final = 64 * 1024
"""Most bytes of an answer that are read."""

MAX_PAUSE: Final = 300.0
"""Longest the API is left alone because it says so, in seconds: it may say anything."""

_URL_KEYS: Final = ("url", "profilePictureURL", "profilePictureUrl", "picture")
_ABOUT_KEYS: Final = ("id", "wuid")
_NUMBER_KEYS: Final = ("number", "pn")
_STATE_KEYS: Final = ("connectionStatus", "state", "status")
_ERROR_KEYS: Final = ("code", "statusCode", "status", "error")
_DOWN: Final = (
    "invalid_session", "invalid session", "session status is not as expected", "scan_qr_code",
    "not connected", "session_not_found", "session not found", "session does not exist",
    "instance does not exist",
)  # fmt: skip
_OVERLIMIT: Final = ("rate-overlimit", "rate_overlimit")
_TOO_FAST: Final = (*_OVERLIMIT, "too many requests")
_QUOTA: Final = ("quota", "payment required", "insufficient credit")
_ABOUT_PICTURE: Final = ("picture", "photo", "avatar", "contact")
_BY_WORD: Final = {
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
}
_WORD: Final = re.compile(r"[^\s\"'<>]+")
_ECHO: Final = "/profile-picture"
_AMPERSAND: Final = re.compile(r"&(?:amp|#0{0,5}38|#x0{0,5}26);", re.IGNORECASE)
_PASSING: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
_STATE: Final = re.compile(r"[A-Z_]+")


class UnknownAbsence(UpstreamFailed):
    """A 404 that does not say of what: only a working session makes it "no photo"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An upstream's answer, read once: `text` is lower-case, `document` the JSON or None."""

    status: int
    headers: Mapping[str, str]
    text: str
    document: object

    @classmethod
    def of(cls, reply: Reply) -> Answer:
        """Read `reply`; an encoded body is refused, since identity was asked for."""
        if reply.headers.get("content-encoding", "identity").strip().lower() not in {
            "",
            "identity",
        }:
            raise UpstreamFailed("the API sent an encoded body")
        try:
            text = reply.body.decode()
            document = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            text, document = reply.body.decode(errors="replace"), None
        return cls(reply.status, reply.headers, text.lower(), document)

    @property
    def about(self) -> ContactId | None:
        """Whom the answer says that it is about."""
        document = self.document if isinstance(self.document, dict) else {}
        return _contact(next((document[key] for key in _ABOUT_KEYS if key in document), None))

    def says(self, words: tuple[str, ...]) -> bool:
        """Whether the body holds one of `words` (lower-case)."""
        return any(word in self.text for word in words)


def photo_url(answer: Answer, contact: ContactId, *, refreshed: bool) -> PhotoUrl:
    """Return where the picture is.

    Raises `NoPhoto`, `UnknownAbsence`, `Disconnected`, `OverBudget` or `UpstreamFailed`.
    `refreshed` says that the question bypassed the API's cache, so that a "none" is certain.
    """
    status = _refuse_errors(answer)
    if status == HTTPStatus.NOT_FOUND:
        raise _absence(answer, contact, refreshed=refreshed)
    document = answer.document
    if not isinstance(document, dict):
        raise UpstreamFailed("the API's answer cannot be read")
    _refuse_stranger(answer.about, contact)
    found = [document[key] for key in _URL_KEYS if key in document]
    if not found and document and "id" not in document:
        raise UpstreamFailed("the API's answer cannot be read")
    url = next((value for value in found if not _is_blank(value)), None)
    if url is None:
        raise NoPhoto("the API knows no picture", confirmed=refreshed)
    if not isinstance(url, str):
        raise UpstreamFailed("the API's answer cannot be read")
    # The query is signed: only what HTML made of its ampersands is undone.
    return PhotoUrl(_AMPERSAND.sub("&", url.strip()))


def session_state(answer: Answer) -> tuple[str, ContactId | None]:
    """Return the state that the API gives its session, and who it says the phone is.

    Raises `Disconnected` if there is no session, else `OverBudget` or `UpstreamFailed`.
    """
    document = answer.document
    if answer.status == HTTPStatus.OK and isinstance(document, dict):
        state = document.get("status")
        if isinstance(state, str) and _STATE.fullmatch(state):
            me = document.get("me")
            return state, _contact(me.get("id") if isinstance(me, dict) else None)
    _refuse_errors(answer)
    raise UpstreamFailed("the API's answer about its session cannot be read")


def instance_state(answer: Answer, name: str) -> tuple[str, ContactId | None]:
    """Return the state of the instance `name` in a list of instances, and who its phone is.

    Takes the older and the newer form of the list. Raises `Disconnected` if the instance is not
    in it, else `OverBudget` or `UpstreamFailed`.
    """
    status, found = _refuse_errors(answer), answer.document
    if status == HTTPStatus.OK and isinstance(found, list | dict):
        for each in found if isinstance(found, list) else [found]:
            instance = each.get("instance", each) if isinstance(each, dict) else None
            if isinstance(instance, dict) and name in {
                str(instance.get(key)) for key in ("name", "instanceName")
            }:
                state = next((instance[key] for key in _STATE_KEYS if instance.get(key)), "")
                return str(state), _contact(instance.get("ownerJid") or instance.get("owner"))
    if isinstance(found, list) or (status == HTTPStatus.NOT_FOUND and answer.says(("instance",))):
        raise Disconnected("the API knows no such instance")
    raise UpstreamFailed("the API's answer about its instances cannot be read")


def other_name(answer: Answer, contact: ContactId) -> ContactId | None:
    """Return the phone number behind `contact`, a lid, or the lid of `contact`, a phone number.

    None if the API knows none. Raises `Disconnected`, `OverBudget` or `UpstreamFailed`.
    """
    _refuse_errors(answer)
    document = answer.document if isinstance(answer.document, dict) else {}
    keys = _NUMBER_KEYS if contact.is_lid else ("lid",)
    named = (_contact(document[key]) for key in keys if key in document)
    return next((each for each in named if each and _pairs(contact, each)), None)


def _pairs(contact: ContactId, other: ContactId) -> bool:
    """Whether one is a lid and the other a phone number."""
    return (contact.is_lid and other.is_phone) or (contact.is_phone and other.is_lid)


def _refuse_errors(answer: Answer) -> int:
    """Raise what `answer` says went wrong; return 200, or 404 for "no such thing"."""
    status = _status(answer)
    failed = status >= HTTPStatus.MULTIPLE_CHOICES
    hurried = answer.says(_OVERLIMIT) or (failed and answer.says(_TOO_FAST))
    if hurried or status == HTTPStatus.TOO_MANY_REQUESTS:
        pause = retry_after(answer.headers.get("retry-after", ""), now=time.time())
        raise OverBudget("the API wants to be left alone", retry_after=pause)
    if status == HTTPStatus.PAYMENT_REQUIRED or (failed and answer.says(_QUOTA)):
        raise OverBudget("the account's quota is used up")
    if status == HTTPStatus.UNPROCESSABLE_ENTITY or (failed and answer.says(_DOWN)):
        raise Disconnected("the WhatsApp session is not connected")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise Refused(f"the API refused the credentials ({status})")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status == answer.status:
        raise ServerError(f"the API answered {status}", passing=status in _PASSING)
    if failed and status != HTTPStatus.NOT_FOUND:
        raise UpstreamFailed(f"the API answered {status}")
    return status


def _status(answer: Answer) -> int:
    """The status meant: an error document under 2xx counts by the code it carries."""
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return answer.status
    document = answer.document if isinstance(answer.document, dict) else {}
    if any(isinstance(url, str) and url.strip() for url in map(document.get, _URL_KEYS)):
        return answer.status
    found = [document.get(key) for key in _ERROR_KEYS]
    if isinstance(document.get("error"), dict):
        found += [document["error"].get(key) for key in _ERROR_KEYS]
    for value in found:
        code = _code(value)
        if code >= HTTPStatus.BAD_REQUEST:
            return code
    if document.get("error") or answer.says(_DOWN + _QUOTA + _TOO_FAST):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return answer.status


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _code(value: object) -> int:
    """A status code written as number, digits or word; 0 for anything else."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value if value <= 599 else 0  # noqa: PLR2004 - the last HTTP status
    if isinstance(value, str):
        word = value.strip().lower()
        if word.isascii() and word.isdigit() and len(word) == 3:  # noqa: PLR2004 - digits of a status
            return int(word)
        if word in {"error", "fail", "failed"}:
            return HTTPStatus.INTERNAL_SERVER_ERROR
        return _BY_WORD.get(word, 0)
    return 0


def _absence(answer: Answer, contact: ContactId, *, refreshed: bool) -> NoPhoto | UnknownAbsence:
    """A 404 in one of three strengths: about this contact, about a picture, about nobody knows."""
    # A router that does not know the path echoes our own question, contact and all.
    text = " ".join(word for word in _WORD.findall(answer.text) if _ECHO not in word)
    about_picture = any(word in text for word in _ABOUT_PICTURE)
    user = contact.value.partition("@")[0]
    named = user[0].isdigit() and re.search(rf"(?<!\d){user}(?!\d)", text)
    if named or (refreshed and about_picture):
        return NoPhoto("the API knows no picture of this contact", confirmed=True)
    if about_picture:
        return NoPhoto("the API found no picture", confirmed=False)
    return UnknownAbsence("the API answered 404 and not of what")


def _refuse_stranger(about: ContactId | None, contact: ContactId) -> None:
    """Refuse an answer about another phone number than the one asked about.

    A lid on either side is no stranger: the API translates between both names of a person.
    """
    both = about is not None and contact.is_phone and about.is_phone
    if both and about is not None and not contact.same_phone(about):
        raise UpstreamFailed("the API answered about another contact")


def _contact(text: object) -> ContactId | None:
    """Read an id that an API gives; None for anything that is none."""
    with suppress(InvalidContact):
        return ContactId.parse(text) if isinstance(text, str) else None
    return None


def retry_after(value: str, *, now: float) -> float | None:
    """Read ``Retry-After`` as seconds from `now` (Unix seconds), capped; None if unreadable."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:10]), MAX_PAUSE)
    try:
        when = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(when - now, 0.0), MAX_PAUSE)
