"""Refusals below the application: a status and nothing else, in as few bytes as HTTP allows."""

from __future__ import annotations

from email.utils import formatdate
from typing import Final

PHRASES: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    505: "HTTP Version Not Supported",
}


class Refused(Exception):
    """A request that goes no further; `status` is all that its sender learns."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def refusal(status: int) -> bytes:
    """Return the whole answer, after which the connection closes; it echoes nothing."""
    return (
        f"HTTP/1.1 {status} {PHRASES[status]}\r\n"
        "Server: avatar-gateway\r\n"
        f"Date: {formatdate(usegmt=True)}\r\n"
        "Content-Length: 0\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n"
        "\r\n"
    ).encode()
