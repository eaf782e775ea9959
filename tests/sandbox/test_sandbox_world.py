from __future__ import annotations

import io
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from gateway.sandbox import ACCESS_TOKEN, CAST, INSTANCE_ID, OWN_ID, Sandbox, colour_of
from gateway.sandbox.ids import canonical

if TYPE_CHECKING:
    from tests.sandbox.conftest import Tap

pytestmark = pytest.mark.anyio

MAYA = "15551234567@c.us"
HOUR = 3_600.0
PLAIN_CAST = [c.id for c in CAST if (c.api, c.cdn) == ("photo", "jpeg") and c.id != OWN_ID]


def _near(data: bytes, contact: str, version: int = 1) -> bool:
    spot = Image.open(io.BytesIO(data)).convert("RGB").getpixel((10, 10))
    assert isinstance(spot, tuple)
    wanted = colour_of(contact, version)
    return max(abs(a - b) for a, b in zip(spot, wanted, strict=True)) <= 6


@pytest.mark.parametrize("contact", PLAIN_CAST)
async def test_the_ordinary_cast_shows_photos_or_says_404(tap: Tap, contact: str) -> None:
    entry = next(c for c in CAST if c.id == contact)
    wire = await tap.ask(contact)
    if not entry.photo:
        assert (wire.status, wire.json["id"]) == (404, contact)
        return
    assert wire.json["id"] == (entry.known_as or contact)
    picture = await tap.get(wire.json["url"].removeprefix(tap.sandbox.base_url))
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"] == "max-age=1209600"
    assert "etag" not in picture.headers
    assert Image.open(io.BytesIO(picture.body)).size == (640, 640)
    assert _near(picture.body, contact)


def test_the_cast_is_named_once_and_has_every_role() -> None:
    assert len({c.id for c in CAST}) == len(CAST)
    assert all(canonical(c.id) == c.id for c in CAST)
    assert {c.kind for c in CAST} == {"person", "business", "me", "group", "channel", "lid"}
    assert len(INSTANCE_ID) == 12
    assert INSTANCE_ID.isalnum()


async def test_any_other_number_has_a_face_of_its_own_except_those_ending_in_00(tap: Tap) -> None:
    colours = set()
    for contact in ("4915112345678", "34600111222@s.whatsapp.net", "1203630000000001@g.us"):
        await tap.ask(contact)
        picture = await tap.download(canonical(contact) or "")
        assert _near(picture.body, contact)
        colours.add(colour_of(contact))
    assert len(colours) == 3
    assert (await tap.ask("4915112345600@c.us")).status == 404
    assert (await tap.ask("12036300000000@g.us")).status == 200


async def test_the_api_repeats_its_url_for_a_day_unless_refreshed() -> None:
    now = [1_800_000_000.0]
    async with Sandbox(clock=lambda: now[0]) as sandbox:
        first = sandbox.url(MAYA, refresh=False)
        now[0] += 23 * HOUR
        assert sandbox.url(MAYA, refresh=False) == first
        fresh = sandbox.url(MAYA, refresh=True)
        assert fresh != first
        now[0] += 23 * HOUR
        assert sandbox.url(MAYA, refresh=False) == fresh
        now[0] += HOUR
        assert sandbox.url(MAYA, refresh=False) not in {first, fresh}


async def test_a_hidden_photo_stays_in_the_apis_cache_until_a_refresh(
    sandbox: Sandbox, tap: Tap
) -> None:
    assert (await tap.ask()).status == 200
    sandbox.hide(MAYA)
    assert (await tap.ask()).status == 200
    assert (await tap.ask(refresh=True)).status == 404
    sandbox.show(MAYA)
    assert (await tap.ask()).status == 404
    assert (await tap.ask(refresh=True)).status == 200


async def test_who_had_no_photo_can_show_one(sandbox: Sandbox, tap: Tap) -> None:
    for contact in ("15555550111@c.us", "4915112345600@c.us"):
        sandbox.show(contact)
        assert (await tap.ask(contact)).json["url"].startswith(sandbox.base_url)


