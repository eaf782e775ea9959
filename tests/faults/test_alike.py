"""Nobody learns why there is no photo: hidden, never set and unknown are one answer."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Reason
from gateway.sandbox import Sandbox
from tests.faults.alike import WHY, cast, seen
from tests.faults.stage import MovableClock, behind, refreshes, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.stage import Stage, View

pytestmark = pytest.mark.anyio

WISHES = ("{}.png?size=48", "{}.jpg?size=48", "{}.webp?bg=ff0000", "{}.png?d=404", "{}?d=blank")


def is_sure(view: View) -> bool:
    """Whether it is held, and not yet old, that there is no photo."""
    status = view.response.headers["cache-status"]
    return view.life == "lasting" and not view.waits and "ttl=-" not in status


@asynccontextmanager
async def played() -> AsyncIterator[tuple[Stage, Sandbox, MovableClock, dict[str, str]]]:
    """A stage, and a contact for each reason to have no photo."""
    clock = MovableClock()
    async with (
        Sandbox() as sandbox,
        staged(behind(sandbox.base_url, GATEWAY_CONFIRM_DELAY="60s"), clock=clock) as stage,
    ):
        yield stage, sandbox, clock, {why: found[0] for why, found in cast(sandbox).items()}


async def test_a_first_none_does_not_tell_how_sure_the_api_was() -> None:
    """By headers, document, and when they change: though one needs no second question."""
    async with played() as (stage, sandbox, clock, contacts):
        views = [await stage.see(contact) for contact in contacts.values()]
        assert {(view.reason, view.waits, view.life) for view in views} == {
            (Reason.NONE, True, "passing")
        }
        looks = [seen(view.response) for view in views]
        assert all(look == looks[0] for look in looks)
        for seconds in (0, 30, 25):
            clock.advance(seconds)
            looks = [seen(await stage.ask(f"/avatar/{each}.png")) for each in contacts.values()]
            assert all(look == looks[0] for look in looks)
        for contact in contacts.values():
            document = json.loads((await stage.ask(f"/avatar/{contact}.json")).content)
            believed = datetime.fromisoformat(document["fresh_until"]).timestamp() - clock()
            assert -2 < believed <= 5
        clock.advance(7)
        for contact in contacts.values():
            await stage.see_until(is_sure, contact)
    surely = sum(how == "not_found" for how in WHY.values())
    assert sorted(refreshes(sandbox)) == [False] * len(WHY) + [True] * (len(WHY) - surely)


async def test_once_it_is_sure_nothing_tells_why_there_is_no_photo() -> None:
    async with played() as (stage, sandbox, clock, contacts):
        # One more had a photo that everybody could see, and hides it now.
        contacts["hid it"] = hid = "15550009991"
        assert (await stage.see(hid)).reason is None
        sandbox.hide(hid)
        for contact in contacts.values():
            await stage.see(contact)
        clock.advance(30 * 3600)
        sandbox.advance(30 * 3600)
        for contact in contacts.values():
            await stage.see(contact)
        await stage.runs_end()
        clock.advance(62)
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
