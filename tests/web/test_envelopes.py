"""What a webhook tells, in the words of every engine, and in those of whoever means harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import ContactId, Tidings
from gateway.web.envelopes import MOST_NEWS, read_news

MAYA, LEON = "15551234567@c.us", "4915112345678@c.us"
GROUP, LID = "120363043968066561@g.us", "123456789012345@lid"


def told(event: object, payload: object, **more: object) -> list[tuple[str, Tidings]]:
    envelope = {"id": "evt_1", "session": "default", "event": event, "payload": payload, **more}
    return [(each.contact.value, each.what) for each in read_news(json.dumps(envelope).encode())]


def pictures(*contacts: str) -> list[tuple[str, Tidings]]:
    return [(each, Tidings.PICTURE) for each in contacts]


@pytest.mark.parametrize(
    "payload",
    [
        {"group": {"id": GROUP, "subject": "Hikers"}, "timestamp": 1},
        {"timestamp": 1, "group": {"JID": GROUP}, "_data": {}},
        {"id": GROUP},
        {"group": {"subject": "x"}, "chatId": GROUP},
        {"group": None, "id": GROUP},
    ],
)
def test_a_group_that_was_updated_may_have_another_icon(payload: object) -> None:
    assert told("group.v2.update", payload) == pictures(GROUP)


@pytest.mark.parametrize(
    "payload",
    [
        {"Picture": {"JID": "15551234567@s.whatsapp.net", "Remove": False, "PictureID": "17"}},
        {"event": "gows.Picture", "data": {"JID": "15551234567:3@s.whatsapp.net", "Remove": True}},
        {"JID": MAYA, "PictureID": "17"},
        {"data": {"Picture": {"JID": MAYA, "Author": LEON, "Remove": True, "PictureID": ""}}},
        {"event": "contacts.update", "data": [{"id": MAYA, "imgUrl": "changed"}]},
        {"event": "contacts.update", "data": [{"id": MAYA, "imgUrl": "removed"}]},
        {"contacts.update": [{"id": MAYA, "imgUrl": "removed"}]},
        {"data": [{"id": MAYA, "imgUrl": "changed"}, {"id": LEON, "notify": "Leon"}, None, 5]},
        {"data": [{"id": MAYA, "imgUrl": "changed"}] * 50},
    ],
)
def test_an_engine_tells_of_a_picture_in_its_own_words(payload: object) -> None:
    assert told("engine.event", payload) == pictures(MAYA)


def test_an_engine_may_tell_of_many_and_of_every_kind() -> None:
    updates = [{"id": each, "imgUrl": "changed"} for each in (MAYA, GROUP, LID, "status@broadcast")]
    assert told("engine.event", {"data": updates}) == pictures(MAYA, GROUP, LID)


@pytest.mark.parametrize(
    ("payload", "sender"),
    [
        ({"from": MAYA, "fromMe": False, "body": "hello"}, MAYA),
        ({"from": "15551234567@s.whatsapp.net"}, MAYA),
        ({"from": GROUP, "participant": LEON}, LEON),
        ({"from": GROUP, "author": LID, "participant": None}, LID),
        ({"from": "status@broadcast", "participant": LEON}, LEON),
    ],
)
def test_a_message_tells_of_its_sender(payload: object, sender: str) -> None:
    assert told("message", payload) == [(sender, Tidings.MESSAGE)]


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("group.v2.update", {"group": {"id": MAYA}}),
        ("group.v2.update", {"group": [GROUP]}),
        ("group.v2.update", {}),
        ("group.v2.join", {"group": {"id": GROUP}}),
        ("engine.event", {"data": [{"id": MAYA, "imgUrl": "https://evil.example/x.jpg"}]}),
        ("engine.event", {"data": [{"id": MAYA, "imgUrl": None}]}),
        ("engine.event", {"data": [{"id": MAYA, "imgUrl": ["changed"]}]}),
        ("engine.event", {"data": [{"id": MAYA, "notify": "Maya"}]}),
        ("engine.event", {"data": [{"id": 5, "imgUrl": "changed"}]}),
        ("engine.event", {"JID": {"User": "15551234567"}, "PictureID": "1"}),
        ("engine.event", {"JID": "0@c.us", "PictureID": "1"}),
        ("engine.event", {"JID": "15551234567", "PictureID": "1"}),
        ("engine.event", {"JID": "../../etc@c.us", "PictureID": "1"}),
        ("engine.event", {"JID": "15551234567\r\n@c.us", "PictureID": "1"}),
        ("engine.event", {"JID": "1" * 5000 + "@c.us", "PictureID": "1"}),
        ("message", {"from": MAYA, "fromMe": True}),
        ("message", {"from": GROUP}),
        ("message", {"from": "status@broadcast"}),
        ("message", {"from": None}),
        ("message", [MAYA]),
        ("message", None),
        ("message.any", {"from": MAYA}),
        ("session.status", {"status": "WORKING"}),
        ("", {"from": MAYA}),
        (None, {"from": MAYA}),
        (["message"], {"from": MAYA}),
        ({"message": 1}, {"from": MAYA}),
    ],
)
def test_everything_else_is_no_news(event: object, payload: object) -> None:
    assert told(event, payload) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"5",
        b'"message"',
        b"{" * 30_000,
        b"[" * 60_000 + b"]" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"1" * 60_000,
        b'{"event": "message", "payload": {"from": "' + MAYA.encode(),
        b"NaN",
    ],
)
def test_what_cannot_be_read_is_no_news(body: bytes) -> None:
    assert read_news(body) == []


def test_an_envelope_tells_of_so_many_and_no_more() -> None:
    updates = [{"id": f"155512{number:05}@c.us", "imgUrl": "changed"} for number in range(500)]
    assert len(told("engine.event", {"data": updates})) == MOST_NEWS


def test_a_picture_that_lies_too_deep_is_not_looked_for() -> None:
    payload: dict[str, object] = {"JID": MAYA, "PictureID": "1"}
    for _ in range(20):
        payload = {"data": payload}
    assert told("engine.event", payload) == []


def names(envelope: dict[str, object]) -> set[str]:
    return {each.id for each in read_news(json.dumps(envelope).encode())}


def test_the_same_news_has_the_same_name_however_it_is_wrapped() -> None:
    payload = {"data": [{"id": MAYA, "imgUrl": "changed"}], "event": "contacts.update"}
    turned = dict(reversed(payload.items()))
    first = names({"event": "engine.event", "payload": payload, "id": "evt_1", "timestamp": 1})
    assert len(first) == 1
    assert names({"payload": turned, "event": "engine.event", "id": "evt_2", "retry": 3}) == first
    other = payload | {"timestamp": 2}
    assert names({"event": "engine.event", "payload": other}) != first


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from([MAYA, GROUP, LID, "changed", "removed"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text() | st.sampled_from(["id", "JID", "imgUrl", "PictureID", "Remove", "from"]),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip
EVENTS = st.sampled_from(["group.v2.update", "engine.event", "message"]) | JSON


@settings(deadline=None)
@given(event=EVENTS, payload=JSON)
def test_no_envelope_is_a_bug(event: Any, payload: Any) -> None:  # noqa: ANN401 - any JSON
    body = json.dumps({"event": event, "payload": payload}).encode()
    for news in read_news(body):
        assert ContactId.parse(news.contact.value) == news.contact
        assert news.contact.can_have_photo
        assert len(news.id) == 64


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_body_is_a_bug(body: bytes) -> None:
    assert read_news(body) == []
