"""What can go wrong upstream, row by row, and what viewers then see.

A row is a fault in all its variants. Of a contact of whom nothing is known, `answer` is what the
first view shows and `then` what is shown once the run has ended: None is the photo, anything else
a fallback for that reason. Of a contact with a known photo that is due, every first view shows
that one, and `warm` says what is shown afterwards. `calls` are the picture queries and downloads
that reach the upstream, all views together; they are the same for both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import pytest

from gateway.errors import Reason
from gateway.sandbox import HOSTILE_URLS
from tests.faults.stage import CALM, CONTACT, LONG, SHORT, Patience
from tests.faults.upstreams import (
    DeadApi,
    DeadCdn,
    Plays,
    Upstream,
    expired,
    foreign_authority,
    overrun,
    refusing,
    self_signed,
    silent,
    unknown_name,
    wrong_host,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Warm(Enum):
    """What becomes of a photo that is known, once the run behind its viewers has ended."""

    STAYS = "the known photo, as stale, and nothing of it is touched"
    RENEWED = "the photo that the upstream has now"
    ERASED = "none, and no copy is left"
    DOUBTED = "the known photo, as stale, until one refresh has confirmed that there is none"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. `then` is `answer` unless it says otherwise.

    `probes` are the questions about the session that arrive: one, by which the gateway learns
    its own number. `again` more picture queries are allowed where a connection that was kept
    may be at fault. `life` is the class of ``Cache-Control``, `within` the seconds an answer may
    take if that is less than the deadline.
    """

    name: str
    answer: Reason | None
    calls: tuple[int, int]
    variants: Mapping[str, Upstream]
    patience: Patience = CALM
    then: Reason | str | None = "the same"
    probes: int = 1
    again: int = 0
    life: str = ""
    within: float = 60.0
    warm: Warm = Warm.STAYS


PHOTO: Final = None
RENEWED, ERASED, DOUBTED = Warm.RENEWED, Warm.ERASED, Warm.DOUBTED
NONE, TIMEOUT, DISCONNECTED, UPSTREAM, BUDGET, BLOCKED, UNDECODABLE = (
    Reason.NONE, Reason.TIMEOUT, Reason.DISCONNECTED, Reason.UPSTREAM, Reason.BUDGET,
    Reason.BLOCKED, Reason.UNDECODABLE,
)  # fmt: skip


def api(scenario: str, **params: object) -> Plays:
    return Plays(api=scenario, params=params)


def cdn(scenario: str, **params: object) -> Plays:
    return Plays(cdn=scenario, params=params)


def says(status: int, document: object, **params: object) -> Plays:
    """The API answers with this status and document; text goes out as it is."""
    body = document if isinstance(document, str) else json.dumps(document)
    return api("reply", status=status, body=body, **params)


def leads_to(url: str) -> Plays:
    """The API names `url`, while the CDN is where it really is."""
    return Plays(api=f"url:{url}", origins="https://*.whatsapp.net")


def redirects(side: str, status: int, place: str) -> Plays:
    params = {"status": status, "body": "", "headers": {"Location": place}}
    return Plays(**{side: "reply"}, params=params)  # type: ignore[arg-type] # side is api or cdn


def once(scenario: str) -> Plays:
    """The CDN answers so the first time."""
    return Plays(cdn=scenario, times=1)


STRANGER: Final = "15557770123@c.us"
SOME_PHOTO: Final = "https://pps.whatsapp.net/v/a.jpg"
JSON_NESTED: Final = '{"url":' * 5_000
TEXT: Final = "text/plain"

