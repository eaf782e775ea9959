"""Nobody learns why there is no photo: hidden, never set and unknown are one answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Reason
from gateway.sandbox import Sandbox
from tests.faults.alike import WHY, cast, seen
from tests.faults.stage import MovableClock, behind, staged

if TYPE_CHECKING:
    from tests.faults.stage import View

pytestmark = pytest.mark.anyio

WISHES = ("{}.png?size=48", "{}.jpg?size=48", "{}.webp?bg=ff0000", "{}.png?d=404", "{}?d=blank")


def is_sure(view: View) -> bool:
    """Whether it is held, and not yet old, that there is no photo."""
    status = view.response.headers["cache-status"]
    return view.life == "lasting" and not view.waits and "ttl=-" not in status


async def test_a_first_none_tells_no_more_than_how_sure_the_api_was() -> None:
    async with Sandbox() as sandbox, staged(behind(sandbox.base_url)) as stage:
        looks = {}
        for why, [contact] in cast(sandbox).items():
            view = await stage.see(contact)
            assert (view.reason, view.waits) == (Reason.NONE, True)
            status, headers, body = seen(view.response)
            rest = [pair for pair in headers if pair[0] != "cache-control"]
            looks[why] = (status, rest, body)
            assert view.life == ("lasting" if WHY[why] == "not_found" else "passing")
    assert all(look == looks["hides it"] for look in looks.values())


async def test_once_it_is_sure_nothing_tells_why_there_is_no_photo() -> None:
    clock = MovableClock()
    settings = {"GATEWAY_CONFIRM_DELAY": "60s"}
    async with (
        Sandbox() as sandbox,
        staged(behind(sandbox.base_url, **settings), clock=clock) as stage,
    ):
        contacts = {why: found[0] for why, found in cast(sandbox).items()}
        # One more had a photo that everybody could see, and hides it now.
        contacts["hid it"] = hid = "15550009991"
        assert (await stage.see(hid)).reason is None
        sandbox.hide(hid)
        for contact in contacts.values():
            await stage.see(contact)
        clock.advance(30 * 3600)
        sandbox.advance(30 * 3600)
        for contact in contacts.values():
            await stage.see_until(is_sure, contact)
        for wish in WISHES:
            looks = {why: seen(await stage.ask(f"/avatar/{wish.format(contact)}"))
                     for why, contact in contacts.items()}  # fmt: skip
            for look in looks.values():
                assert look == looks["hides it"], wish
        documents = [
            json.loads((await stage.ask(f"/avatar/{contact}.json")).content)
            for contact in contacts.values()
        ]
    for document in documents:
        told = {name: document[name] for name in ("kind", "source", "reason", "version")}
        assert told == {"kind": "person", "source": "fallback", "reason": "none", "version": None}
        assert document["fetched_at"] is None
        assert document.keys() == documents[0].keys()
