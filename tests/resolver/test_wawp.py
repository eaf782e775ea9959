"""Wawp: what is asked, how often, and who waits for whom."""

from __future__ import annotations

import asyncio
import time
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.errors import (
    AvatarUnavailable,
    Disconnected,
    NoPhoto,
    OverBudget,
    ServerError,
    TimedOut,
    Unreachable,
    UpstreamFailed,
)
from gateway.model import ContactId
from gateway.outbound import Outbound
from gateway.resolver import Session, Wawp
from gateway.resolver.sessions import OWN_LIFE, SESSION_LIFE
from gateway.resolver.wawp import OWN, PICTURE, SESSION
from tests.fakes import LEON, MAYA, Clock, FakeApi, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

BASE = "https://api.example"
INSTANCE, TOKEN = "AB12CD34EF56", "s3cret-t0ken"
URL = "https://pps.whatsapp.net/v/maya.jpg?oh=01_x&oe=66BC702E"
OWN_URL = "https://pps.whatsapp.net/v/own.jpg?oh=01_x&oe=66BC702E"
OWN_NUMBER = "5511987654321"
ME = ContactId.parse("me")
GROUP = ContactId.parse("491701234567-1581234048@g.us")
LID = ContactId.parse("123456789012345@lid")
CHANNEL = ContactId.parse("120363012345678901@newsletter")


def working(me: object = f"{OWN_NUMBER}@c.us") -> httpx.Response:
    document = {"name": "default", "status": "WORKING", "me": {"id": me, "pushName": "Own"}}
    return httpx.Response(200, json=document)


def session_in(state: str) -> httpx.Response:
    return httpx.Response(200, json={"name": "default", "status": state, "me": None})


def wawp_api() -> FakeApi:
    """An API where all is well."""
    return (
        FakeApi()
        .on(SESSION, working())
        .on(PICTURE, httpx.Response(200, json={"url": URL}))
        .on(OWN[0], httpx.Response(200, json={"id": f"{OWN_NUMBER}@c.us", "picture": OWN_URL}))
    )


