from __future__ import annotations

import gzip
import html
import json
import re
import zlib
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from gateway.sandbox import API, HOSTILE_URLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.sandbox import Sandbox
    from tests.sandbox.conftest import Tap, Wire

    Check = Callable[[Wire], object]

pytestmark = pytest.mark.anyio

MAYA = "15551234567@c.us"
PHOTO = re.compile(
    r"http://127\.0\.0\.1:\d+/v/t61\.24694-24/\d+_\d+_\d+_n\.jpg"
    r"\?(stp=dst-jpg_s96x96&)?ccb=11-4&oh=01_[\w-]{43}&oe=[0-9A-F]{8}&_nc_sid=e6ed6c&_nc_cat=111"
)

# name: status, content type, a piece of the body
FIXED = {
    "bad_request_json": (400, "application/json", b'"bad_request"'),
    "bad_request_xml": (400, "application/xml", b"<code>bad_request</code>"),
    "bad_request_text": (400, "text/plain", b"Bad Request"),
    "unauthorized": (401, "application/json", b"Invalid access token"),
    "payment_required": (402, "application/json", b"subscription"),
    "forbidden_quota": (403, "application/json", b"quota"),
    "not_found": (404, "application/json", MAYA.encode()),
    "not_found_unknown": (404, "application/json", b"rest_no_route"),
    "not_found_html": (404, "text/html", b"<h1>404"),
    "not_found_empty": (404, "text/plain", b""),
    "invalid_session": (404, "application/json", b'"code": "invalid_session"'),
    "conflict": (409, "application/json", b"conflict"),
    "rate_overlimit_200": (200, "application/json", b"rate-overlimit"),
    "rate_overlimit_500": (500, "application/json", b"rate-overlimit"),
    "server_error_500": (500, "application/json", b"Internal server error"),
    "server_error_502_html": (502, "text/html", b"Bad Gateway"),
    "server_error_503": (503, "application/json", b"Unavailable"),
    "server_error_504_empty": (504, "text/html", b""),
    "error_json_200": (200, "application/json", b'"code": "server_error"'),
    "html_200": (200, "text/html", b"<h1>"),
    "empty_200": (200, "application/json", b""),
    "redirect": (302, "application/json", b""),
    "redirect_loop": (307, "application/json", b""),
}


def _photo(wire: Wire) -> object:
    return wire.status == 200 and wire.json["id"] == MAYA and PHOTO.fullmatch(wire.json["url"])


def _cut(wire: Wire) -> object:
    return wire.ended == "closed" and 0 < len(wire.body) < wire.length


def _half_and_silence(wire: Wire) -> object:
    return wire.ended == "silent" and 0 < len(wire.body) < wire.length


def _not_json(wire: Wire) -> object:
    with pytest.raises(ValueError, match=r".+"):
        json.loads(wire.body)
    return wire.status == 200


def _retry(value: str | None) -> Check:
    return lambda wire: wire.status == 429 and wire.headers.get("retry-after") == value


def _retry_date(wire: Wire) -> object:
    return wire.status == 429 and parsedate_to_datetime(wire.headers["retry-after"]).year > 2000


def _unpacks(wire: Wire) -> object:
    plain = json.loads(gzip.decompress(wire.body))
    return wire.headers["content-encoding"] == "gzip" and PHOTO.fullmatch(plain["url"])


def _bomb(wire: Wire) -> object:
    assert wire.headers["content-encoding"] == "gzip"
    return len(zlib.decompress(wire.body, 31)) == 3_000_000 and len(wire.body) < 5_000


QUICK: dict[str, object] = {"interval": 0}

ANY: dict[str, object] = {
    "status": 418,
    "type": "text/odd",
    "headers": {"X-Odd": "yes"},
    "body": "\xff",
}


def _any(wire: Wire) -> object:
    assert (wire.status, wire.body) == (418, b"\xff")
    return (wire.headers["content-type"], wire.headers["x-odd"]) == ("text/odd", "yes")