HOSTILE: Final = {
    **HOSTILE_URLS,
    "userinfo on the right host": "https://user:pass@pps.whatsapp.net/v/a.jpg",
    "port 80 over https": "https://pps.whatsapp.net:80/v/a.jpg",
    "port 0": "https://pps.whatsapp.net:0/v/a.jpg",
    "trailing dot": "https://pps.whatsapp.net./v/a.jpg",
    "the domain alone": "https://whatsapp.net/v/a.jpg",
    "percent in the host": "https://pps%2ewhatsapp.net/v/a.jpg",
    "hex parts": "https://0x7f.0x0.0x0.0x1/a.jpg",
    "octal number": "https://017700000001/a.jpg",
    "IPv4-compatible": "https://[::127.0.0.1]/a.jpg",
    "6to4": "https://[2002:7f00:1::]/a.jpg",
    "link-local with a zone": "https://[fe80::1%25eth0]/a.jpg",
    "full-width digits": "https://\uff11\uff12\uff17.0.0.1/a.jpg",
    "gopher": "gopher://pps.whatsapp.net/v/a.jpg",
    "a bare line feed": "https://pps.whatsapp.net/a\nb.jpg",
    "a tab in the scheme": "ht\ttps://pps.whatsapp.net/a.jpg",
}

TABLE: Final = (
    Fault(
        "API: out of reach", UPSTREAM, (0, 0), probes=0,
        variants={
            "name unknown": DeadApi(unknown_name),
            "refused": DeadApi(refusing),
            "TLS expired": DeadApi(expired),
            "TLS wrong host": DeadApi(wrong_host),
            "TLS self-signed": DeadApi(self_signed),
            "TLS foreign authority": DeadApi(foreign_authority),
        },
    ),
    Fault(
        "API: connect time-out", TIMEOUT, (0, 0), patience=SHORT, probes=0,
        variants={"queue full": DeadApi(overrun)},
    ),
    Fault(
        "API: hangs", TIMEOUT, (1, 0), patience=SHORT,
        variants={
            "accepts and says nothing": api("hang"),
            "says nothing to anybody": DeadApi(silent),
            "headers drip": api("drip_headers"),
            "body drips": api("drip_body"),
            "stalls in the body": api("stall"),
        },
    ),
    Fault(
        "API: broken on the wire", UPSTREAM, (1, 0),
        variants={
            "reset in the body": api("reset_midway"),
            "cut body": api("cut_body"),
            "length too long": api("wrong_length_long"),
            "length too short": api("wrong_length_short"),
            "garbage status line": api("garbage_status"),
            "200 KB headers": api("huge_headers_200kb"),
            "endless": api("endless"),
            "endless, chunked": api("endless", chunked=True),
            "10 GB announced": api("lying_huge_length"),
            "100 MB": api("huge_30mb", megabytes=100),
            "gzip": api("gzip_despite_identity"),
            "gzip bomb": api("gzip_bomb", megabytes=20),
            "brotli announced": says(200, {"url": ""}, headers={"Content-Encoding": "br"}),
        },
    ),
    Fault(
        "API: hangs up without an answer", UPSTREAM, (1, 0), again=1,
        variants={
            "reset": api("reset"),
        },
    ),
    Fault(
        "API: any redirect", UPSTREAM, (1, 0),
        variants={
            **{
                f"{status}": redirects("api", status, "https://login.example/")
                for status in (300, 301, 302, 303, 304, 307, 308)
            },
            "to itself": api("redirect_loop"),
            "to a private address": redirects("api", 302, "http://169.254.169.254/"),
            "without a place": says(302, ""),
        },
    ),
    Fault(
        "API: unreadable", UPSTREAM, (1, 0),
        variants={
            "HTML": api("html_200"),
            "empty": api("empty_200"),
            "white space": says(200, " \r\n\t"),
            "malformed": api("cut_json"),
            "not UTF-8": api("not_utf8"),
            "UTF-16": says(200, '{"url":null}'.encode("utf-16").decode("latin-1")),
            "deeply nested": api("deeply_nested"),
            "deeply nested objects": says(200, JSON_NESTED),
            "a list": api("list"),
            "a number": api("number"),
            "null": api("null"),
            "true": says(200, "true"),
            "text": says(200, '"https://pps.whatsapp.net/v/a.jpg"'),
            "wrong types": api("wrong_types"),
            "url a number": says(200, {"id": CONTACT, "url": 7}),
            "url false": says(200, {"id": CONTACT, "url": False}),
            "url a list": says(200, {"id": CONTACT, "url": []}),
            "another document": says(200, {"ok": True}),
        },
    ),
    Fault(
        "API: 2xx with an error body, of the upstream", UPSTREAM, (1, 0),
        variants={
            "code and message": api("error_json_200"),
            "status, message, error": says(
                200, {"status": 500, "message": "Internal server error", "error": "Error"}
            ),
            "error with code and message": says(200, {"error": {"code": 503, "message": "Busy"}}),
            "error as text": says(200, {"error": "Something went wrong"}),
            "401 inside": says(200, {"status": 401, "message": "Invalid access token"}),
            "a word for a code": says(200, {"code": "forbidden", "message": "No"}),
            "XML": says(
                200, "<error><code>server_error</code></error>", type="application/xml"
            ),
            "plain text": says(200, "Internal Server Error", type=TEXT),
            "201": says(201, {"code": "server_error", "message": "Something went wrong"}),
        },
    ),
    Fault(
        "API: 2xx with an error body, of the session", DISCONNECTED, (1, 0),
        variants={
            "invalid_session": says(200, {"code": "invalid_session", "message": "No session"}),
            "session status": says(
                200, {"error": "Session status is not as expected", "status": "SCAN_QR_CODE"}
            ),
            "422 inside": says(200, {"status": 422, "message": "Unprocessable", "error": "Error"}),
        },
    ),
    Fault(
        "API: url empty, null, missing", NONE, (1, 0), life="passing", warm=DOUBTED,
        variants={
            "null": api("url_null"),
            "empty": api("url_empty"),
            "blank": says(200, {"id": CONTACT, "url": "  "}),
            "missing": api("url_missing"),
            "profilePictureURL null": api("profile_picture_url_null"),
            "404 about a picture": says(
                404, {"code": "not_found", "message": "No profile picture"}
            ),
            "404 of nothing, session working": api("not_found_unknown"),
            "404 in HTML, session working": api("not_found_html"),
            "404 empty, session working": api("not_found_empty"),
        },
    ),
    Fault(
        "API: 404 that names the contact", NONE, (1, 0), life="passing", warm=ERASED,
        variants={"404": api("not_found")},
    ),
    Fault(
        "API: not connected", DISCONNECTED, (1, 0),
        variants={
            "404 invalid_session": api("invalid_session"),
            "422": Plays(session="SCAN_QR_CODE"),
            "422 while the session is said to work": api("scan_qr_after_wait", wait=0),
            "422 empty": says(422, ""),
            **{
                f"404 {kind}, session {status}": Plays(api=f"not_found_{kind}", session=status)
                for kind in ("unknown", "html", "empty")
                for status in ("SCAN_QR_CODE", "FAILED", "STOPPED", "STARTING")
            },
        },
    ),
    Fault(
        "API: a slow 422", TIMEOUT, (1, 0), patience=LONG, then=DISCONNECTED,
        variants={"after the deadline": Plays(session="SCAN_QR_CODE", wait=0.8)},
    ),
    Fault(
        "API: about another phone number", UPSTREAM, (1, 0),
        variants={
            "with their photo": api("other_contact_id", id=STRANGER),
            "in another spelling": says(200, {"id": "+1 (555) 777-0123", "url": SOME_PHOTO}),
            "without a photo": says(200, {"id": STRANGER, "url": None}),
        },
    ),
    Fault(
        "API: refused", UPSTREAM, (1, 0),
        variants={
            "400 JSON": api("bad_request_json"),
            "400 XML": api("bad_request_xml"),
            "400 text": api("bad_request_text"),
            "409": api("conflict"),
            "401": api("unauthorized"),
            "401 empty": says(401, ""),
            "403": says(403, {"code": "forbidden", "message": "Not for you"}),
            "405": says(405, "Method Not Allowed", type=TEXT),
            "410": says(410, ""),
        },
    ),
    Fault(
        "API: nothing left to ask with", BUDGET, (1, 0),
        variants={
            "402": api("payment_required"),
            "402 empty": says(402, ""),
            "403 quota": api("forbidden_quota"),
            "429": api("too_many_requests"),
            "429 seconds": api("too_many_requests_seconds"),
            "429 date": api("too_many_requests_date"),
            "429 absurd": api("too_many_requests_absurd"),
            "429 zero": api("too_many_requests", retry_after="0"),
            "429 words": api("too_many_requests", retry_after="soon"),
            "429 negative": api("too_many_requests", retry_after="-5"),
            "429 fraction": api("too_many_requests", retry_after="1.5"),
            "429 a date long ago": api(
                "too_many_requests", retry_after="Thu, 01 Jan 1970 00:00:00 GMT"
            ),
            "rate-overlimit in a 200": api("rate_overlimit_200"),
            "rate-overlimit in a 500": api("rate_overlimit_500"),
            "rate-overlimit in a 404": says(404, "rate-overlimit", type=TEXT),
            "rate-overlimit in HTML": says(200, "<p>rate-overlimit</p>", type="text/html"),
            "429 inside a 200": says(200, {"error": {"code": 429, "message": "Slow down"}}),
            "quota inside a 200": says(200, {"code": "quota_exceeded", "message": "Used up"}),
        },
    ),
    Fault(
        "API: 5xx", UPSTREAM, (1, 0),
        variants={
            "500": api("server_error_500"),
            "500 empty": says(500, ""),
            "508": says(508, ""),
        },
    ),
    Fault(
        "API: 5xx that may pass", UPSTREAM, (2, 0),
        variants={
            "502": api("server_error_502_html"),
            "503": api("server_error_503"),
            "504": api("server_error_504_empty"),
        },
    ),
    Fault(
        "Slow, then answers", TIMEOUT, (1, 1), patience=LONG, then=PHOTO, warm=RENEWED,
        variants={
            "the API after the deadline": api("slow", seconds=0.8),
            "the CDN after the deadline": cdn("slow", seconds=0.8),
        },
    ),
    Fault(
        "API: a hostile url", BLOCKED, (1, 0),
        variants={name: leads_to(url) for name, url in HOSTILE.items()},
    ),
    Fault(
        "API: a url that is dead already", PHOTO, (2, 1), warm=RENEWED,
        variants={"oe past": api("stale_url")},
    ),
    Fault(
        "API: a good url in an odd dress", PHOTO, (1, 1), warm=RENEWED,
        variants={
            "&amp;": api("url_escaped"),
            "profilePictureURL": api("profile_picture_url"),
            "without an id": api("id_missing"),
            "signed a day ago": api("warm"),
            "preview only": api("preview"),
        },
    ),
    Fault(
        "CDN: no longer served", PHOTO, (2, 2), warm=RENEWED,
        variants={
            name: once(name)
            for name in ("expired", "tampered", "bad_timestamp", "bad_hash", "not_found", "gone")
        },
    ),
    Fault(
        "CDN: no longer served, nor after the refresh", UPSTREAM, (2, 2),
        variants={name: cdn(name) for name in ("expired", "not_found", "gone")},
    ),
    Fault(
        "CDN: an error", UPSTREAM, (1, 1),
        variants={
            "401": cdn("unauthorized"),
            "500": cdn("server_error"),
            "502": cdn("reply", status=502),
            "503": cdn("unavailable"),
            "504": cdn("reply", status=504),
            "reset": cdn("reset"),
            "reset in the body": cdn("reset_midway"),
            "cut": cdn("cut"),
            "length too long": cdn("wrong_length_long"),
            "garbage status line": cdn("garbage_status"),
            "200 KB headers": cdn("huge_headers_200kb"),
        },
    ),
    Fault(
        "CDN: out of reach", UPSTREAM, (1, 0),
        variants={
            "refused": DeadCdn(refusing),
            "TLS expired": DeadCdn(expired),
            "TLS wrong host": DeadCdn(wrong_host),
            "TLS self-signed": DeadCdn(self_signed),
            "TLS foreign authority": DeadCdn(foreign_authority),
        },
    ),
    Fault(
        "CDN: connect time-out", TIMEOUT, (1, 0), patience=SHORT,
        variants={"queue full": DeadCdn(overrun)},
    ),
    Fault(
        "CDN: too many requests", BUDGET, (1, 1),
        variants={
            "429": cdn("too_many_requests"),
            "429 seconds": cdn("too_many_requests", retry_after="30"),
        },
    ),
    Fault(
        "CDN: a redirect", UPSTREAM, (1, 1),
        variants={
            "loop": cdn("redirect_loop"),
            "private": cdn("redirect_private"),
            "other host": cdn("redirect_other_host"),
            **{
                f"{status} to http": redirects("cdn", status, "http://pps.whatsapp.net/v/a.jpg")
                for status in (301, 302, 303, 307, 308)
            },
        },
    ),
    Fault(
        "CDN: hangs", TIMEOUT, (1, 1), patience=SHORT,
        variants={
            "says nothing": cdn("hang"),
            "slow headers": cdn("slow_headers"),
            "slow body": cdn("slow_body"),
            "stalls in the middle": cdn("stall"),
        },
    ),
    Fault(
        "CDN: too much", UNDECODABLE, (1, 1),
        variants={
            "10 GB announced": cdn("lying_huge_length"),
            "20 MB": cdn("big_20mb"),
        },
    ),
    Fault(
        "CDN: endless", UPSTREAM, (1, 1),
        variants={
            "until the close": cdn("endless"),
            "chunked": cdn("endless", chunked=True),
        },
    ),
    Fault(
        "CDN: no picture", UNDECODABLE, (1, 1),
        variants={
            "HTML": cdn("html"),
            "JSON": cdn("json"),
            "SVG": cdn("svg"),
            "text": cdn("reply", body="no picture", type=TEXT),
            "text as JPEG": cdn("text_as_jpeg"),
            "empty": cdn("empty"),
            "204": cdn("no_content_204"),
            "206": cdn("partial_206"),
            "gzip": cdn("gzip_encoded"),
            "gzip bomb": cdn("gzip_bomb", megabytes=20),
            "two types": cdn("reply", body="<html></html>", type="image/png, text/html"),
            "length too short": cdn("wrong_length_short", by=2_000),
            "half a file": cdn("truncated"),
            "BMP": cdn("reply", body="BM" + "\0" * 100, type="image/bmp"),
            "a header alone": cdn("reply", body="\x89PNG\r\n\x1a\n"),
        },
    ),
    Fault(
        "CDN: a weapon", UNDECODABLE, (1, 1), within=1.3,
        variants={
            "corrupt": cdn("corrupt"),
            "pixel bomb": cdn("pixel_bomb"),
            "scan bomb": cdn("scan_bomb"),
        },
    ),
    Fault(
        "CDN: an odd picture", PHOTO, (1, 1), warm=RENEWED,
        variants={
            "wrong type": cdn("wrong_type"),
            "preview": cdn("preview"),
            "1x1": cdn("one_by_one"),
            "1x2000": cdn("one_by_2000"),
            "CMYK": cdn("cmyk"),
            "grey": cdn("grayscale"),
            "16 bit": cdn("png_16bit"),
            "alpha": cdn("png_alpha"),
            "palette with alpha": cdn("palette_alpha"),
            "turned by EXIF": cdn("exif_rotated"),
            "broken ICC": cdn("broken_icc"),
            "animated GIF": cdn("gif_animated"),
            "WebP": cdn("webp"),
        },
    ),
)  # fmt: skip

CASES: Final = [
    pytest.param(fault, upstream, id=f"{fault.name}-{variant}")
    for fault in TABLE
    for variant, upstream in fault.variants.items()
]
"""Every variant of every row, for a test of both."""
