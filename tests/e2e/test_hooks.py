"""Webhooks at a running gateway of two workers: told is shown, and taken away is gone."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests import processes
from tests.processes import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.processes import Control, Running

SECRET: Final = "marked-webhook-secret"
MAYA, LEON, EVE, HIKERS = "15557000001", "15557000002", "15557000003", "120363043968066561@g.us"
SOON: Final = 30.0


@pytest.fixture(scope="module")
def gateway(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("hooked")
    settings = settings_for(
        upstream.url,
        folder / "store",
        GATEWAY_WEBHOOK_SECRET=SECRET,
        GATEWAY_UPSTREAM_RATE="600/m",
        GATEWAY_DEADLINE="30s",
        GATEWAY_LOG_LEVEL="debug",
    )
    with processes.gateway(folder, settings) as started:
        yield started
    assert SECRET not in started.log.read_text()
    assert MAYA not in started.log.read_text()


def deliver(gateway: Running, event: str, payload: object, *, secret: str = SECRET) -> int:
    """Deliver on a connection of its own, so that any worker may get it."""
    body = json.dumps({"event": event, "payload": payload}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()
    headers = {"X-Webhook-Hmac": signature, "Content-Type": "application/json"}
    answer = httpx.post(f"{gateway.url}/hooks/wawp", content=body, headers=headers, timeout=30)
    return answer.status_code


def picture(contact: str, action: str = "changed", number: int = 1) -> dict[str, object]:
    """News in the words of Baileys; `number` makes it other news."""
    update = {"id": f"{contact}@s.whatsapp.net", "imgUrl": action}
    return {"event": "contacts.update", "data": [update], "timestamp": number}


def view(gateway: Running, contact: str) -> tuple[str, str]:
    answer = httpx.get(f"{gateway.url}/avatar/{contact}.png?size=32", timeout=30)
    assert answer.status_code == 200
    return answer.headers.get("avatar-reason", "photo"), answer.headers["etag"]


def views(gateway: Running, contact: str, times: int = 10) -> set[tuple[str, str]]:
    return {view(gateway, contact) for _ in range(times)}


def wait_for(gateway: Running, contact: str, *, other_than: tuple[str, str]) -> tuple[str, str]:
    """Look until all workers show one thing that is not that; what it is."""
    limit = time.monotonic() + SOON
    while True:
        seen = views(gateway, contact)
        if len(seen) == 1 and other_than not in seen:
            return seen.pop()
        assert time.monotonic() < limit, seen
        time.sleep(0.05)


def pictures(control: Control, contact: str) -> list[bool]:
    """The questions about a contact: whether each went past the API's cache."""
    name = contact if "@" in contact else f"{contact}@c.us"
    return [
        bool(call["refresh"])
        for call in control.calls()
        if call["kind"] == "picture" and call["contact"] == name
    ]


def test_a_photo_that_changed_is_shown_by_all_workers_after_one_question(
    gateway: Running, control: Control
) -> None:
    (old,) = views(gateway, MAYA)
    control.new_photo(MAYA)
    assert views(gateway, MAYA) == {old}
    assert {deliver(gateway, "engine.event", picture(MAYA)) for _ in range(20)} == {204}
    new = wait_for(gateway, MAYA, other_than=old)
    assert new[0] == "photo"
    assert pictures(control, MAYA) == [False, True]


def test_a_photo_that_was_taken_away_is_gone_everywhere(gateway: Running, control: Control) -> None:
    (old,) = views(gateway, LEON)
    control.hide(LEON)
    whatsmeow = {"Picture": {"JID": f"{LEON}:4@s.whatsapp.net", "Remove": True, "PictureID": ""}}
    assert deliver(gateway, "engine.event", whatsmeow) == 204
    assert wait_for(gateway, LEON, other_than=old)[0] == "none"
    assert pictures(control, LEON) == [False, True]


def test_the_icon_of_a_group_that_was_updated_is_looked_up(
    gateway: Running, control: Control
) -> None:
    (old,) = views(gateway, HIKERS)
    control.new_photo(HIKERS)
    assert deliver(gateway, "group.v2.update", {"group": {"id": HIKERS}}) == 204
    assert wait_for(gateway, HIKERS, other_than=old)[0] == "photo"
    assert pictures(control, HIKERS)[-1] is True


def test_who_writes_is_known_before_anybody_looks(gateway: Running, control: Control) -> None:
    for number in range(5):
        message = {"from": f"{EVE}@c.us", "body": "hello", "id": str(number)}
        assert deliver(gateway, "message", message) == 204
    control.called(f"{EVE}@c.us")
    limit = time.monotonic() + SOON
    while view(gateway, EVE)[0] != "photo":
        assert time.monotonic() < limit
    assert pictures(control, EVE) == [False]


def test_what_is_forged_or_about_nobody_asks_nothing(gateway: Running, control: Control) -> None:
    stranger = "15557000009"
    before = control.counts()
    assert deliver(gateway, "engine.event", picture(stranger)) == 204
    assert deliver(gateway, "session.status", {"status": "FAILED"}) == 204
    assert deliver(gateway, "message", {"from": f"{stranger}@c.us"}, secret="guessed") == 401
    assert httpx.post(f"{gateway.url}/hooks/wawp", content=b"{}", timeout=30).status_code == 401
    assert httpx.get(f"{gateway.url}/hooks/wawp", timeout=30).status_code == 405
    long = httpx.post(f"{gateway.url}/hooks/wawp", content=b"x" * 70_000, timeout=30)
    assert long.status_code == 413
    limit = time.monotonic() + SOON
    while control.counts()["lids"] == before["lids"]:  # whether it has another name that is held
        assert time.monotonic() < limit
    assert view(gateway, stranger)[0] == "photo"
    assert pictures(control, stranger) == [False]


def test_without_a_secret_there_is_no_such_route(served: Running) -> None:
    assert deliver(served, "message", {"from": f"{MAYA}@c.us"}) == 404
