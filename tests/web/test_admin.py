"""What operators may do over HTTP: who is let in, what is read, what is answered."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import Reason, StoreFailed, TimedOut, TooSoon
from gateway.model import Standing
from gateway.signing import Keyring, sign
from gateway.signing.tokens import Tokens
from gateway.web import Gate, Links
from gateway.web.lists import MAX_BODY, MAX_SIGNED_BODY
from tests.fakes import LEON, MAYA, T0, Clock, FakeAvatars
from tests.web.test_application import Edge, photo

if TYPE_CHECKING:
    from tests.web.test_application import Answer

TOKEN = "the-admin-token"
KEY = "test-signing-key-0001"
BEARER = f"Bearer {TOKEN}"
ROUTES = [
    ("POST", "/avatars"),
    ("POST", "/avatars/warm"),
    ("POST", "/avatar/15551234567/refresh"),
    ("DELETE", "/avatar/15551234567"),
]


def edge(token: str | None = TOKEN, *, keys: bool = False) -> Edge:
    if not keys:
        return Edge(FakeAvatars(photo()), token=token)
    gate = Gate(Keyring([KEY]), Tokens([KEY]).unseal, clock=Clock())
    return Edge(
        FakeAvatars(photo()), token=token, gate=gate, links=Links("", partial(sign, key=KEY))
    )


async def order(at: Edge, method: str, target: str, body: object = None, **headers: str) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await at.ask(target, method, body=sent, **({"authorization": BEARER} | headers))


@pytest.mark.parametrize(("method", "target"), ROUTES)
async def test_without_a_token_in_the_settings_there_are_no_such_routes(
    method: str, target: str
) -> None:
    at = edge(None)
    answer = await order(at, method, target, [])
    assert answer.status == 404
    assert at.keeper.orders == []


@pytest.mark.parametrize(("method", "target"), ROUTES)
@pytest.mark.parametrize(
    "given",
    ["", TOKEN, "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "\xff"],
)
async def test_who_has_not_the_token_is_refused(method: str, target: str, given: str) -> None:
    at = edge()
    answer = await order(at, method, target, [], authorization=given)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert at.keeper.orders == []


@pytest.mark.parametrize(("method", "target"), ROUTES)
async def test_other_methods_are_refused_with_those_that_do_something(
    method: str, target: str
) -> None:
    answer = await order(edge(), "PUT", target)
    assert answer.status == 405
    assert method in answer.headers["allow"]


@pytest.mark.parametrize(
    "target",
    ["/avatar/x/y/refresh", "/avatar//refresh", "/avatar/x/other", "/avatars/", "/avatars/x"],
)
async def test_other_paths_are_nothing(target: str) -> None:
    assert (await order(edge(), "POST", target, [])).status == 404


# Lists


async def test_the_known_ones_of_a_list_are_told_in_order() -> None:
    at = edge()
    at.documents.strangers = {LEON}
    answer = await order(at, "POST", "/avatars", ["+1 555 123 4567", LEON.value, MAYA.value])
    assert answer.status == 200
    listed: Any = answer.json
    (document,) = listed
    assert document == {
        "id": MAYA.value,
        "kind": "person",
        "source": "photo",
        "reason": None,
        "version": "0123456789ab",
        "url": f"/avatar/{MAYA.value}.png?v=0123456789ab",
        "srcset": (
            f"/avatar/{MAYA.value}.png?v=0123456789ab 1x,"
            f" /avatar/{MAYA.value}.png?v=0123456789ab&dpr=2 2x,"
            f" /avatar/{MAYA.value}.png?v=0123456789ab&dpr=3 3x"
        ),
        "width": 128,
        "color": "#a1b2c3",
        "fetched_at": "2026-09-21T14:12:20Z",
        "fresh_until": "2026-09-22T14:13:20Z",
    }


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, "no JSON"),
        (b"\xff", 400, "no JSON"),
        (b"[" * 100_000, 400, "no JSON"),
        ({}, 400, "no JSON list"),
        ("15551234567", 400, "no JSON list"),
        ([5], 400, "Item 0"),
        ([None], 400, "Item 0"),
        ([MAYA.value, "marked nonsense"], 400, "Item 1"),
        (["~marked"], 403, "Item 0"),
        ([f"1555{number:07}" for number in range(201)], 400, "At most 200"),
        ([MAYA.value] * 201, 400, "At most 200"),
        (b" " * (MAX_BODY + 1), 413, "At most"),
    ],
)
async def test_a_list_that_is_none_is_refused_and_not_echoed(
    body: object, status: int, told: str
) -> None:
    at = edge()
    answer = await order(at, "POST", "/avatars", body)
    assert answer.status == status
    assert told in answer.json["detail"]  # type: ignore[index]
    assert b"marked" not in answer.body
    assert at.documents.asked == []


async def test_who_has_but_a_signed_url_sends_no_more_than_two_hundred_need() -> None:
    at = edge(keys=True)
    signed = sign(f"/avatar/{MAYA.value}.png?size=48", KEY)
    body = json.dumps([signed]).encode().ljust(MAX_SIGNED_BODY + 1)
    answer = await at.ask("/avatars", "POST", body=body)
    assert answer.status == 413
    answer = await at.ask("/avatars", "POST", body=body[:-1])
    assert answer.status == 200


async def test_the_document_of_a_forced_fallback_links_to_no_photo() -> None:
    at = edge(keys=True)
    answer = await at.ask(sign(f"/avatar/{MAYA.value}.json?f=y&size=48", KEY))
    told: Any = answer.json
    assert answer.status == 200
    assert all("force=y" in link for link in (told["url"], *told["srcset"].split(", ")))


async def test_without_the_token_tokens_and_signed_urls_are_let_in() -> None:
    at = edge(keys=True)
    token = Tokens([KEY]).seal(LEON)
    signed = sign(f"https://faces.example/avatar/{MAYA.value}.png?size=48", KEY, expires=T0 + 60)
    answer = await at.ask("/avatars", "POST", body=json.dumps([token, signed]).encode())
    assert answer.status == 200
    listed: Any = answer.json
    first, second = listed
    assert first["id"] == token
    assert LEON.value.partition("@")[0] not in json.dumps(first)
    assert second["id"] == MAYA.value
    assert f"exp={int(T0 + 60)}" in second["url"]
    assert "sig=" in second["url"]


@pytest.mark.parametrize(
    "item",
    [
        MAYA.value,
        "~AAAA",
        f"/avatar/{MAYA.value}.png",
        f"/avatar/{MAYA.value}.png?sig=AAAAAAAAAAAAAAAAAAAAAA",
        sign(f"/avatar/{MAYA.value}.png", KEY, expires=T0 - 1),
        sign(f"/avatar/{MAYA.value}.png", "another-key"),
        # Good for the fallback, and so for no link to the photo.
        sign(f"/avatar/{MAYA.value}.png?force=y&size=16", KEY),
        sign(f"/avatar/{MAYA.value}.png?f=y", KEY),
        "/avatar/",
        "",
    ],
)
async def test_without_the_token_nothing_else_is_let_in(item: str) -> None:
    at = edge(keys=True)
    answer = await at.ask("/avatars", "POST", body=json.dumps([item]).encode())
    assert answer.status == 403
    assert at.documents.asked == []


async def test_a_list_is_warmed_behind_everybody() -> None:
    at = edge()
    answer = await order(at, "POST", "/avatars/warm", [MAYA.value, LEON.value, MAYA.value])
    assert (answer.status, answer.json) == (202, {"accepted": 2, "waiting": 2})
    assert at.keeper.orders == [("warm", MAYA), ("warm", LEON)]


# Refresh and erase


async def test_a_refresh_answers_with_what_came_of_it() -> None:
    at = edge()
    answer = await order(at, "POST", "/avatar/%2B1%20555%20123%204567/refresh")
    assert answer.status == 200
    assert answer.json["id"] == MAYA.value  # type: ignore[index]
    assert at.keeper.orders == [("refresh", MAYA)]


@pytest.mark.parametrize(
    ("failure", "status", "after"),
    [(TooSoon(12.3), 429, "13"), (TimedOut("no query"), 503, "30"), (StoreFailed("x"), 503, "30")],
    ids=["too soon", "undecided", "store"],
)
async def test_a_refresh_that_is_not_decided_says_when_to_come_back(
    failure: Exception, status: int, after: str
) -> None:
    at = edge()
    at.keeper.failure = failure
    answer = await order(at, "POST", f"/avatar/{MAYA.value}/refresh")
    assert (answer.status, answer.headers["retry-after"]) == (status, after)


@pytest.mark.parametrize(
    ("query", "orders"),
    [
        ("", ["erase"]),
        ("?suppress=true", ["suppress"]),
        ("?suppress=false", ["erase"]),
        ("?suppress=yes", []),
        ("?suppress=true&suppress=true", []),
    ],
)
async def test_an_erasure_is_answered_with_nothing(query: str, orders: list[str]) -> None:
    at = edge()
    answer = await order(at, "DELETE", f"/avatar/{MAYA.value}{query}")
    assert [what for what, _ in at.keeper.orders] == orders
    assert (answer.status, answer.body) == (204, b"") if orders else answer.status == 400


async def test_an_erasure_that_the_store_does_not_take_is_told() -> None:
    at = edge()
    at.keeper.failure = StoreFailed("the disk is full")
    answer = await order(at, "DELETE", f"/avatar/{MAYA.value}")
    assert answer.status == 503
    assert at.telemetry.degraded == {"store": "the disk is full"}


@pytest.mark.parametrize(
    "target", ["/avatar/nonsense", "/avatar/nonsense/refresh", "/avatar/~AAAA"]
)
async def test_who_cannot_be_named_cannot_be_ordered_about(target: str) -> None:
    at = edge()
    method = "POST" if target.endswith("refresh") else "DELETE"
    answer = await order(at, method, target)
    assert answer.status == (403 if "~" in target else 400)
    assert at.keeper.orders == []


async def test_a_token_names_its_contact_in_orders_too() -> None:
    at = edge(keys=True)
    answer = await order(at, "DELETE", f"/avatar/{Tokens([KEY]).seal(MAYA)}")
    assert answer.status == 204
    assert at.keeper.orders == [("erase", MAYA)]


# Documents


async def test_a_document_lives_as_long_as_its_picture() -> None:
    at = edge()
    answer = await at.ask(f"/avatar/{MAYA.value}.json?s=48&name=Ada%20L&utm_source=mail")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"].startswith("max-age=")
    assert (answer.headers["avatar-source"], "avatar-reason" in answer.headers) == ("photo", False)
    document: Any = answer.json
    assert document["url"] == (f"/avatar/{MAYA.value}.png?size=48&name=Ada%20L&v=0123456789ab")
    assert document["width"] == 48


async def test_a_document_of_a_fallback_says_why() -> None:
    at = edge()
    at.documents.standing = Standing(T0 + 15, T0 + 15, reason=Reason.TIMEOUT)
    answer = await at.ask(f"/avatar/{MAYA.value}.json")
    document: Any = answer.json
    assert (document["source"], document["reason"]) == ("fallback", "timeout")
    assert (document["version"], document["fetched_at"]) == (None, None)
    assert answer.headers["avatar-reason"] == "timeout"


async def test_a_document_of_what_never_ends_has_no_end() -> None:
    at = edge()
    at.documents.standing = Standing(
        float("inf"), float("inf"), reason=Reason.UNSUPPORTED, settled=True
    )
    document: Any = (await at.ask("/avatar/status@broadcast.json")).json
    assert document["fresh_until"] is None


async def test_a_document_that_is_refused_is_a_problem() -> None:
    answer = await edge().ask("/avatar/nonsense.json")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_a_document_asked_by_token_shows_the_token_alone() -> None:
    at = edge(keys=True)
    token = Tokens([KEY]).seal(MAYA)
    answer = await at.ask(f"/avatar/{token}.json?size=300")
    document: Any = answer.json
    assert document["id"] == token
    assert document["url"].startswith(f"/avatar/{token}.png?size=300")
    assert document["srcset"].count(token) == 3
    assert b"15551234567" not in answer.body


# Refreshing by a URL


async def test_refresh_is_for_who_has_authority_and_ignored_of_all_others() -> None:
    service = FakeAvatars(photo())
    at = Edge(service, token=TOKEN)
    await at.ask(f"/avatar/{MAYA.value}.png?refresh=true")
    assert service.refreshed_for == []
    await at.ask(f"/avatar/{MAYA.value}.png?refresh=true", authorization=BEARER)
    assert service.refreshed_for == [MAYA]
    at.keeper.failure = TooSoon(5)
    answer = await at.ask(f"/avatar/{MAYA.value}.png?refresh=true", authorization=BEARER)
    assert (answer.status, service.refreshed_for) == (200, [MAYA])


async def test_a_signed_url_may_refresh_and_a_token_may_not() -> None:
    service = FakeAvatars(photo())
    gate = Gate(Keyring([KEY]), Tokens([KEY]).unseal, clock=Clock())
    at = Edge(service, gate=gate)
    await at.ask(sign(f"/avatar/{MAYA.value}.png?refresh=true", KEY))
    assert service.refreshed_for == [MAYA]
    await at.ask(f"/avatar/{Tokens([KEY]).seal(LEON)}.png?refresh=true")
    assert service.refreshed_for == [MAYA]


async def test_a_body_may_come_in_pieces() -> None:
    at = edge()
    pieces = [b'["155512', b'34567"', b"]"]
    answer = await at.ask("/avatars", "POST", body=pieces, authorization=BEARER)
    assert answer.status == 200
    await asyncio.sleep(0)