async def test_a_new_photo_has_a_new_path_and_another_colour(sandbox: Sandbox, tap: Tap) -> None:
    old = (await tap.ask()).json["url"]
    assert sandbox.new_photo(MAYA) == 2
    new = (await tap.ask(refresh=True)).json["url"]
    assert new.partition("?")[0] != old.partition("?")[0]
    first, second = [await tap.get(url.removeprefix(sandbox.base_url)) for url in (old, new)]
    assert _near(first.body, MAYA)
    assert _near(second.body, MAYA, 2)
    assert colour_of(MAYA) != colour_of(MAYA, 2)
    assert first.headers["last-modified"] != second.headers["last-modified"]


async def test_one_person_under_two_ids_has_one_photo(sandbox: Sandbox) -> None:
    for one, other in (
        ("123456789012345@lid", "12025550143@c.us"),
        ("5511987654321@c.us", "551187654321@c.us"),
    ):
        assert sandbox.mint(one).partition("?")[0] == sandbox.mint(other).partition("?")[0]
        assert colour_of(one) == colour_of(other)


async def test_the_own_number_is_known_to_the_profile_only(
    sandbox: Sandbox, keyed: httpx.AsyncClient, client: httpx.AsyncClient, tap: Tap
) -> None:
    wire = await tap.ask(OWN_ID)
    assert wire.status == 404
    assert "/v2/profile/me" in wire.json["message"]
    for path in ("/v2/profile/me", "/v2/profile"):
        answer = (await keyed.get(path)).json()
        assert (answer["id"], answer["name"]) == (OWN_ID, "You")
        assert (await client.get(answer["picture"])).status_code == 200
    assert sandbox.count("profile") == 2


