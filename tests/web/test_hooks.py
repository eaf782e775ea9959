"""Deliveries of a webhook: who is believed to have sent them, and what they are answered."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import ContactId, News
from gateway.web import HookEndpoint
from gateway.web.hooks import MAX_ENVELOPE, is_signed
from tests.fakes import FakeAvatars
from tests.web.test_application import Edge, photo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.web.test_application import Answer

SECRET = "the-webhook-secret"
MAYA = "15551234567@c.us"
BODY = json.dumps({"event": "message", "payload": {"from": MAYA}}).encode()


class FakeListener:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[News] = []

    def hear(self, news: Sequence[News]) -> None:
        self.heard += news

    @property
    def contacts(self) -> list[ContactId]:
        return [each.contact for each in self.heard]


def edge(secret: str | None = SECRET) -> tuple[Edge, FakeListener]:
    listener = FakeListener()
    hooks = None if secret is None else HookEndpoint(listener, secret=secret)
    return Edge(FakeAvatars(photo()), hooks=hooks), listener


def signed(body: bytes, name: str = "sha256", secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, name).hexdigest()


async def deliver(at: Edge, body: bytes | list[bytes] = BODY, **headers: str) -> Answer:
    whole = b"".join(body) if isinstance(body, list) else body
    given = {"x_webhook_hmac": signed(whole)} | headers
    return await at.ask("/hooks/wawp", "POST", body=body, **given)


@pytest.mark.parametrize("name", ["sha256", "sha512"])
@pytest.mark.parametrize("spell", [str.lower, str.upper, lambda text: f" {text} "])
async def test_a_signed_delivery_is_heard(name: str, spell: type[str]) -> None:
    at, listener = edge()
    answer = await deliver(at, x_webhook_hmac=spell(signed(BODY, name)))
    assert (answer.status, answer.body) == (204, b"")
    assert listener.contacts == [ContactId.parse(MAYA)]
    assert answer.headers["cache-control"] == "no-store"


WRONG = [
    "",
    "0" * 64,
    "0" * 128,
    "x",
    "é" * 64,
    signed(BODY)[:-1],
    signed(BODY) + "0",
    signed(BODY + b" "),
    signed(BODY, secret="other"),
    signed(BODY, "sha512")[:64],
    signed(BODY, "sha1"),
    signed(BODY, "md5"),
    f"sha256={signed(BODY)}",
    f"{signed(BODY)}, {signed(BODY)}",
]


@pytest.mark.parametrize("given", WRONG)
async def test_whatever_is_not_signed_is_not_heard(given: str) -> None:
    at, listener = edge()
    answer = await deliver(at, x_webhook_hmac=given)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("X-Webhook-Hmac")
    assert answer.headers["content-type"] == "application/problem+json"
    assert listener.heard == []


async def test_the_raw_body_counts_and_not_what_it_means() -> None:
    at, listener = edge()
    spaced = BODY.replace(b":", b" :")
    assert (await deliver(at, spaced, x_webhook_hmac=signed(BODY))).status == 401
    assert (await deliver(at, spaced)).status == 204
    assert len(listener.heard) == 1


async def test_a_delivery_may_come_in_pieces() -> None:
    at, listener = edge()
    assert (await deliver(at, [BODY[:5], b"", BODY[5:]])).status == 204
    assert len(listener.heard) == 1


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_without_a_secret_there_is_no_such_route(method: str) -> None:
    at, listener = edge(None)
    answer = await at.ask("/hooks/wawp", method, body=BODY, x_webhook_hmac=signed(BODY))
    assert answer.status == 404
    assert listener.heard == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_but_a_post_does_anything(method: str) -> None:
    at, listener = edge()
    answer = await at.ask("/hooks/wawp", method, body=BODY, x_webhook_hmac=signed(BODY))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert listener.heard == []


@pytest.mark.parametrize("path", ["/hooks", "/hooks/", "/hooks/wawp/", "/hooks/waha"])
async def test_other_paths_are_nothing(path: str) -> None:
    at, _ = edge()
    assert (await at.ask(path, "POST", body=BODY, x_webhook_hmac=signed(BODY))).status == 404


async def test_a_delivery_that_is_too_long_is_refused_however_it_comes() -> None:
    at, listener = edge()
    whole = BODY + b" " * (MAX_ENVELOPE - len(BODY))
    assert (await deliver(at, whole)).status == 204
    for body in (whole + b" ", [b" " * 1024] * 100):
        assert (await deliver(at, body)).status == 413
    assert len(listener.heard) == 1


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{", b"[]", b'{"event": "session.status", "payload": {}}', b"\xff"]
)
async def test_what_is_signed_is_taken_whatever_it_says(body: bytes) -> None:
    at, listener = edge()
    assert (await deliver(at, body)).status == 204
    assert listener.heard == []


@settings(deadline=None)
@given(body=st.binary(max_size=200), given_=st.text(max_size=130), secret=st.binary(min_size=1))
def test_nobody_guesses_a_signature(body: bytes, given_: str, secret: bytes) -> None:
    right = hmac.new(secret, body, hashlib.sha256).hexdigest()
    assert is_signed(body, right, secret)
    assert is_signed(body, given_, secret) is (given_.strip().lower() == right)