class Gated:
    """An API that answers about its session only while `gate` is open."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == SESSION:
            self.entered.set()
            await self.gate.wait()
        return self.api(request)


@asynccontextmanager
async def asking(
    api: Callable[[httpx.Request], httpx.Response]
    | Callable[[httpx.Request], Coroutine[None, None, httpx.Response]],
    clock: Clock | None = None,
) -> AsyncIterator[Wawp]:
    async with Outbound(transport=httpx.MockTransport(api), connections=200) as outbound:
        wawp = Wawp(outbound, base_url=BASE, credentials=(INSTANCE, TOKEN), clock=clock or Clock())
        try:
            yield wawp
        finally:
            await wawp.aclose()


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def paths(api: FakeApi) -> list[str]:
    return [request.url.path for request in api.requests]


# ---- the question ----


@pytest.mark.parametrize(("refresh", "text"), [(False, "false"), (True, "true")])
@pytest.mark.parametrize("contact", [MAYA, LEON, GROUP, LID, CHANNEL])
async def test_a_picture_is_asked_for_in_these_words(
    contact: ContactId, text: str, *, refresh: bool
) -> None:
    api = wawp_api()
    async with asking(api) as wawp:
        assert (await wawp(contact, refresh=refresh, until=soon())).url == URL
    request = api.requests[-1]
    assert request.method == "GET"
    assert str(request.url).partition("?")[0] == BASE + "/v2/contacts/profile-picture"
    assert sorted(request.url.params.multi_items()) == [
        ("access_token", TOKEN),
        ("contactId", contact.value),
        ("instance_id", INSTANCE),
        ("refresh", text),
    ]
    assert request.content == b""


@pytest.mark.parametrize("contact", [GROUP, LID, CHANNEL])
async def test_only_a_phone_number_can_be_the_own_one(contact: ContactId) -> None:
    api = wawp_api()
    async with asking(api) as wawp:
        await wawp(contact, refresh=False, until=soon())
    assert paths(api) == [PICTURE]


async def test_the_session_is_asked_about_with_credentials_and_nothing_else() -> None:
    api = wawp_api()
    async with asking(api) as wawp:
        await wawp.session(until=soon())
    (request,) = api.requests
    assert str(request.url).partition("?")[0] == BASE + "/v2/session/info"
    assert sorted(request.url.params.multi_items()) == [
        ("access_token", TOKEN),
        ("instance_id", INSTANCE),
    ]


async def test_an_escaped_token_arrives_as_it_is() -> None:
    token = "a&b=c #%41+é"
    api = wawp_api()
    async with Outbound(transport=httpx.MockTransport(api)) as outbound:
        wawp = Wawp(outbound, base_url=BASE, credentials=(INSTANCE, token))
        await wawp(GROUP, refresh=False, until=soon())
    assert api.requests[0].url.params.get_list("access_token") == [token]
    assert len(api.requests[0].url.params) == 4


# ---- the own picture ----


async def test_the_own_picture_by_its_name_needs_one_question() -> None:
    api = wawp_api()
    async with asking(api) as wawp:
        assert (await wawp(ME, refresh=True, until=soon())).url == OWN_URL
    assert paths(api) == ["/v2/profile/me"]
    assert sorted(api.requests[0].url.params) == ["access_token", "instance_id"]


@pytest.mark.parametrize(
    "form",
    [
        "5511987654321",
        "+55 (11) 98765-4321",
        "005511987654321",
        "551187654321",
        "5511987654321:3@s.whatsapp.net",
    ],
)
@pytest.mark.parametrize(
    "me", ["5511987654321@c.us", "551187654321@c.us", "5511987654321:12@s.whatsapp.net"]
)
async def test_the_own_number_in_any_form_shows_the_own_picture(form: str, me: str) -> None:
    api = wawp_api().on(SESSION, working(me))
    async with asking(api) as wawp:
        found = await wawp(ContactId.parse(form), refresh=False, until=soon())
    assert found.url == OWN_URL
    assert paths(api) == [SESSION, OWN[0]]


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(404),
        httpx.Response(404, text="Cannot GET /v2/profile/me"),
        httpx.Response(400, json={"message": "no such route"}),
        httpx.Response(401),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=["picture"]),
        httpx.Response(200, json={"picture": 5}),
        httpx.Response(200, json={"code": 404, "message": "Not Found"}),
    ],
)
async def test_the_own_picture_is_looked_for_in_the_older_place_too(first: httpx.Response) -> None:
    api = wawp_api().on(OWN[0], first)
    api.on(OWN[1], httpx.Response(200, json={"id": "x", "name": "Own", "picture": OWN_URL}))
    async with asking(api) as wawp:
        assert (await wawp(ME, refresh=False, until=soon())).url == OWN_URL
    assert paths(api) == ["/v2/profile/me", "/v2/profile"]


@pytest.mark.parametrize("place", [0, 1])
async def test_no_own_picture_is_certain_at_once(place: int) -> None:
    api = wawp_api().on(OWN[0], httpx.Response(404))
    api.on(OWN[place], httpx.Response(200, json={"id": "x", "name": "Own", "picture": None}))
    async with asking(api) as wawp:
        with pytest.raises(NoPhoto) as none:
            await wawp(ME, refresh=False, until=soon())
    assert none.value.confirmed
    assert paths(api) == list(OWN[: place + 1])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(429, headers={"Retry-After": "30"}), OverBudget),
        (httpx.Response(402), OverBudget),
        (httpx.Response(200, text="rate-overlimit"), OverBudget),
        (httpx.Response(422), Disconnected),
        (httpx.Response(404, json={"code": "invalid_session"}), Disconnected),
        (httpx.ReadTimeout("secret"), TimedOut),
    ],
)
async def test_an_api_that_wants_no_question_gets_no_second_one(
    answer: httpx.Response | Exception, kind: type[AvatarUnavailable]
) -> None:
    api = wawp_api().on(OWN[0], answer)
    async with asking(api) as wawp:
        with pytest.raises(kind):
            await wawp(ME, refresh=False, until=soon())
    assert paths(api) == [OWN[0]]


async def test_an_unknown_404_in_both_places_is_no_picture_while_the_session_works() -> None:
    api = wawp_api().on(OWN[0], httpx.Response(404)).on(OWN[1], httpx.Response(404))
    async with asking(api) as wawp:
        with pytest.raises(NoPhoto) as none:
            await wawp(ME, refresh=False, until=soon())
    assert none.value.confirmed
    assert paths(api) == [*OWN, SESSION]


@pytest.mark.parametrize(
    ("session", "kind"),
    [
        (session_in("SCAN_QR_CODE"), Disconnected),
        (httpx.Response(404), UpstreamFailed),
        (httpx.ConnectError("secret"), Unreachable),
    ],
)
async def test_an_unknown_404_erases_no_own_picture_unless_the_session_works(
    session: httpx.Response | Exception, kind: type[AvatarUnavailable]
) -> None:
    api = wawp_api().on(OWN[0], httpx.Response(404)).on(OWN[1], httpx.Response(404))
    async with asking(api.on(SESSION, session)) as wawp:
        with pytest.raises(kind) as caught:
            await wawp(ME, refresh=False, until=soon())
    assert type(caught.value) is kind


# ---- who the instance is ----


async def test_the_session_is_asked_once_for_all_who_wait() -> None:
    api = Gated(wawp_api())
    async with asking(api) as wawp:
        contacts = [ContactId.parse(f"155512{number:05}") for number in range(100)]
        viewers = [
            asyncio.create_task(wawp(contact, refresh=False, until=soon())) for contact in contacts
        ]
        await settle()
        assert api.entered.is_set()
        assert api.api.count(PICTURE) == 0
        api.gate.set()
        found = await asyncio.gather(*viewers)
    assert {source.url for source in found} == {URL}
    assert api.api.count(SESSION) == 1
    assert api.api.count(PICTURE) == 100


async def test_the_own_number_is_kept_for_a_day() -> None:
    api, clock = wawp_api(), Clock()
    async with asking(api, clock) as wawp:
        await wawp(MAYA, refresh=False, until=soon())
        clock.advance(OWN_LIFE - 1)
        await wawp(MAYA, refresh=False, until=soon())
        assert api.count(SESSION) == 1
        clock.advance(1)
        await wawp(MAYA, refresh=False, until=soon())
        await wawp(MAYA, refresh=False, until=soon())
        assert api.count(SESSION) == 2


NOBODY = [
    httpx.Response(500),
    httpx.Response(404),
    httpx.Response(422),
    httpx.Response(200, text="<html>"),
    httpx.Response(200, json=[]),
    httpx.ConnectError("secret"),
    httpx.ReadTimeout("secret"),
    session_in("STARTING"),
    working(None),
    working(5),
    working("nobody"),
    httpx.Response(200, json={"status": "WORKING", "me": "5511987654321@c.us"}),
]


@pytest.mark.parametrize("answer", NOBODY)
async def test_who_could_not_be_learned_is_asked_for_again_after_a_minute(
    answer: httpx.Response | Exception,
) -> None:
    api, clock = wawp_api().on(SESSION, answer, working()), Clock()
    own = ContactId.parse(OWN_NUMBER)
    async with asking(api, clock) as wawp:
        assert (await wawp(own, refresh=False, until=soon())).url == URL
        clock.advance(SESSION_LIFE - 1)
        assert (await wawp(own, refresh=False, until=soon())).url == URL
        assert api.count(SESSION) == 1
        clock.advance(1)
        assert (await wawp(own, refresh=False, until=soon())).url == OWN_URL
        assert api.count(SESSION) == 2


async def test_the_own_number_outlives_a_failure_to_learn_it_again() -> None:
    api, clock = wawp_api().on(SESSION, working(), httpx.Response(500)), Clock()
    own = ContactId.parse(OWN_NUMBER)
    async with asking(api, clock) as wawp:
        await wawp(own, refresh=False, until=soon())
        clock.advance(OWN_LIFE)
        assert (await wawp(own, refresh=False, until=soon())).url == OWN_URL
    assert api.count(SESSION) == 2


async def test_a_viewer_waits_a_second_for_a_silent_session_and_no_more() -> None:
    api = Gated(wawp_api())
    own = ContactId.parse(OWN_NUMBER)
    async with asking(api) as wawp:
        async with asyncio.timeout(2):
            assert (await wawp(own, refresh=False, until=soon())).url == URL
        assert not api.gate.is_set()
        api.gate.set()
        await settle()
        # The probe went on behind the viewer.
        assert (await wawp(own, refresh=False, until=soon())).url == OWN_URL
    assert api.api.count(SESSION) == 1


async def test_a_viewer_with_less_time_than_that_is_answered_in_time() -> None:
    api = Gated(wawp_api())
    async with asking(api) as wawp:
        wawp.introduce(until=soon())
        async with asyncio.timeout(0.8):
            with pytest.raises(TimedOut):
                await wawp(MAYA, refresh=False, until=soon(0.1))
    assert api.api.count(PICTURE) == 0


async def test_an_introduction_happens_behind_everybody() -> None:
    api = Gated(wawp_api())
    async with asking(api) as wawp:
        wawp.introduce(until=soon())
        wawp.introduce(until=soon())
        await api.entered.wait()
        api.gate.set()
        await settle()
        wawp.introduce(until=soon())
        own = ContactId.parse(OWN_NUMBER)
        assert (await wawp(own, refresh=False, until=soon())).url == OWN_URL
    assert paths(api.api) == [SESSION, OWN[0]]


async def test_closing_drops_a_probe_under_way() -> None:
    api = Gated(wawp_api())
    async with asking(api) as wawp:
        wawp.introduce(until=soon())
        await api.entered.wait()
        await wawp.aclose()
        api.gate.set()
        await settle()
    assert api.api.requests == []


# ---- a 404 of nobody knows what ----


@pytest.mark.parametrize("refresh", [False, True])
async def test_an_unknown_404_is_no_photo_while_the_session_works(*, refresh: bool) -> None:
    api = wawp_api().on(PICTURE, httpx.Response(404, text="Not Found"))
    async with asking(api) as wawp:
        with pytest.raises(NoPhoto) as none:
            await wawp(GROUP, refresh=refresh, until=soon())
    assert none.value.confirmed is refresh
    assert paths(api) == [PICTURE, SESSION]


@pytest.mark.parametrize(
    ("session", "kind"),
    [
        *((session_in(state), Disconnected) for state in ("SCAN_QR_CODE", "STOPPED", "FAILED")),
        (httpx.Response(404, json={"code": "invalid_session"}), Disconnected),
        (httpx.Response(200, json={"code": "invalid_session"}), Disconnected),
        (httpx.Response(422), Disconnected),
        (httpx.Response(404), UpstreamFailed),
        (httpx.Response(500), ServerError),
        (httpx.Response(200, text="<html>"), UpstreamFailed),
        (httpx.Response(200, json={"status": "working"}), UpstreamFailed),
        (httpx.Response(429), OverBudget),
        (httpx.ConnectError("secret"), Unreachable),
        (httpx.ConnectTimeout("secret"), TimedOut),
    ],
)
@pytest.mark.parametrize("contact", [GROUP, MAYA])
@pytest.mark.parametrize("refresh", [False, True])
async def test_an_unknown_404_is_an_error_unless_the_session_works(
    session: httpx.Response | Exception,
    kind: type[AvatarUnavailable],
    contact: ContactId,
    *,
    refresh: bool,
) -> None:
    api = wawp_api().on(PICTURE, httpx.Response(404, text="Not Found")).on(SESSION, session)
    async with asking(api) as wawp:
        with pytest.raises(kind) as caught:
            await wawp(contact, refresh=refresh, until=soon())
    assert type(caught.value) is kind


async def test_a_404_about_the_contact_asks_for_no_session() -> None:
    api = wawp_api().on(PICTURE, httpx.Response(404, text=f"no photo of {GROUP.value}"))
    async with asking(api) as wawp:
        with pytest.raises(NoPhoto) as none:
            await wawp(GROUP, refresh=False, until=soon())
    assert none.value.confirmed
    assert paths(api) == [PICTURE]


async def test_the_state_of_the_session_is_believed_for_a_minute() -> None:
    api = wawp_api().on(PICTURE, httpx.Response(404))
    api.on(SESSION, working(), session_in("SCAN_QR_CODE"))
    clock = Clock()
    async with asking(api, clock) as wawp:
        for _ in range(3):
            with pytest.raises(NoPhoto):
                await wawp(MAYA, refresh=False, until=soon())
        clock.advance(SESSION_LIFE - 1)
        with pytest.raises(NoPhoto):
            await wawp(MAYA, refresh=False, until=soon())
        assert api.count(SESSION) == 1
        clock.advance(1)
        with pytest.raises(Disconnected):
            await wawp(MAYA, refresh=False, until=soon())
        assert api.count(SESSION) == 2


async def test_a_clock_that_is_set_back_keeps_no_old_session_alive() -> None:
    api = wawp_api().on(SESSION, working(), session_in("SCAN_QR_CODE"))
    clock = Clock()
    async with asking(api, clock) as wawp:
        assert (await wawp.session(until=soon())).works
        clock.advance(-86_400)
        assert not (await wawp.session(until=soon())).works


async def test_a_session_that_was_not_learned_is_asked_for_again_at_once() -> None:
    api = wawp_api().on(SESSION, httpx.Response(500), working())
    async with asking(api) as wawp:
        with pytest.raises(UpstreamFailed):
            await wawp.session(until=soon())
        assert (await wawp.session(until=soon())).works


async def test_who_joins_a_probe_keeps_to_their_own_time() -> None:
    api = Gated(wawp_api())
    async with asking(api) as wawp:
        wawp.introduce(until=soon(3600))
        await api.entered.wait()
        async with asyncio.timeout(10):
            with pytest.raises(TimedOut):
                await wawp.session(until=soon(0.05))
        api.gate.set()
        assert (await wawp.session(until=soon())).works
    assert api.api.count(SESSION) == 1


async def test_a_viewer_who_leaves_takes_no_probe_along() -> None:
    api = Gated(wawp_api())
    async with asking(api) as wawp:
        viewers = [
            asyncio.create_task(wawp(contact, refresh=False, until=soon()))
            for contact in (MAYA, LEON)
        ]
        await api.entered.wait()
        viewers[0].cancel()
        await settle()
        api.gate.set()
        assert (await viewers[1]).url == URL
    assert viewers[0].cancelled()
    assert api.api.count(SESSION) == 1


def test_a_session_shows_no_number() -> None:
    assert "1555" not in repr(Session("WORKING", MAYA))


# ---- what the API may not do ----


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["https://evil.example/", "/v2/contacts/profile-picture", "http://[::1", "//"]
)
async def test_no_redirect_of_the_api_is_followed(status: int, location: str) -> None:
    api = wawp_api().on(PICTURE, httpx.Response(status, headers={"Location": location}))
    async with asking(api) as wawp:
        with pytest.raises(UpstreamFailed):
            await wawp(GROUP, refresh=False, until=soon())
    assert [request.url.host for request in api.requests] == ["api.example"]


async def test_an_answer_is_read_up_to_64_kib() -> None:
    document = f'{{"url": "{URL}"}}'.encode()
    fits = document + b" " * (65_536 - len(document))
    api = wawp_api().on(
        PICTURE, httpx.Response(200, content=fits), httpx.Response(200, content=fits + b" ")
    )
    async with asking(api) as wawp:
        assert (await wawp(GROUP, refresh=False, until=soon())).url == URL
        with pytest.raises(UpstreamFailed, match="larger than we take"):
            await wawp(GROUP, refresh=False, until=soon())


UPSTREAM_TEXT = "upstream-text"


@pytest.mark.parametrize(
    "answer",
    [
        *(httpx.Response(s, text=UPSTREAM_TEXT) for s in (200, 302, 400, 401, 402, 404, 422, 500)),
        httpx.Response(429, headers={"Retry-After": UPSTREAM_TEXT}),
        httpx.Response(200, json={"url": [UPSTREAM_TEXT]}),
        httpx.Response(200, json={"id": LEON.value, "error": UPSTREAM_TEXT}),
        httpx.Response(404, text=f"{UPSTREAM_TEXT} {MAYA.value}"),
        httpx.Response(302, headers={"Location": f"http://[{UPSTREAM_TEXT}"}),
        httpx.ConnectError(f"{UPSTREAM_TEXT} access_token={TOKEN}"),
        httpx.ReadTimeout(f"{UPSTREAM_TEXT} access_token={TOKEN}"),
        httpx.RemoteProtocolError(f"{UPSTREAM_TEXT} access_token={TOKEN}"),
    ],
)
@pytest.mark.parametrize("contact", [MAYA, ME])
async def test_no_error_tells_the_answer_the_token_or_the_contact(
    answer: httpx.Response | Exception, contact: ContactId
) -> None:
    api = FakeApi()
    for path in (PICTURE, SESSION, *OWN):
        api.on(path, answer)
    async with asking(api) as wawp:
        with pytest.raises(AvatarUnavailable) as caught:
            await wawp(contact, refresh=False, until=soon())
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for secret in (UPSTREAM_TEXT, TOKEN, INSTANCE, "15551234567", "4915112345678"):
        assert secret not in shown
