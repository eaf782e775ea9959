"""The API's answers: one meaning for each, whatever dress it comes in, and no text of theirs."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from email.utils import formatdate
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import (
    AvatarUnavailable,
    Disconnected,
    NoPhoto,
    OverBudget,
    Refused,
    ServerError,
    UpstreamFailed,
)
from gateway.model import ContactId, PhotoUrl
from gateway.outbound import Reply
from gateway.resolver.answers import (
    MAX_PAUSE,
    Answer,
    UnknownAbsence,
    photo_url,
    retry_after,
    session_state,
)
from tests.fakes import LEON, MAYA, T0

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBER = "15551234567"
GROUP = ContactId.parse("491701234567-1581234048@g.us")
LID = ContactId.parse("123456789012345@lid")
ME = ContactId.parse("me")
URL = "https://pps.whatsapp.net/v/t61.24694-24/1_2_3_n.jpg?ccb=11-4&oh=01_x&oe=66BC702E"
SECRET = "upstreamtext"

PLAIN = re.compile(r"[A-Za-z' ]+(?:\(?[1-9][0-9]{2}\)?[a-z ]*)?")
"""What the text of an error may be: words of ours, and a status."""


def asked(
    status: int,
    body: str | bytes,
    headers: Mapping[str, str] | None = None,
    *,
    contact: ContactId = MAYA,
    refreshed: bool = False,
) -> PhotoUrl:
    data = body.encode() if isinstance(body, str) else body
    return photo_url(Answer.of(Reply(status, headers or {}, data)), contact, refreshed=refreshed)


def failure(
    status: int,
    body: str | bytes,
    headers: Mapping[str, str] | None = None,
    *,
    contact: ContactId = MAYA,
    refreshed: bool = False,
) -> AvatarUnavailable:
    """The error that this answer becomes, whose text is ours alone."""
    with pytest.raises(AvatarUnavailable) as caught:
        asked(status, body, headers, contact=contact, refreshed=refreshed)
    assert PLAIN.fullmatch(str(caught.value))
    assert caught.value.args == (str(caught.value),)
    return caught.value


def shapes(code: object, message: str, status: object = None) -> list[str]:
    """One error in every dress that was ever seen."""
    found: list[object] = [
        {"code": code, "message": message},
        {"status": code, "message": message, "error": message},
        {"statusCode": code, "message": message},
        {"error": {"code": code, "message": message}},
        {"error": {"status": code, "message": message}},
    ]
    if status is not None:
        found.append({"code": code, "message": message, "data": {"status": status}})
    return [json.dumps(document) for document in found]


def dressed(text: str) -> list[str]:
    """A text outside of JSON."""
    return [
        text,
        f"<?xml version='1.0'?><error><message>{text}</message></error>",
        f"<!doctype html><html><title>{text}</title><body><h1>{text}</h1></body></html>",
    ]


# ---- a picture ----

PHOTOS = [
    (200, {"id": f"{NUMBER}@c.us", "url": URL}),
    (200, {"url": URL}),
    (200, {"profilePictureURL": URL}),
    (200, {"profilePictureUrl": URL, "wuid": f"{NUMBER}@s.whatsapp.net"}),
    (200, {"id": f"{NUMBER}@c.us", "name": "Maya", "picture": URL}),
    (200, {"id": f"{NUMBER}:12@s.whatsapp.net", "url": URL}),
    (200, {"id": 15551234567, "url": URL}),
    (200, {"id": None, "url": URL}),
    (200, {"id": "no contact at all", "url": URL}),
    (200, {"id": ["a", "list"], "url": URL}),
    (200, {"url": f"  {URL}\n"}),
    (200, {"url": URL, "status": "success", "code": 200, "error": None}),
    (200, {"url": URL, "error": False, "message": "OK"}),
    (200, {"url": URL, "status": "error"}),  # a picture is a picture
    (200, {"url": None, "profilePictureURL": URL}),
    (200, {"url": "", "picture": URL}),
    (201, {"url": URL}),
]


@pytest.mark.parametrize(("status", "document"), PHOTOS)
def test_a_url_is_found_under_any_of_its_names(status: int, document: object) -> None:
    assert asked(status, json.dumps(document)).url == URL


@pytest.mark.parametrize("status", [200, 201, 203])
def test_a_url_is_read_from_spaced_and_escaped_json(status: int) -> None:
    escaped = URL.replace("/", "\\/").replace("&", "\\u0026")
    assert asked(status, f'\r\n {{ "url" : "{escaped}" }}\n').url == URL


@pytest.mark.parametrize("ampersand", ["&amp;", "&AMP;", "&#38;", "&#038;", "&#x26;"])
def test_escaped_ampersands_of_a_url_are_undone(ampersand: str) -> None:
    assert asked(200, json.dumps({"url": URL.replace("&", ampersand)})).url == URL


@pytest.mark.parametrize(
    "query",
    ["a=1&copy=2&times=3&lt=4&reg;=5", "a=%26amp%3B", "a=&#" + "1" * 5000 + ";", "a=&quot;&notin;"],
)
def test_the_rest_of_a_signed_url_is_left_as_it_is(query: str) -> None:
    url = f"https://pps.whatsapp.net/v/x.jpg?{query}"
    assert asked(200, json.dumps({"url": url})).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "https://pps.whatsapp.net@evil.example/",
        "https://pps.whatsapp.net/\r\nHost: evil.example",
        "https://pps.whatsapp.net/" + "a" * 10_000,
        "\ud800",
        "null",
    ],
)
def test_a_hostile_url_is_passed_on_to_be_judged(url: str) -> None:
    assert asked(200, json.dumps({"url": url})).url == url


# ---- whose picture ----

VARIANTS = [
    ("5511987654321", "551187654321"),
    ("551187654321", "5511987654321"),
    ("5215512345678", "525512345678"),
    ("525512345678", "5215512345678"),
    ("5491123456789", "541123456789"),
    ("541123456789", "5491123456789"),
    (NUMBER, f"{NUMBER}:7@s.whatsapp.net"),
    (NUMBER, "123456789012345@lid"),
    ("123456789012345@lid", NUMBER),
    ("123456789012345@lid", "999999999999999@lid"),
    ("491701234567-1581234048@g.us", NUMBER),
    ("me", NUMBER),
]


@pytest.mark.parametrize(("contact", "found"), VARIANTS)
def test_an_answer_may_spell_the_contact_in_another_way(contact: str, found: str) -> None:
    body = json.dumps({"id": found, "url": URL})
    assert asked(200, body, contact=ContactId.parse(contact)).url == URL


@pytest.mark.parametrize(
    ("contact", "found"),
    [
        (NUMBER, "4915112345678@c.us"),
        (NUMBER, "15551234568"),
        (NUMBER, "+1 (555) 123-4568"),
        ("5511987654321", "5511987654322@c.us"),
        ("5511987654321", "5521987654321@c.us"),
        ("525512345678", "5215512345679@s.whatsapp.net"),
        ("541123456789", "5491123456780@c.us"),
    ],
)
@pytest.mark.parametrize("url", [URL, None, ""])
def test_an_answer_about_another_phone_is_no_answer(
    contact: str, found: str, url: str | None
) -> None:
    body = json.dumps({"id": found, "url": url})
    for refreshed in (False, True):
        error = failure(200, body, contact=ContactId.parse(contact), refreshed=refreshed)
        assert type(error) is UpstreamFailed


# ---- no picture ----

EMPTY = [
    {"id": f"{NUMBER}@c.us", "url": ""},
    {"id": f"{NUMBER}@c.us", "url": None},
    {"id": f"{NUMBER}@c.us"},
    {"id": f"{NUMBER}@c.us", "url": " \n"},
    {"id": f"{NUMBER}@c.us", "url": None, "profilePictureURL": ""},
    {"profilePictureURL": None},
    {"profilePictureUrl": None, "wuid": f"{NUMBER}@s.whatsapp.net"},
    {"url": None, "status": 200, "error": None},
    {"url": None, "status": "success"},
    {"id": "551187654321@c.us", "name": "Maya", "picture": None},
]


@pytest.mark.parametrize("document", EMPTY)
@pytest.mark.parametrize("refreshed", [False, True])
def test_an_empty_url_is_no_photo_and_certain_only_after_a_refresh(
    document: object, *, refreshed: bool
) -> None:
    contact = ContactId.parse("5511987654321") if "picture" in str(document) else MAYA
    error = failure(200, json.dumps(document), contact=contact, refreshed=refreshed)
    assert type(error) is NoPhoto
    assert error.confirmed is refreshed


ABOUT_MAYA = [
    f"No profile picture for {NUMBER}@c.us",
    f"contact {NUMBER} not found",
    f"{NUMBER}@c.us",
    f"+{NUMBER}: hidden",
]


@pytest.mark.parametrize(
    "body", [dress for text in ABOUT_MAYA for dress in (*dressed(text), *shapes(404, text))]
)
@pytest.mark.parametrize("refreshed", [False, True])
def test_a_404_that_names_the_contact_is_certain(body: str, *, refreshed: bool) -> None:
    error = failure(404, body, refreshed=refreshed)
    assert type(error) is NoPhoto
    assert error.confirmed


@pytest.mark.parametrize("contact", [LEON, LID, GROUP])
def test_a_404_may_name_any_kind_of_contact(contact: ContactId) -> None:
    error = failure(404, f"nothing for {contact.value}", contact=contact)
    assert type(error) is NoPhoto
    assert error.confirmed


@pytest.mark.parametrize(
    "body",
    [
        *dressed("Profile picture not found"),
        *shapes("not_found", "the photo does not exist"),
        *shapes(404, "No avatar"),
        *dressed("contact not found"),
        "no picture, request 8155512345679",
    ],
)
@pytest.mark.parametrize("refreshed", [False, True])
def test_a_404_about_a_picture_is_certain_only_after_a_refresh(
    body: str, *, refreshed: bool
) -> None:
    error = failure(404, body, refreshed=refreshed)
    assert type(error) is NoPhoto
    assert error.confirmed is refreshed


@pytest.mark.parametrize("body", [*shapes("not_found", "no photo"), *shapes("404", "no photo")])
def test_a_404_counts_under_200_too(body: str) -> None:
    error = failure(200, body)
    assert type(error) is NoPhoto
    assert not error.confirmed


ECHO = f"/v2/contacts/profile-picture?instance_id=AB&contactId={NUMBER}%40c.us&refresh=false"
UNKNOWN = [
    *dressed("404 Not Found"),
    *shapes(404, "Not Found"),
    *shapes("rest_no_route", "No route was found matching the URL and request method.", 404),
    *dressed(f"Cannot GET {ECHO}"),
    json.dumps({"statusCode": 404, "message": f"Cannot GET {ECHO}", "error": "Not Found"}),
    json.dumps({"status": 404, "error": "Not Found", "path": ECHO}, separators=(",", ":")),
    f"request 8{NUMBER}: nothing",
    f"request {NUMBER}0: nothing",
    "",
    "{}",
    "null",
    "[]",
    '{"message"',
]


@pytest.mark.parametrize("body", UNKNOWN)
@pytest.mark.parametrize("refreshed", [False, True])
def test_any_other_404_is_an_absence_of_nobody_knows_what(body: str, *, refreshed: bool) -> None:
    assert type(failure(404, body, refreshed=refreshed)) is UnknownAbsence


def test_the_own_account_is_not_named_by_any_word_with_me_in_it() -> None:
    assert type(failure(404, "name: some message", contact=ME)) is UnknownAbsence


def test_a_404_that_is_not_utf8_is_read_as_far_as_it_goes() -> None:
    error = failure(404, f"\xe9: {NUMBER}".encode("latin-1"))
    assert type(error) is NoPhoto
    assert error.confirmed


# ---- the phone is not linked ----

DOWN = [
    *shapes("invalid_session", "Session not found"),
    *shapes("invalid_session", f"No profile picture for {NUMBER}@c.us: invalid_session"),
    *dressed("invalid_session"),
    *dressed("Invalid session"),
    *dressed("Session does not exist"),
    *dressed("The phone is NOT CONNECTED"),
    json.dumps(
        {
            "error": "Session status is not as expected. Try again later or restart the session",
            "status": "SCAN_QR_CODE",
            "expected": ["WORKING"],
        }
    ),
]


@pytest.mark.parametrize("body", DOWN)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422, 500, 503])
def test_a_lost_session_is_known_under_every_status(status: int, body: str) -> None:
    for refreshed in (False, True):
        assert type(failure(status, body, refreshed=refreshed)) is Disconnected


@pytest.mark.parametrize("body", ["", "{}", "[]", *dressed("Unprocessable"), *shapes(422, "no")])
def test_a_422_says_that_the_session_is_not_connected(body: str) -> None:
    assert type(failure(422, body)) is Disconnected


@pytest.mark.parametrize("body", shapes(422, "Session is STOPPED"))
def test_a_422_counts_under_200_too(body: str) -> None:
    assert type(failure(200, body)) is Disconnected


# ---- too much was asked ----

FAST = ["rate-overlimit", "Error: RATE-OVERLIMIT", "rate_overlimit (429)"]


@pytest.mark.parametrize(
    "body", [dress for text in FAST for dress in (*dressed(text), *shapes(500, text))]
)
@pytest.mark.parametrize("status", [200, 400, 404, 422, 429, 500])
def test_a_rate_limit_is_known_under_every_status(status: int, body: str) -> None:
    error = failure(status, body)
    assert type(error) is OverBudget
    assert error.retry_after is None


@pytest.mark.parametrize(
    "body", [*dressed("Too Many Requests"), *shapes("429", "slow down"), *shapes(429, "slow")]
)
@pytest.mark.parametrize("status", [200, 429])
def test_too_many_requests_is_known_with_and_without_its_status(status: int, body: str) -> None:
    error = failure(status, body, {"retry-after": "30"})
    assert type(error) is OverBudget
    assert error.retry_after == 30.0


@pytest.mark.parametrize("status", [500, 503])
def test_too_many_requests_is_known_under_another_error(status: int) -> None:
    error = failure(status, '{"message": "Too many requests"}')
    assert type(error) is OverBudget


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *product([402], ["", "{}", *dressed("pay"), *shapes("no_credit", "pay")]),
        *product([200], shapes(402, "no credit left")),
        *product([200, 400, 403, 404, 429, 500], shapes(403, "Quota exceeded")),
        *product([200, 403], dressed("Your monthly quota is used up")),
        *product([403], shapes("forbidden", "Insufficient credits")),
    ],
)
def test_a_used_up_quota_is_over_budget(status: int, body: str) -> None:
    error = failure(status, body)
    assert type(error) is OverBudget
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0", 0.0),
        ("007", 7.0),
        ("300", 300.0),
        ("301", 300.0),
        ("86400", 300.0),
        ("", None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("5, 6", None),
        ("soon", None),
        ("\u00b2", None),
        ("\uff13\uff10", None),
        (formatdate(T0 + 90, usegmt=True), 90.0),
        (formatdate(T0 + 90), 90.0),
        (formatdate(T0 + 3600, usegmt=True), 300.0),
        (formatdate(T0, usegmt=True), 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        ("Mon, 01 Jan 0001 00:00:00 -0000", 0.0),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 99999999999999999999 Jan 2026 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
        ("Mon, 01 Jan 2026 99:99:99 GMT", None),
        ("Mon, 01 Jan", None),
    ],
)
def test_a_pause_is_read_as_seconds_or_date(value: str, pause: float | None) -> None:
    assert retry_after(value, now=T0) == pause


@pytest.mark.parametrize("value", ["9" * 20, "9" * 5000, "0" * 5000, "1" + "0" * 400])
def test_an_absurd_pause_is_a_number_all_the_same(value: str) -> None:
    pause = retry_after(value, now=T0)
    assert pause is not None
    assert 0 <= pause <= MAX_PAUSE


DATE_PARTS = st.sampled_from(
    [
        "Mon", ",", "Jan", "01", "31", "99", "2026", "99999", "9" * 20, "00:00:00", "1:2:3:4",
        "GMT", "+9999999", "-0000", "+" + "9" * 20, "-", ".", ":", "(", ")", ";", "\x00",
    ]
)  # fmt: skip


@given(st.text() | st.lists(DATE_PARTS).map(" ".join) | st.lists(DATE_PARTS).map("".join))
@example("Dec +99999999999999999999 ( 00:00:00 +99999999999999999999")
def test_any_text_gives_a_pause_or_none(value: str) -> None:
    pause = retry_after(value, now=T0)
    assert pause is None or 0 <= pause <= MAX_PAUSE


def test_a_pause_goes_with_a_429() -> None:
    date = formatdate(time.time() + 120, usegmt=True)
    error = failure(429, "", {"retry-after": date})
    assert isinstance(error, OverBudget)
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 120


@pytest.mark.parametrize("value", ["-1", "tomorrow", "Mon, 01 Jan " + "9" * 20 + " 00:00:00 GMT"])
def test_a_429_with_a_pause_nobody_can_read_has_none(value: str) -> None:
    error = failure(429, "", {"retry-after": value})
    assert isinstance(error, OverBudget)
    assert error.retry_after is None


# ---- errors, and what nobody can read ----


KINDS = {401: Refused, 403: Refused} | dict.fromkeys((500, 502, 503, 504), ServerError)


@pytest.mark.parametrize(
    "status", [301, 302, 307, 400, 401, 403, 405, 409, 418, 500, 502, 503, 504]
)
@pytest.mark.parametrize(
    "body", ["", *dressed(SECRET), *shapes("some_error", SECRET), json.dumps({"url": URL})]
)
def test_an_error_is_an_error_whatever_it_says(status: int, body: str) -> None:
    error = failure(status, body, {"retry-after": "30", "location": "https://evil.example/"})
    assert type(error) is KINDS.get(status, UpstreamFailed)
    if isinstance(error, ServerError):
        assert error.passing == (status != 500)
    assert str(status) in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        *shapes(400, SECRET),
        *shapes("401", SECRET),
        *shapes("unauthorized", SECRET),
        *shapes("forbidden", SECRET),
        *shapes(500, SECRET),
        *shapes(" 503 ", SECRET),
        json.dumps({"status": "error", "message": SECRET, "url": None}),
        json.dumps({"status": "failed", "url": ""}),
        json.dumps({"error": SECRET, "url": None}),
        json.dumps({"error": SECRET, "url": " "}),
        json.dumps({"error": SECRET, "url": 5}),
        json.dumps({"error": True, "id": f"{NUMBER}@c.us"}),
        json.dumps({"error": {"message": SECRET}, "url": None}),
        json.dumps({"error": [SECRET], "url": None}),
        json.dumps({"error": "Not Found", "message": "no picture"}),
        json.dumps({"message": SECRET}),
        json.dumps({"success": False}),
        json.dumps({"code": True, "status": [], "message": SECRET}),
    ],
)
def test_an_error_under_200_is_no_absence(body: str) -> None:
    for refreshed in (False, True):
        assert isinstance(failure(200, body, refreshed=refreshed), UpstreamFailed)


@pytest.mark.parametrize("code", [399, 600, 10**30, -404, 404.0, "4 04", "\u0664\u0660\u0664"])
def test_what_is_no_status_is_not_taken_for_one(code: object) -> None:
    assert asked(200, json.dumps({"code": code, "url": URL})).url == URL
    assert type(failure(200, json.dumps({"code": code, "url": None}))) is NoPhoto


NESTED = 20_000
UNREADABLE = [
    b"",
    b" \r\n",
    b"null",
    b"true",
    b"5",
    b"-1e999",
    b"NaN",
    b'"https://pps.whatsapp.net/v/x.jpg"',
    b"[]",
    b'[{"url": "https://pps.whatsapp.net/v/x.jpg"}]',
    b'{"url": 5}',
    b'{"url": 0}',
    b'{"url": false}',
    b'{"url": true}',
    b'{"url": 1.5}',
    b'{"url": []}',
    b'{"url": {}}',
    b'{"url": {"url": "https://pps.whatsapp.net/v/x.jpg"}}',
    b'{"url": ["https://pps.whatsapp.net/v/x.jpg"]}',
    b'{"data": {"url": "https://pps.whatsapp.net/v/x.jpg"}}',
    b'{"URL": "https://pps.whatsapp.net/v/x.jpg"}',
    b'{"url": "https://pps.whatsapp.net/\xff"}',
    b'{"url": null, "x": "\xe9"}',
    json.dumps({"url": URL}).encode("utf-16"),
    b"[" * NESTED + b"]" * NESTED,
    b'{"url":' * NESTED + b"null" + b"}" * NESTED,
    b'{"url": ' + b"9" * 5000 + b"}",
    b'{"url": null',
    b'{"url": null}}',
    b"{'url': null}",
    b"url=",
    b"<html>upstreamtext</html>",
    b"\x89PNG\r\n\x1a\n",
    b"\x00" * 100,
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_what_cannot_be_read_is_an_error_and_no_absence(body: bytes) -> None:
    for refreshed in (False, True):
        assert isinstance(failure(200, body, refreshed=refreshed), UpstreamFailed)


@pytest.mark.parametrize("document", [{"url": URL}, {"id": f"{NUMBER}@c.us", "url": None}])
def test_an_answer_that_is_cut_anywhere_is_an_error(document: object) -> None:
    whole = json.dumps(document).encode()
    for length in range(len(whole)):
        assert type(failure(200, whole[:length], refreshed=True)) is UpstreamFailed


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x-anything", "identity, gzip"])
@pytest.mark.parametrize("status", [200, 404])
def test_an_encoded_answer_is_refused(status: int, encoding: str) -> None:
    body = json.dumps({"id": f"{NUMBER}@c.us", "url": None})
    error = failure(status, body, {"content-encoding": encoding})
    assert type(error) is UpstreamFailed


@pytest.mark.parametrize("encoding", ["identity", " Identity ", ""])
def test_an_answer_that_is_encoded_as_itself_is_taken(encoding: str) -> None:
    assert asked(200, json.dumps({"url": URL}), {"content-encoding": encoding}).url == URL


# ---- the session ----


def state(status: int, body: str) -> tuple[str, object]:
    return session_state(Answer.of(Reply(status, {}, body.encode())))


@pytest.mark.parametrize("name", ["WORKING", "SCAN_QR_CODE", "STOPPED", "STARTING", "FAILED"])
def test_a_session_tells_its_state_and_its_account(name: str) -> None:
    body = json.dumps({"name": "default", "status": name, "me": {"id": f"{NUMBER}@c.us"}})
    assert state(200, body) == (name, ContactId.parse(NUMBER))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        *product([200, 404, 422], DOWN[:5], [Disconnected]),
        (422, "", Disconnected),
        (429, "", OverBudget),
        (402, "", OverBudget),
        (200, "rate-overlimit", OverBudget),
        (401, "", Refused),
        (404, "Not Found", UpstreamFailed),
        (500, json.dumps({"status": "WORKING"}), ServerError),
        (200, "", UpstreamFailed),
        (200, "[]", UpstreamFailed),
        (200, "{}", UpstreamFailed),
        (200, json.dumps({"status": None}), UpstreamFailed),
        (200, json.dumps({"status": ["WORKING"]}), UpstreamFailed),
        (200, json.dumps({"status": 500}), UpstreamFailed),
        (200, json.dumps({"status": "error", "message": SECRET}), UpstreamFailed),
        (200, json.dumps({"status": f"WORKING {SECRET}"}), UpstreamFailed),
    ],
)
def test_a_session_that_cannot_be_learned_is_an_error(
    status: int, body: str, kind: type[AvatarUnavailable]
) -> None:
    with pytest.raises(kind) as caught:
        state(status, body)
    assert type(caught.value) is kind
    assert PLAIN.fullmatch(str(caught.value))


# ---- anything at all ----

KEYS = st.sampled_from(
    ["id", "url", "profilePictureURL", "picture", "code", "status", "statusCode", "error", "me"]
)
WORDS = st.sampled_from(
    [
        SECRET, f"{SECRET} {NUMBER}@c.us", NUMBER, "4915112345678@c.us", URL, "&amp;", "\ud800",
        "invalid_session", "rate-overlimit", "quota", "not_found", "error", "404", "999", "picture",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | KEYS, inner),
    max_leaves=8,
)
DOCUMENTS = VALUES | st.dictionaries(KEYS, VALUES)
BODIES = (
    DOCUMENTS.map(lambda document: json.dumps(document).encode())
    | st.binary()
    | WORDS.map(lambda text: text.encode(errors="replace"))
)
HEADERS = st.fixed_dictionaries(
    {}, optional={"retry-after": st.text() | WORDS, "content-encoding": st.text(max_size=3)}
)


@given(
    st.sampled_from([200, 404, 422, 429, 500]) | st.integers(100, 999),
    BODIES,
    HEADERS,
    st.sampled_from([MAYA, LID, GROUP, ME]),
    st.booleans(),
)
@example(200, b'{"url": "&#' + b"1" * 5000 + b';"}', {}, MAYA, False)  # noqa: FBT003 - a row
@example(429, b"", {"retry-after": "1 Jan " + "9" * 20 + " 00:00"}, MAYA, False)  # noqa: FBT003
def test_any_answer_at_all_is_a_picture_or_one_of_our_errors(
    status: int,
    body: bytes,
    headers: dict[str, str],
    contact: ContactId,
    refreshed: bool,  # noqa: FBT001 - hypothesis passes rows by position
) -> None:
    text = ""
    try:
        found = asked(status, body, headers, contact=contact, refreshed=refreshed)
    except AvatarUnavailable as error:
        text = "|".join(map(str, error.args))
    else:
        assert isinstance(found, PhotoUrl)
        assert found.url.strip()
        return
    assert PLAIN.fullmatch(text)
    assert SECRET not in text


@given(st.integers(100, 999), BODIES)
def test_any_answer_about_the_session_is_a_state_or_one_of_our_errors(
    status: int, body: bytes
) -> None:
    with suppress(AvatarUnavailable):
        name, _ = session_state(Answer.of(Reply(status, {}, body)))
        assert re.fullmatch(r"[A-Z_]+", name)


@pytest.mark.parametrize("sign", ["a", "/", "/profile-pictur", "&", "&#0", "1", "'"])
def test_the_longest_answers_are_judged_without_going_back_and_forth(sign: str) -> None:
    body = (sign * 65_000)[:65_000]
    assert type(failure(404, body)) is UnknownAbsence
    assert asked(200, json.dumps({"url": body})).url == body