# name: parameters, how long silence lasts before it counts, what must hold
SPECIAL: dict[str, tuple[dict[str, object], float, Check]] = {
    "photo": ({}, 10, _photo),
    "warm": ({}, 10, _photo),
    "preview": ({}, 10, lambda w: "stp=dst-jpg_s96x96" in w.json["url"] and _photo(w)),
    "stale_url": ({}, 10, _photo),
    "transient_null": ({}, 10, lambda w: w.json == {"id": MAYA, "url": None}),
    "url_null": ({}, 10, lambda w: w.json == {"id": MAYA, "url": None}),
    "url_empty": ({}, 10, lambda w: w.json == {"id": MAYA, "url": ""}),
    "url_missing": ({}, 10, lambda w: w.json == {"id": MAYA}),
    "profile_picture_url_null": ({}, 10, lambda w: w.json == {"profilePictureURL": None}),
    "profile_picture_url": ({}, 10, lambda w: PHOTO.fullmatch(w.json["profilePictureURL"])),
    "id_missing": ({}, 10, lambda w: list(w.json) == ["url"] and PHOTO.fullmatch(w.json["url"])),
    "other_contact_id": ({}, 10, lambda w: w.json["id"] == "15557770123@c.us"),
    "url_escaped": ({}, 10, lambda w: PHOTO.fullmatch(html.unescape(w.json["url"]))),
    "scan_qr_after_wait": (
        {"wait": 0},
        10,
        lambda w: (w.status, w.json["status"]) == (422, "SCAN_QR_CODE"),
    ),
    "too_many_requests": ({}, 10, _retry(None)),
    "too_many_requests_seconds": ({}, 10, _retry("30")),
    "too_many_requests_date": ({}, 10, _retry_date),
    "too_many_requests_absurd": ({}, 10, _retry("99999999999999999999")),
    "cut_json": ({}, 10, _not_json),
    "wrong_types": ({}, 10, lambda w: isinstance(w.json["url"], dict)),
    "not_utf8": ({}, 10, _not_json),
    "list": ({}, 10, lambda w: isinstance(w.json, list)),
    "number": ({}, 10, lambda w: w.json == 42),
    "null": ({}, 10, lambda w: w.json is None),
    "deeply_nested": ({}, 10, lambda w: w.body.count(b"[") == 20_000),
    "huge_30mb": ({}, 10, lambda w: len(w.body) == w.length > 30_000_000),
    "endless": ({}, 10, lambda w: w.ended == "limit"),
    "gzip_despite_identity": ({}, 10, _unpacks),
    "gzip_bomb": ({"megabytes": 3}, 10, _bomb),
    "slow": ({"seconds": 0.01}, 10, _photo),
    "reply": (ANY, 10, _any),
    "hang": ({}, 0.1, lambda w: (w.data, w.ended) == (b"", "silent")),
    "stall": ({}, 0.1, _half_and_silence),
    "reset": ({}, 10, lambda w: (w.data, w.ended) == (b"", "reset")),
    "reset_midway": ({}, 10, lambda w: w.ended == "reset" and len(w.body) < w.length),
    "drip_headers": (QUICK, 10, _photo),
    "drip_body": (QUICK, 10, _photo),
    "cut_body": ({}, 10, _cut),
    "wrong_length": ({}, 10, lambda w: len(w.body) == w.length + 10),
    "wrong_length_short": ({"by": 3}, 10, lambda w: len(w.body) == w.length + 3),
    "wrong_length_long": ({}, 10, lambda w: len(w.body) == w.length - 10),
    "lying_huge_length": ({}, 0.1, lambda w: w.length == 10_000_000_000),
    "garbage_status": ({}, 10, lambda w: not w.data.startswith(b"HTTP/")),
    "huge_headers_200kb": ({}, 10, lambda w: len(w.head) > 190_000 and _photo(w)),
}


def test_every_scenario_of_the_table_is_tested() -> None:
    assert FIXED.keys() | SPECIAL.keys() == API.keys()
    assert not FIXED.keys() & SPECIAL.keys()
    assert all(function.__doc__ for function in API.values())


@pytest.mark.parametrize("name", FIXED)
async def test_a_plain_answer(sandbox: Sandbox, tap: Tap, name: str) -> None:
    sandbox.set_contact(MAYA, api=name)
    wire = await tap.ask()
    status, content_type, piece = FIXED[name]
    assert (wire.status, wire.headers["content-type"]) == (status, content_type)
    assert piece in wire.body
    assert len(wire.body) == wire.length
    assert bool(wire.body) == bool(piece)


@pytest.mark.parametrize("name", SPECIAL)
async def test_an_answer_with_a_life_of_its_own(sandbox: Sandbox, tap: Tap, name: str) -> None:
    params, silence, check = SPECIAL[name]
    sandbox.set_contact(MAYA, api=name, params=params)
    wire = await tap.ask(silence=silence, limit=40_000_000 if name == "huge_30mb" else 1_000_000)
    assert check(wire), wire.data[:500]


@pytest.mark.parametrize("name", HOSTILE_URLS)
async def test_any_text_can_be_the_url(sandbox: Sandbox, tap: Tap, name: str) -> None:
    sandbox.set_contact(MAYA, api=f"url:{HOSTILE_URLS[name]}")
    assert (await tap.ask()).json == {"id": MAYA, "url": HOSTILE_URLS[name]}


async def test_an_endless_answer_can_be_chunked(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_contact(MAYA, api="endless", params={"chunked": True})
    wire = await tap.ask(limit=300_000)
    assert wire.headers["transfer-encoding"] == "chunked"
    assert re.match(rb"[0-9a-f]+\r\n\{", wire.body)


async def test_retry_after_is_sent_word_for_word(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_contact(MAYA, api="too_many_requests", params={"retry_after": "soon"})
    assert (await tap.ask()).headers["retry-after"] == "soon"


async def test_a_passing_null_ends_with_a_refresh(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_contact(MAYA, api="transient_null")
    assert (await tap.ask()).json["url"] is None
    assert (await tap.ask()).json["url"] is None
    fresh = (await tap.ask(refresh=True)).json["url"]
    assert PHOTO.fullmatch(fresh)
    assert (await tap.ask()).json["url"] == fresh


@pytest.mark.parametrize(("name", "status"), [("warm", 200), ("stale_url", 403)])
async def test_an_old_url_is_repeated_until_a_refresh(
    sandbox: Sandbox, tap: Tap, name: str, status: int
) -> None:
    sandbox.set_contact(MAYA, api=name)
    old = (await tap.ask()).json["url"]
    assert (await tap.ask()).json["url"] == old
    assert (await tap.get(old.removeprefix(sandbox.base_url))).status == status
    new = (await tap.ask(refresh=True)).json["url"]
    assert new != old
    assert new.partition("?")[0] == old.partition("?")[0]
    assert (await tap.get(new.removeprefix(sandbox.base_url))).status == 200
    assert (await tap.ask()).json["url"] == new


@pytest.mark.parametrize("name", ["preview", "warm", "stale_url", "transient_null"])
async def test_no_scenario_shows_a_hidden_photo(sandbox: Sandbox, tap: Tap, name: str) -> None:
    sandbox.set_contact(MAYA, api=name)
    sandbox.hide(MAYA)
    assert (await tap.ask(refresh=True)).status == 404
