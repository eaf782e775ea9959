"""Whoever has the token may (RFC 6750)."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from gateway.web.target import header

if TYPE_CHECKING:
    from starlette.types import Scope

CHALLENGE: Final = [(b"www-authenticate", b'Bearer realm="avatar-gateway"')]


class Bearer:
    """Admits who shows `token`; with None, nobody."""

    def __init__(self, token: str | None) -> None:
        self._digest = None if token is None else _digest(token)

    def __bool__(self) -> bool:
        return self._digest is not None

    def admits(self, scope: Scope) -> bool:
        """Whether the request carries the token; it is compared in constant time."""
        if self._digest is None:
            return False
        scheme, _, given = header(scope, b"authorization").partition(" ")
        right = hmac.compare_digest(_digest(given.strip()), self._digest)
        return right and scheme.lower() == "bearer"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
