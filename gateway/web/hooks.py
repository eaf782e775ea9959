"""``POST /hooks/wawp``: what the API tells of its own accord, so that nobody has to ask."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final, Protocol

from gateway.web.answers import Answer, no_content, problem
from gateway.web.bodies import TooLarge, body_of
from gateway.web.envelopes import read_news
from gateway.web.target import header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope

    from gateway.model import News

HOOK: Final = "/hooks/wawp"

MAX_ENVELOPE: Final = 64 * 1024
"""Most bytes that one delivery may have."""

# By the number of hexadecimal digits: the header does not say how it was made.
_HASHES: Final = {64: hashlib.sha256, 128: hashlib.sha512}
_CHALLENGE: Final = [(b"www-authenticate", b'X-Webhook-Hmac realm="avatar-gateway"')]


class Listener(Protocol):
    """Who hears the news."""

    def hear(self, news: Sequence[News]) -> None:
        """Look at what may have changed, behind everybody; never waits."""


class HookEndpoint:
    """Takes deliveries that are signed with `secret`."""

    def __init__(self, listener: Listener, *, secret: str) -> None:
        self._listener = listener
        self._secret = secret.encode(errors="surrogateescape")

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Answer one delivery: what is signed is taken, whatever it says."""
        if scope["method"] != "POST":
            allowed = [(b"allow", b"POST")]
            return problem(405, "That method does nothing here.", more=allowed)
        try:
            body = await body_of(receive, MAX_ENVELOPE)
        except TooLarge:
            return problem(413, f"At most {MAX_ENVELOPE} bytes are read.")
        if not is_signed(body, header(scope, b"x-webhook-hmac"), self._secret):
            return problem(401, "The signature is missing or wrong.", more=_CHALLENGE)
        self._listener.hear(read_news(body))
        return no_content()


def is_signed(body: bytes, given: str, secret: bytes) -> bool:
    """Whether `given` is the HMAC of the raw `body` in hexadecimal; compared in constant time."""
    given = given.strip().lower()
    right = hmac.new(secret, body, _HASHES.get(len(given), hashlib.sha256)).hexdigest()
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())
