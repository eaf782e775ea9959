"""Answers of the API that are the same whoever asks: most of its errors."""

from __future__ import annotations

from typing import Final

from gateway.sandbox.scenarios.exchange import as_json
from gateway.sandbox.wire import Reply

__all__ = ["API_ANSWERS", "TOO_MANY"]

_BAD_REQUEST_XML: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><error><code>bad_request</code>'
    b"<message>contactId is not valid</message></error>"
)
_BAD_GATEWAY: Final = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1>"
    b"</center><hr><center>nginx</center></body></html>"
)
TOO_MANY: Final = {"code": "too_many_requests", "message": "Too many requests"}
_OVERLIMIT: Final = {"error": {"code": 429, "message": "rate-overlimit"}}

API_ANSWERS: Final[dict[str, Reply]] = {
    "bad_request_json": as_json(400, {"code": "bad_request", "message": "contactId is not valid"}),
    "bad_request_xml": Reply(400, _BAD_REQUEST_XML, "application/xml"),
    "bad_request_text": Reply(400, b"Bad Request", "text/plain"),
    "unauthorized": as_json(
        401, {"status": 401, "message": "Invalid access token", "error": "Unauthorized"}
    ),
    "payment_required": as_json(
        402, {"error": {"code": 402, "message": "Your subscription has ended"}}
    ),
    "forbidden_quota": as_json(
        403, {"code": "quota_exceeded", "message": "Your monthly quota is used up"}
    ),
    "not_found_unknown": as_json(
        404, {"code": "rest_no_route", "message": "No route matches the URL", "status": 404}
    ),
    "not_found_html": Reply(404, b"<html><h1>404 Not Found</h1></html>", "text/html"),
    "not_found_empty": Reply(404, b"", "text/plain"),
    "invalid_session": as_json(
        404, {"code": "invalid_session", "message": "The session does not exist", "status": 404}
    ),
    "conflict": as_json(409, {"code": "conflict", "message": "The session is busy"}),
    "rate_overlimit_200": as_json(200, _OVERLIMIT),
    "rate_overlimit_500": as_json(500, _OVERLIMIT),
    "server_error_500": as_json(
        500, {"status": 500, "message": "Internal server error", "error": "Error"}
    ),
    "server_error_502_html": Reply(502, _BAD_GATEWAY, "text/html"),
    "server_error_503": as_json(503, {"code": "unavailable", "message": "Service Unavailable"}),
    "server_error_504_empty": Reply(504, b"", "text/html"),
    "error_json_200": as_json(200, {"code": "server_error", "message": "Something went wrong"}),
    "html_200": Reply(200, b"<!doctype html><title>Wawp</title><h1>Welcome</h1>", "text/html"),
    "empty_200": Reply(200),
    "cut_json": Reply(200, b'{"id": "15551234567@c.us", "url": "https://pps.what'),
    "wrong_types": as_json(200, {"id": 15551234567, "url": {"href": ["https://x"]}}),
    "not_utf8": Reply(200, b'{"id": "15551234567@c.us", "url": "\xff\xfe\xe9"}'),
    "list": as_json(200, [{"url": "https://pps.whatsapp.net/v/a.jpg"}]),
    "number": Reply(200, b"42"),
    "null": Reply(200, b"null"),
    "redirect": Reply(302, b"", headers=(("Location", "https://login.example/"),)),
}
