"""The three APIs of the sandbox, asked by the gateway's own resolvers over real sockets."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from gateway.errors import AvatarUnavailable, Disconnected, NoPhoto, Refused, ServerError
from gateway.model import ContactId
from gateway.resolver import Evolution, Resolver, Waha, Wawp
from gateway.sandbox import (
    ACCESS_TOKEN,
    API_KEY,
    EVOLUTION_INSTANCE,
    INSTANCE_ID,
    OWN_ID,
    WAHA_SESSION,
)
from tests.fakes import outbound_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.outbound import Outbound
    from gateway.sandbox import Sandbox

MAYA = ContactId.parse("15551234567")
HIDDEN = ContactId.parse("15555550110")
LID = ContactId.parse("123456789012345@lid")
NUMBER = ContactId.parse("12025550143")
NAMES: Final = ("wawp", "waha", "evolution")


def resolver_of(name: str, outbound: Outbound, url: str, *, key: str = API_KEY) -> Resolver:
    if name == "waha":
        return Waha(outbound, base_url=url, key=key, session=WAHA_SESSION)
    if name == "evolution":
        return Evolution(outbound, base_url=url, key=key, instance=EVOLUTION_INSTANCE)
    token = ACCESS_TOKEN if key == API_KEY else key
    return Wawp(outbound, base_url=url, credentials=(INSTANCE_ID, token))


@asynccontextmanager
async def asking(name: str, sandbox: Sandbox, **more: str) -> AsyncIterator[Resolver]:
    async with outbound_to(sandbox.base_url) as outbound:
        resolver = resolver_of(name, outbound, sandbox.base_url, **more)
        try:
            yield resolver
        finally:
            await resolver.aclose()


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "contact",
    ["15551234567", "120363043968066561@g.us", "120363144038483540@newsletter", LID.value, "me"],
)
async def test_whoever_has_a_photo_has_it_in_every_api(
    sandbox: Sandbox, name: str, contact: str
) -> None:
    asked = ContactId.parse(contact)
    async with asking(name, sandbox) as resolver:
        found = await resolver(asked, refresh=False, until=soon())
        session = await resolver.session(until=soon())
    owner = OWN_ID if asked.is_me else asked.value
    assert found.fingerprint == type(found)(sandbox.mint(owner)).fingerprint
    assert (session.works, session.me) == (True, ContactId.parse(OWN_ID))


@pytest.mark.parametrize("name", NAMES)
async def test_who_hides_the_photo_has_none_in_any_api(sandbox: Sandbox, name: str) -> None:
    async with asking(name, sandbox) as resolver:
        with pytest.raises(NoPhoto) as none:
            await resolver(HIDDEN, refresh=True, until=soon())
    assert none.value.confirmed is (name != "evolution")


@pytest.mark.parametrize("name", NAMES)
async def test_a_photo_that_was_hidden_is_gone_after_a_refresh(sandbox: Sandbox, name: str) -> None:
    async with asking(name, sandbox) as resolver:
        await resolver(MAYA, refresh=False, until=soon())
        sandbox.hide(MAYA.value)
        if name != "evolution":  # it keeps no answers
            assert await resolver(MAYA, refresh=False, until=soon())
        with pytest.raises(NoPhoto):
            await resolver(MAYA, refresh=True, until=soon())


@pytest.mark.parametrize("name", NAMES)
async def test_a_phone_that_is_not_linked_is_no_none(sandbox: Sandbox, name: str) -> None:
    sandbox.set_session("SCAN_QR_CODE")
    async with asking(name, sandbox) as resolver:
        with pytest.raises(Disconnected):
            await resolver(MAYA, refresh=True, until=soon())
        assert not (await resolver.session(until=soon())).works


@pytest.mark.parametrize("name", NAMES)
async def test_a_wrong_key_is_refused(sandbox: Sandbox, name: str) -> None:
    async with asking(name, sandbox, key="wrong") as resolver:
        with pytest.raises(Refused):
            await resolver(MAYA, refresh=False, until=soon())
        with pytest.raises(Refused):
            await resolver.session(until=soon())
        assert await resolver.alias(LID, until=soon()) is None


@pytest.mark.parametrize("name", NAMES)
async def test_scenarios_are_played_by_every_api(sandbox: Sandbox, name: str) -> None:
    sandbox.set_contact(MAYA.value, api="server_error_500", times=1)
    async with asking(name, sandbox) as resolver:
        with pytest.raises(ServerError):
            await resolver(MAYA, refresh=False, until=soon())
        assert await resolver(MAYA, refresh=False, until=soon())
    assert sandbox.count("picture") == 2


@pytest.mark.parametrize(("name", "knows"), [("wawp", True), ("waha", True), ("evolution", False)])
async def test_a_lid_and_its_number_lead_to_each_other(
    sandbox: Sandbox, name: str, *, knows: bool
) -> None:
    async with asking(name, sandbox) as resolver:
        assert await resolver.alias(LID, until=soon()) == (NUMBER if knows else None)
        assert await resolver.alias(NUMBER, until=soon()) == (LID if knows else None)
        assert await resolver.alias(MAYA, until=soon()) is None
    assert sandbox.count("lids") == (3 if knows else 0)


@pytest.mark.parametrize("name", ["waha", "evolution"])
async def test_another_session_is_none_that_is_linked(sandbox: Sandbox, name: str) -> None:
    async with outbound_to(sandbox.base_url) as outbound:
        other: Resolver = (
            Waha(outbound, base_url=sandbox.base_url, key=API_KEY, session="other")
            if name == "waha"
            else Evolution(outbound, base_url=sandbox.base_url, key=API_KEY, instance="other")
        )
        with pytest.raises(Disconnected):
            await other(MAYA, refresh=False, until=soon())
        with pytest.raises(AvatarUnavailable):
            await other.session(until=soon())
        await other.aclose()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"number": 5}', b'{"number": "x"}'])
async def test_a_question_for_nobody_is_a_bad_one(sandbox: Sandbox, body: bytes) -> None:
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers={"apikey": API_KEY}) as client:
        path = f"/chat/fetchProfilePictureUrl/{EVOLUTION_INSTANCE}"
        assert (await client.post(path, content=body)).status_code == 400
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
