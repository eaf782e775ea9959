"""Hidden means gone: within a second nothing is left of a photo, anywhere."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests import processes
from tests.e2e.traces import Contents, Traces, ask_every_worker, in_bucket, in_folder, in_valkey
from tests.machines import common, machines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.processes import Control, Running

pytestmark = pytest.mark.anyio

ADMIN: Final = {"GATEWAY_ADMIN_TOKEN": "marked-admin-token"}
SETTINGS: Final = ADMIN | {"GATEWAY_DEADLINE": "30s"}
SOON: Final = 1.0


@dataclass(frozen=True)
class Place:
    """Gateways, and all that they keep."""

    served: Sequence[Running]
    contents: Callable[[], Contents]


def order(url: str, method: str, path: str) -> int:
    headers = {"Authorization": f"Bearer {ADMIN['GATEWAY_ADMIN_TOKEN']}"}
    return httpx.request(method, url + path, headers=headers, timeout=60).status_code


def confirmed(url: str, contact: str) -> None:
    """The API is asked past its cache, and knows no photo any more."""
    assert order(url, "POST", f"/avatar/{contact}/refresh") == 200


def deleted(url: str, contact: str) -> None:
    assert order(url, "DELETE", f"/avatar/{contact}") == 204


def suppressed(url: str, contact: str) -> None:
    assert order(url, "DELETE", f"/avatar/{contact}?suppress=true") == 204


ORDERS: Final = (confirmed, deleted, suppressed)


async def is_shown_everywhere(place: Place, contact: str) -> Traces:
    """Let every worker hold the photo; what of it could be found."""
    for _ in range(2):
        for answer in await ask_every_worker(place.served, f"/avatar/{contact}.png"):
            assert answer.headers["avatar-source"] == "photo", answer.headers
    contents = place.contents()
    traces = Traces.of(contents)
    assert traces.within(contents)
    return traces


async def is_nowhere(place: Place, contact: str, traces: Traces, *, since: float) -> None:
    while traces.within(place.contents()):  # the order may be obeyed before all is written
        assert time.monotonic() - since <= 2 * SOON
    shown = True
    while shown:
        asked = time.monotonic()
        answers = await ask_every_worker(place.served, f"/avatar/{contact}.png")
        shown = any(answer.headers["avatar-source"] == "photo" for answer in answers)
        assert not shown or asked - since <= 2 * SOON
    assert {answer.headers["avatar-reason"] for answer in answers} == {"none"}
    assert traces.within(place.contents()) == []


async def each_order_is_obeyed(place: Place, control: Control, numbers: str) -> None:
    for digit, hide in enumerate(ORDERS, start=1):
        contact = f"{numbers}{digit}@c.us"
        traces = await is_shown_everywhere(place, contact)
        control.set(contact, api="not_found")
        hide(place.served[0].url, contact)
        await is_nowhere(place, contact, traces, since=time.monotonic())


async def test_on_one_machine(upstream: Running, control: Control, tmp_path: Path) -> None:
    settings = processes.settings_for(upstream.url, tmp_path / "store") | SETTINGS
    with processes.gateway(tmp_path, settings) as served:
        place = Place([served], lambda: in_folder(tmp_path / "store"))
        await each_order_is_obeyed(place, control, "1555763001")


async def test_on_two_machines(upstream: Running, control: Control, tmp_path: Path) -> None:
    with (
        common(tmp_path) as shared,
        machines(tmp_path, upstream.url, shared, SETTINGS) as served,
    ):

        def contents() -> Contents:
            homes = {name: tmp_path / name for name in ("left", "right")}
            return (
                in_bucket(shared.bucket.objects())
                | in_valkey(shared.valkey)
                | in_folder(homes["left"])
                | in_folder(homes["right"])
            )

        await each_order_is_obeyed(Place(served, contents), control, "1555763002")


async def test_what_is_past_its_retention(
    upstream: Running, control: Control, tmp_path: Path
) -> None:
    contact = "15557630031@c.us"
    settings = processes.settings_for(upstream.url, tmp_path / "store") | SETTINGS
    with processes.gateway(tmp_path, settings | {"GATEWAY_STORE_RETENTION": "6s"}) as served:
        place = Place([served], lambda: in_folder(tmp_path / "store"))
        traces = await is_shown_everywhere(place, contact)
        control.set(contact, api="not_found")
        async with asyncio.timeout(60):
            while traces.within(place.contents()):  # noqa: ASYNC110 - a folder has no event
                await asyncio.sleep(0.05)
        await is_nowhere(place, contact, traces, since=time.monotonic())
