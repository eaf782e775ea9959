"""The faults that are drawn from: after each of them a photo that is known is still shown.

What an upstream may say that means "no photo" is not among them, nor what is a photo after all.
"""

from __future__ import annotations

from typing import Final

from gateway.sandbox import HOSTILE_URLS

FAULTS_FOR_ALL: Final = (
    "conflict", "cut_body", "cut_json", "empty_200", "garbage_status", "hang", "html_200",
    "invalid_session", "rate_overlimit_200", "reset", "server_error_500", "server_error_503",
    "too_many_requests_seconds", "unauthorized",
)  # fmt: skip
"""What the API does to everybody."""

API_FAULTS: Final = (
    "bad_request_xml", "conflict", "cut_body", "cut_json", "deeply_nested", "drip_body",
    "drip_headers", "empty_200", "endless", "error_json_200", "garbage_status",
    "gzip_despite_identity", "hang", "html_200", "huge_headers_200kb", "list",
    "not_utf8", "null", "number", "other_contact_id", "rate_overlimit_500",
    "redirect", "redirect_loop", "reset", "reset_midway", "server_error_502_html",
    "server_error_504_empty", "stall", "wrong_length_long", "wrong_types",
    *(f"url:{HOSTILE_URLS[name]}" for name in ("metadata", "loopback_hex", "suffix", "file")),
)  # fmt: skip
"""What the API does when it is asked about somebody; nothing that makes it be left alone."""

CDN_FAULTS: Final = (
    "bad_hash", "big_20mb", "corrupt", "cut", "empty", "endless", "expired", "garbage_status",
    "gone", "gzip_bomb", "gzip_encoded", "hang", "html", "huge_headers_200kb", "json",
    "lying_huge_length", "no_content_204", "not_found", "partial_206", "pixel_bomb",
    "redirect_loop", "redirect_private", "reset", "reset_midway", "scan_bomb", "server_error",
    "slow_body", "slow_headers", "stall", "svg", "tampered", "text_as_jpeg", "too_many_requests",
    "truncated", "unauthorized", "unavailable", "wrong_length_long",
)  # fmt: skip
