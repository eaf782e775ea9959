"""What holds for every resolver, whichever API it asks."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import (
    AvatarUnavailable,
    Disconnected,
    NoPhoto,
    OverBudget,
    Refused,
    ServerError,
    TimedOut,
    Unreachable,
    UpstreamFailed,
)
from gateway.model import ContactId, PhotoUrl
from tests.fakes import MAYA, Clock, FakeApi, settle
from tests.resolver.engines import ENGINES, KEY, OWN, URL, Engine

ME = ContactId.parse("me")
GROUP = ContactId.parse("491701234567-1581234048@g.us")
LID = ContactId.parse("123456789012345@lid")
CHANNEL = ContactId.parse("120363012345678901@newsletter")
BRAZIL = ContactId.parse("5511987654321")


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def api_kind(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.param
    return engine


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


async def asked(
    engine: Engine, api: FakeApi, contact: ContactId = MAYA, *, refresh: bool = False
) -> PhotoUrl:
    async with engine.asking(api) as resolver:
        return await resolver(contact, refresh=refresh, until=soon())


# ---- the question ----


@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("contact", [MAYA, GROUP, LID, CHANNEL])
async def test_a_picture_is_asked_for_by_its_one_name(
    api_kind: Engine, contact: ContactId, *, refresh: bool
) -> None:
    api = api_kind.api()
    assert (await asked(api_kind, api, contact, refresh=refresh)).url == URL
    assert api.count(api_kind.picture) == 1
    request = api.requests[-1]
    assert request.url.path == api_kind.picture
    assert api_kind.asked(request) == api_kind.words(contact.value, refresh=refresh)


async def test_every_request_carries_the_credentials_once(api_kind: Engine) -> None:
    api = api_kind.api()
    async with api_kind.asking(api) as resolver:
        await resolver(MAYA, refresh=False, until=soon())
        await resolver(ME, refresh=False, until=soon())
        await resolver.session(until=soon())
        await resolver.alias(LID, until=soon())
        await resolver.alias(MAYA, until=soon())
    assert api.requests
    for request in api.requests:
        assert api_kind.keys(request) == list(api_kind.credentials)


async def test_the_own_picture_is_found_by_name_and_by_number(api_kind: Engine) -> None:
    api = api_kind.api().on(api_kind.own, api_kind.photo(URL, OWN))
    async with api_kind.asking(api) as resolver:
        for contact in (ME, ContactId.parse(OWN), ContactId.parse(OWN)):
            assert (await resolver(contact, refresh=False, until=soon())).url == URL
    assert api.count(api_kind.own) == 3


# ---- the answer ----


@pytest.mark.parametrize("contact", [MAYA, GROUP, LID, CHANNEL])
async def test_an_answer_about_the_contact_is_taken(api_kind: Engine, contact: ContactId) -> None:
    api = api_kind.api().on(api_kind.picture, api_kind.photo(URL, contact.value))
    assert (await asked(api_kind, api, contact)).url == URL


@pytest.mark.parametrize(
    ("contact", "about"),
    [
        (LID, "12025550143@c.us"),
        (MAYA, LID.value),
        (BRAZIL, "551187654321@c.us"),
        (MAYA, "15551234567:7@s.whatsapp.net"),
        (MAYA, "nobody"),
    ],
)
async def test_another_name_of_the_contact_is_no_stranger(
    api_kind: Engine, contact: ContactId, about: str
) -> None:
    api = api_kind.api().on(api_kind.picture, api_kind.photo(URL, about))
    assert (await asked(api_kind, api, contact)).url == URL


async def test_a_stranger_is_never_shown(api_kind: Engine) -> None:
    api = api_kind.api().on(api_kind.picture, api_kind.photo(URL, "15557770123@c.us"))
    with pytest.raises(UpstreamFailed):
        await asked(api_kind, api)


@pytest.mark.parametrize("blank", [None, "", "  "])
@pytest.mark.parametrize("refresh", [False, True])
async def test_no_url_is_no_photo_and_certain_only_after_a_refresh_that_means_something(
    api_kind: Engine, blank: str | None, *, refresh: bool
) -> None:
    api = api_kind.api().on(api_kind.picture, api_kind.photo(blank, MAYA.value))
    with pytest.raises(NoPhoto) as none:
        await asked(api_kind, api, refresh=refresh)
    assert none.value.confirmed is (refresh and api_kind.refreshes)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(400, json={"message": "bad"}), UpstreamFailed),
        (httpx.Response(401, json={"message": "Unauthorized"}), Refused),
        (httpx.Response(403), Refused),
        (httpx.Response(402), OverBudget),
        (httpx.Response(422, json={"status": "SCAN_QR_CODE"}), Disconnected),
        (httpx.Response(404, json={"message": "Session not found"}), Disconnected),
        (
            httpx.Response(
                404, json={"response": {"message": ['The "x" instance does not exist']}}
            ),
            Disconnected,
        ),
        (httpx.Response(404, json={"code": "invalid_session"}), Disconnected),
        (httpx.Response(429), OverBudget),
        (httpx.Response(200, json={"error": "rate-overlimit"}), OverBudget),
        (httpx.Response(500), ServerError),
        (httpx.Response(503), ServerError),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), UpstreamFailed),
        (httpx.Response(200, text="<html>"), UpstreamFailed),
        (httpx.Response(200, text=""), UpstreamFailed),
        (httpx.Response(200, json=[URL]), UpstreamFailed),
        (httpx.Response(200, json=None), UpstreamFailed),
        (httpx.Response(200, json={"other": URL}), UpstreamFailed),
        (httpx.Response(200, content=b"{" * 70_000), UpstreamFailed),
        (httpx.ConnectError(KEY), Unreachable),
        (httpx.ReadTimeout(KEY), TimedOut),
    ],
)
@pytest.mark.parametrize("refresh", [False, True])
async def test_an_error_is_an_error_and_never_no_photo(
    api_kind: Engine,
    answer: httpx.Response | Exception,
    kind: type[AvatarUnavailable],
    *,
    refresh: bool,
) -> None:
    api = api_kind.api().on(api_kind.picture, answer)
    with pytest.raises(kind) as caught:
        await asked(api_kind, api, refresh=refresh)
    assert not isinstance(caught.value, NoPhoto)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("wrong", [5, True, ["x"], {"href": URL}])
async def test_a_url_of_another_type_is_unreadable(api_kind: Engine, wrong: object) -> None:
    api = api_kind.api().on(api_kind.picture, api_kind.photo(wrong, MAYA.value))
    with pytest.raises(UpstreamFailed):
        await asked(api_kind, api)


# ---- an absence and the session ----


@pytest.mark.parametrize("refresh", [False, True])
async def test_an_unknown_404_is_no_photo_only_while_the_phone_is_linked(
    api_kind: Engine, *, refresh: bool
) -> None:
    api = api_kind.api().on(api_kind.picture, httpx.Response(404, text="Not Found"))
    with pytest.raises(NoPhoto) as none:
        await asked(api_kind, api, GROUP, refresh=refresh)
    assert none.value.confirmed is (refresh and api_kind.refreshes)
    api.on(api_kind.session, api_kind.state(linked=False))
    with pytest.raises(Disconnected):
        await asked(api_kind, api, GROUP, refresh=refresh)


@pytest.mark.parametrize(
    "session",
    [
        httpx.Response(500),
        httpx.Response(404),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"status": 5}),
        httpx.ConnectError(KEY),
        httpx.ReadTimeout(KEY),
        httpx.Response(429),
    ],
)
async def test_an_unknown_404_is_an_error_while_nobody_knows_whether_the_phone_is_linked(
    api_kind: Engine, session: httpx.Response | Exception
) -> None:
    api = api_kind.api().on(api_kind.picture, httpx.Response(404, text="Not Found"))
    with pytest.raises(AvatarUnavailable) as caught:
        await asked(api_kind, api.on(api_kind.session, session), GROUP, refresh=True)
    assert not isinstance(caught.value, NoPhoto)


async def test_the_state_of_the_session_is_asked_for_once_a_minute(api_kind: Engine) -> None:
    api, clock = api_kind.api(), Clock()
    async with api_kind.asking(api, clock) as resolver:
        assert (await resolver.session(until=soon())).works
        clock.advance(59)
        api.on(api_kind.session, api_kind.state(linked=False))
        assert (await resolver.session(until=soon())).works
        clock.advance(1)
        assert not (await resolver.session(until=soon())).works
    assert api.count(api_kind.session) == 2


async def test_an_introduction_happens_once_and_behind_everybody(api_kind: Engine) -> None:
    api = api_kind.api()
    async with api_kind.asking(api) as resolver:
        resolver.introduce(until=soon())
        resolver.introduce(until=soon())
        assert api.requests == []
        await settle()
        resolver.introduce(until=soon())
        await settle()
    assert api.count(api_kind.session) == 1


async def test_a_session_that_hangs_holds_nobody_up_beyond_their_time(api_kind: Engine) -> None:
    api, gate = api_kind.api(), asyncio.Event()

    async def hanging(request: httpx.Request) -> httpx.Response:
        if request.url.path == api_kind.session:
            await gate.wait()
        return api(request)

    async with api_kind.asking(hanging) as resolver:
        async with asyncio.timeout(5):
            with pytest.raises(TimedOut):
                await resolver.session(until=soon(0.05))
            assert (await resolver(MAYA, refresh=False, until=soon())).url == URL
    assert not gate.is_set()


# ---- whatever may come ----


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["id", "wuid", "url", "profilePictureURL", "profilePictureUrl", "status", "error", "code",
     "me", "instance", "name", "connectionStatus", "ownerJid", "lid", "number", "pn", "message"]
)  # fmt: skip
DOCUMENTS = JSON | st.dictionaries(NAMES, JSON | st.sampled_from([URL, "main/1", "open", OWN]))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(picture=DOCUMENTS, session=DOCUMENTS, status=st.sampled_from([200, 201, 400, 404, 500]))
def test_no_answer_is_a_bug(engine: Engine, picture: Any, session: Any, status: int) -> None:  # noqa: ANN401 - any JSON
    class Anything(FakeApi):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            document = session if request.url.path == engine.session else picture
            body = json.dumps(document, ensure_ascii=True).encode()
            return httpx.Response(status, stream=httpx.ByteStream(body))

    async def ask() -> None:
        async with engine.asking(Anything()) as resolver:
            for contact in (MAYA, LID, ME):
                try:
                    found = await resolver(contact, refresh=False, until=soon())
                except AvatarUnavailable:
                    continue
                assert found.url
            for contact in (MAYA, LID):
                alias = await resolver.alias(contact, until=soon())
                assert alias is None or {alias.is_lid, contact.is_lid} == {True, False}

    asyncio.run(ask())
