"""The second net: whatever the house should never have said is struck out of a finished log line.

The first net is that no text of ours holds a secret or a contact. This one is for text that is
not ours: a library's error, a traceback, a line of the server.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

STRUCK: Final = "***"

_SERVERS: Final = r"@(?:c\.us|s\.whatsapp\.net|lid|g\.us|newsletter)"
_NAMED: Final = 12
_HEADER: Final = r"\bauthorization['\"]?\s*[:=]\s*['\"]?(?:bearer\s+)?"
_RULES: Final = (
    # Credentials in a URL, and its query: where the API wants the token and the CDN its signature.
    (re.compile(r"(://)[^\s/@'\"<>]+@"), rf"\1{STRUCK}@"),
    (re.compile(r"(https?://[^\s?'\"<>]+\?)[^\s'\"<>]+", re.IGNORECASE), rf"\1{STRUCK}"),
    (
        re.compile(r"\b(access_token|instance_id|contactid|oh|sig)=[^\s&'\"<>]+", re.IGNORECASE),
        rf"\1={STRUCK}",
    ),
    (re.compile(rf"({_HEADER})[^\s'\",]+", re.IGNORECASE), rf"\1{STRUCK}"),
    # A contact: by our own path, by its server, or as a bare number of ten digits and more.
    (re.compile(r"(/avatar/)[^\s?'\"<>]+"), rf"\1{STRUCK}"),
    (re.compile(rf"[0-9][0-9:._-]*({_SERVERS})"), rf"{STRUCK}\1"),
    (re.compile(r"(?<!\w)(?<!\d\.)\+?[1-9][0-9]{9,14}(?!\w|\.\d)"), STRUCK),
)


def pseudonym(digest: bytes) -> str:
    """What stands for a contact in lines: twelve hexadecimal digits in a row of its keyed hash.

    The first that are no number: one would be struck out as a contact's.
    """
    digits = digest.hex()
    found = (digits[start : start + _NAMED] for start in range(len(digits) - _NAMED + 1))
    return next((each for each in found if not each.isdecimal()), "?")


class Redacting(logging.Formatter):
    """Another formatter's text without `secrets`, credentials, signed queries and contacts."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        """Format `record` as the other one does, then strike out."""
        return redacted(self._inner.format(record), self._secrets)


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with all that must not be read struck out."""
    for secret in secrets:
        text = text.replace(secret, STRUCK)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
