"""What RFC 9112 asks of a request's target and Host, beyond what the parser checks."""

from __future__ import annotations

import functools
import re
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final

from gateway.worker.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

_ABSOLUTE: Final = re.compile(rb"https?://([^/?#]*)([^#]*)", re.IGNORECASE)
_NAMED: Final = re.compile(rb"(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+(?::\d{0,5})?")
_BRACKETED: Final = re.compile(rb"\[([0-9A-Fa-f:.]+)\](?::\d{0,5})?")


def target_of(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """Return the path and query of `target`, and the authority if it came in absolute form.

    Raises `Refused`: 501 for CONNECT, 400 for what is no target.
    """
    if target.startswith(b"/") or target == b"*":
        return target, None
    if method == b"CONNECT":
        raise Refused(501)
    match = _ABSOLUTE.fullmatch(target)
    if match is None or not is_authority(match[1]):
        raise Refused(400)
    path = match[2]
    return (path if path.startswith(b"/") else b"/" + path), match[1]


def check_host(version: tuple[int, int], fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise `Refused` unless `fields` (names in lower case) hold the one good Host they must."""
    host = None
    for name, value in fields:
        if name == b"host":
            if host is not None or not is_authority(value):
                raise Refused(400)
            host = value
    if host is None and version != (1, 0):
        raise Refused(400)


@functools.lru_cache(maxsize=256)
def is_authority(text: bytes) -> bool:
    """Whether `text` is a host, with or without a port, and nobody's name before it."""
    if not text.startswith(b"["):
        return _NAMED.fullmatch(text) is not None
    match = _BRACKETED.fullmatch(text)
    if match is None:
        return False
    try:
        IPv6Address(match[1].decode())
    except ValueError:
        return False
    return True
