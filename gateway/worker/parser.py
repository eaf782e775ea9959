"""What a connection asks gunicorn's parser, and what the parser's complaints mean."""

from __future__ import annotations

import re
from typing import Any, Final

from gunicorn.asgi.parser import (
    InvalidHTTPVersion,
    LimitRequestHeaders,
    LimitRequestLine,
    UnsupportedTransferCoding,
)

_VERSION: Final = re.compile(r"HTTP/\d\.\d")


def begun(parser: Any) -> int:  # noqa: ANN401 - gunicorn has no types
    """About how many bytes of the next request `parser` has taken: none only if it is new."""
    taken = len(parser._buffer)  # noqa: SLF001 - as above
    return taken or int(parser._state != "request_line" or parser._empty_line_skipped)  # noqa: SLF001 - as above


def size_of(parser: Any) -> int:  # noqa: ANN401 - gunicorn has no types
    """Bytes of the head that `parser` has read."""
    fields = sum(len(name) + len(value) + 4 for name, value in parser.headers)
    return len(parser.method) + len(parser.path) + fields


def status_of(error: Exception) -> int:
    """Return the status for what the parser found wrong."""
    if isinstance(error, LimitRequestLine):
        return 414
    if isinstance(error, LimitRequestHeaders):
        return 431
    if isinstance(error, UnsupportedTransferCoding):
        return 501
    if isinstance(error, InvalidHTTPVersion) and _VERSION.fullmatch(str(error)):
        return 505
    return 400