async def test_the_other_routes_speak_as_documented(keyed: httpx.AsyncClient) -> None:
    session = (await keyed.get("/v2/session/info")).json()
    assert (session["status"], session["me"]["id"]) == ("WORKING", OWN_ID)
    chat = await keyed.get("/v2/chats/picture", params={"chatId": MAYA})
    assert list(chat.json()) == ["url"]
    group = await keyed.get("/v2/groups/120363043968066561%40g.us/picture")
    assert list(group.json()) == ["url"]
    about = await keyed.get("/v2/contacts", params={"contactId": "18005550199@c.us"})
    assert about.json()["isBusiness"] is True
    assert about.json()["pushname"] == "Copperleaf Coffee"
    stranger = await keyed.get("/v2/contacts", params={"contactId": "4915112345678"})
    assert stranger.json()["name"] is None
    lid = await keyed.get("/v2/lids/pn/12025550143")
    assert lid.json() == {"lid": "123456789012345@lid", "number": "12025550143"}
    assert (await keyed.get("/v2/lids/pn/4915112345678")).json() is None


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"instance_id": INSTANCE_ID},
        {"instance_id": INSTANCE_ID, "access_token": "wrong"},
        {"instance_id": "wrong", "access_token": ACCESS_TOKEN},
        {"instance_id": INSTANCE_ID, "access_token": "é"},
    ],
)
async def test_wrong_credentials_are_401_everywhere(
    sandbox: Sandbox, query: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
        for path in ("/v2/contacts/profile-picture", "/v2/profile/me", "/v2/session/info"):
            answer = await client.get(path, params={**query, "contactId": MAYA})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("contact", ["", "x", "0@c.us", "status@broadcast", "12@c.us", "1@nowhere"])
async def test_an_id_that_is_none_is_400(tap: Tap, contact: str) -> None:
    assert (await tap.ask(contact)).status == 400


@pytest.mark.parametrize(
    ("text", "contact"),
    [
        ("15551234567", MAYA),
        ("+1 (555) 123-4567", MAYA),
        ("0015551234567", MAYA),
        ("15551234567:12@s.whatsapp.net", MAYA),
        ("15551234567.0:12@S.WhatsApp.Net", MAYA),
        ("123456789012345:3@lid", "123456789012345@lid"),
        ("491701234567-1581234048@g.us", "491701234567-1581234048@g.us"),
        ("15551234567@evil", None),
        ("１５５５１２３４５６７", None),  # noqa: RUF001  (full-width digits)
    ],
)
def test_ids_have_one_spelling(text: str, contact: str | None) -> None:
    assert canonical(text) == contact


async def test_a_session_that_is_not_working_answers_422(
    sandbox: Sandbox, keyed: httpx.AsyncClient, tap: Tap
) -> None:
    sandbox.set_session("SCAN_QR_CODE")
    wire = await tap.ask()
    assert (wire.status, wire.json["status"]) == (422, "SCAN_QR_CODE")
    session = (await keyed.get("/v2/session/info")).json()
    assert (session["status"], session["me"]) == ("SCAN_QR_CODE", None)
    # A scenario set by hand goes before the session.
    sandbox.set_contact(MAYA, api="not_found_unknown")
    assert (await tap.ask()).status == 404
    sandbox.set_session("WORKING", api="server_error_500")
    assert (await keyed.get("/v2/session/info")).status_code == 500
    sandbox.set_session()
    assert (await keyed.get("/v2/session/info")).json()["status"] == "WORKING"


async def test_a_scenario_lasts_for_so_many_answers_on_each_side(
    sandbox: Sandbox, tap: Tap
) -> None:
    sandbox.set_contact(MAYA, api="server_error_500", cdn="gone", times=2)
    assert [(await tap.ask()).status for _ in range(3)] == [500, 500, 200]
    assert [(await tap.download()).status for _ in range(3)] == [410, 410, 200]


async def test_a_contacts_own_scenario_goes_before_the_default(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_default(api="server_error_503", cdn="gone")
    sandbox.set_contact(MAYA, api="conflict", cdn="not_found")
    assert [(await tap.ask()).status, (await tap.download()).status] == [409, 404]
    other = "4915112345678@c.us"
    assert [(await tap.ask(other)).status, (await tap.download(other)).status] == [503, 410]
    sandbox.set_default()
    sandbox.set_contact(MAYA)
    assert [(await tap.ask()).status, (await tap.download()).status] == [200, 200]


async def test_a_delay_alone_keeps_the_role(sandbox: Sandbox, tap: Tap) -> None:
    hana = "15555550111@c.us"
    sandbox.set_contact(hana, delay=0.01)
    assert (await tap.ask(hana)).json == {"id": hana, "url": None}


async def test_a_reset_forgets_everything(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_contact(MAYA, api="conflict")
    sandbox.set_session("STOPPED", api="reset")
    sandbox.hide("4915112345678")
    sandbox.new_photo(MAYA)
    sandbox.advance(9 * HOUR)
    sandbox.close_gate("picture")
    sandbox.close_gate("cdn")
    sandbox.reset()
    assert sandbox.session_status == "WORKING"
    assert [(await tap.ask()).status, (await tap.ask("4915112345678")).status] == [200, 200]
    assert sandbox.version(MAYA) == 1
    assert (sandbox.count("picture"), len(sandbox.calls)) == (2, 2)


def test_unknown_names_are_refused() -> None:
    sandbox = Sandbox()
    with pytest.raises(ValueError, match="no scenario is called 'nix'"):
        sandbox.set_contact(MAYA, api="nix")
    with pytest.raises(ValueError, match="no scenario is called 'photo'"):
        sandbox.set_default(cdn="photo")
    with pytest.raises(ValueError, match="no contact id"):
        sandbox.hide("nobody")
    with pytest.raises(KeyError):
        sandbox.count("nix")


async def test_calls_are_recorded_with_what_was_sent(
    sandbox: Sandbox, client: httpx.AsyncClient, keyed: httpx.AsyncClient
) -> None:
    await keyed.get(
        "/v2/contacts/profile-picture",
        params={"contactId": "15551234567", "refresh": "true"},
        headers={"X-Trace": "abc"},
    )
    await client.get(sandbox.mint(MAYA))
    await client.get("/v/unknown")
    picture, cdn, unknown = sandbox.calls
    assert (picture.kind, picture.contact, picture.refresh) == ("picture", MAYA, True)
    assert picture.headers["x-trace"] == "abc"
    assert picture.query["contactId"] == "15551234567"
    assert (cdn.kind, cdn.contact, unknown.contact) == ("cdn", MAYA, None)
    assert sandbox.count("cdn") == 2
