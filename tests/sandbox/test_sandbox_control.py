from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from gateway.sandbox import CAST, control
from gateway.sandbox.page import render
from gateway.sandbox.wire import Request

if TYPE_CHECKING:
    import httpx

    from gateway.sandbox import Sandbox
    from gateway.sandbox.wire import Line
    from tests.sandbox.conftest import Tap

pytestmark = pytest.mark.anyio

MAYA = "15551234567@c.us"


async def test_a_scenario_is_set_and_taken_back(client: httpx.AsyncClient, tap: Tap) -> None:
    order = {"api": "too_many_requests", "cdn": "gone", "params": {"retry_after": 7}, "times": 9}
    answer = await client.put(f"/_sandbox/contacts/{MAYA}", json=order)
    assert (answer.status_code, answer.content) == (204, b"")
    wire = await tap.ask()
    assert (wire.status, wire.headers["retry-after"]) == (429, "7")
    await client.put("/_sandbox/contacts/15551234567%40c.us", json={"api": None, "cdn": None})
    assert (await tap.ask()).status == 200
    await client.put("/_sandbox/default", json={"api": "url:file:///etc/passwd"})
    assert (await tap.ask()).json["url"] == "file:///etc/passwd"
    await client.post("/_sandbox/reset")
    assert (await tap.ask()).json["url"].startswith("http://127.0.0.1:")


async def test_photos_change_hide_and_come_back(client: httpx.AsyncClient, tap: Tap) -> None:
    assert (await client.post(f"/_sandbox/contacts/{MAYA}/photo")).json() == {"version": 2}
    await client.post(f"/_sandbox/contacts/{MAYA}/hide")
    assert (await tap.ask()).status == 404
    await client.post(f"/_sandbox/contacts/{MAYA}/show")
    assert (await tap.ask(refresh=True)).status == 200


async def test_the_session_and_the_clock_can_be_set(
    sandbox: Sandbox, client: httpx.AsyncClient, tap: Tap
) -> None:
    await client.put("/_sandbox/session", json={"status": "FAILED", "wait": 0})
    assert (await tap.ask()).json["status"] == "FAILED"
    await client.put("/_sandbox/session", json={"status": "WORKING", "api": "reset"})
    assert (await tap.ask()).status == 200
    before = sandbox.now()
    now = (await client.post("/_sandbox/clock", json={"advance": 7_200})).json()["now"]
    assert 7_200 <= now - before < 7_260


async def test_lists_can_be_read(client: httpx.AsyncClient, tap: Tap) -> None:
    assert [c["id"] for c in (await client.get("/_sandbox/cast")).json()] == [c.id for c in CAST]
    scenarios = (await client.get("/_sandbox/scenarios")).json()
    assert {"photo", "hang"} <= scenarios["api"].keys()
    assert {"jpeg", "scan_bomb"} <= scenarios["cdn"].keys()
    await tap.ask(refresh=True)
    await tap.ask("4915112345678")
    await tap.download()
    record = (await client.get("/_sandbox/calls")).json()
    assert record["counts"] == {
        "picture": 2, "session": 0, "profile": 0, "contacts": 0, "lids": 0, "cdn": 1,
    }  # fmt: skip
    first = record["calls"][0]
    assert (first["kind"], first["contact"], first["refresh"]) == ("picture", MAYA, True)
    assert first["headers"]["host"] == "x"
    assert first["query"]["contactId"] == MAYA
    for query, found in (("kind=cdn", 1), (f"contact={MAYA}", 2), ("kind=cdn&contact=x", 0)):
        calls = (await client.get(f"/_sandbox/calls?{query}")).json()["calls"]
        assert len(calls) == found


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "problem"),
    [
        ("PUT", "default", b'{"api": "nix"}', 400, "no scenario is called 'nix'"),
        ("PUT", "default", b'{"cdn": "url:x"}', 400, "no scenario is called 'url:x'"),
        ("PUT", "default", b"{", 400, "the body is not JSON"),
        ("PUT", "default", b"\xff", 400, "the body is not JSON"),
        ("PUT", "default", b"[]", 400, "the body is not a JSON object"),
        ("PUT", "default", b'{"apy": "photo"}', 400, "no field is called 'apy'"),
        ("PUT", "default", b'{"api": 3}', 400, "'api' has the wrong type"),
        ("PUT", "default", b'{"delay": true}', 400, "'delay' has the wrong type"),
        ("PUT", "default", b'{"api": "photo", "times": 0}', 400, "'times' must be 1 or more"),
        ("PUT", "session", b'{"api": "nix"}', 400, "no scenario is called 'nix'"),
        ("PUT", "contacts/nobody", b"{}", 400, "no contact id: 'nobody'"),
        ("POST", "contacts/nobody/hide", b"", 400, "no contact id: 'nobody'"),
        ("POST", "gate/nix/close", b"", 400, "no kind of call is 'nix'"),
        ("GET", "gate/cdn?waiting=some", b"", 400, "'waiting' must be a number"),
        ("GET", "reset", b"", 405, "no such order: GET reset"),
        ("GET", "nix", b"", 404, "no such order: GET nix"),
    ],
)
async def test_a_wrong_order_gets_a_problem_of_one_line(
    client: httpx.AsyncClient, method: str, path: str, body: bytes, status: int, problem: str
) -> None:
    answer = await client.request(method, f"/_sandbox/{path}", content=body)
    assert answer.status_code == status
    assert answer.json()["problem"].startswith(problem)
    assert "\n" not in answer.json()["problem"]


async def test_a_gate_holds_calls_until_it_opens(
    sandbox: Sandbox, client: httpx.AsyncClient, tap: Tap
) -> None:
    await client.post("/_sandbox/gate/picture/close")
    asked = [asyncio.create_task(tap.ask()) for _ in range(5)]
    answer = (await client.get("/_sandbox/gate/picture?waiting=5")).json()
    assert answer == {"waiting": 5, "closed": True}
    assert sandbox.count("picture") == 5
    assert (await tap.download()).status == 200
    await client.post("/_sandbox/gate/picture/open")
    assert [(await wire).status for wire in asked] == [200] * 5
    answer = (await client.get("/_sandbox/gate/picture")).json()
    assert answer == {"waiting": 0, "closed": False}


async def test_the_cdn_and_the_session_have_gates_too(
    sandbox: Sandbox, keyed: httpx.AsyncClient, tap: Tap
) -> None:
    sandbox.close_gate("cdn")
    sandbox.close_gate("session")
    download = asyncio.create_task(tap.download())
    probe = asyncio.create_task(keyed.get("/v2/session/info"))
    await sandbox.waiting("cdn", 1)
    await sandbox.waiting("session", 1)
    sandbox.open_gate("cdn")
    sandbox.open_gate("session")
    assert (await download).status == (await probe).status_code == 200


async def test_who_leaves_a_gate_is_counted_out(
    sandbox: Sandbox, client: httpx.AsyncClient, tap: Tap
) -> None:
    sandbox.close_gate("picture")
    left = asyncio.create_task(tap.ask())
    stays = asyncio.create_task(tap.ask())
    await sandbox.waiting("picture", 2)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    async with asyncio.timeout(5):
        while (await client.get("/_sandbox/gate/picture")).json()["waiting"] != 1:
            pass
    sandbox.open_gate("picture")
    assert (await stays).status == 200


async def test_waiting_for_more_than_come_ends(
    sandbox: Sandbox, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TimeoutError):
        await sandbox.waiting("cdn", 1, within=0.01)
    monkeypatch.setattr(control, "LONG_POLL", 0.01)
    answer = await client.get("/_sandbox/gate/cdn?waiting=1")
    assert (answer.status_code, answer.json()["problem"]) == (408, "only 0 wait")


async def test_strangers_may_not_pull_levers(sandbox: Sandbox) -> None:
    class FarLine:
        peer = "192.0.2.7"

    request = Request("POST", "/_sandbox/reset", {})
    answer = await control.answer(request, cast("Line", FarLine()), sandbox)
    assert answer.status == 403


async def test_the_page_shows_the_cast_through_the_gateway() -> None:
    page = render("http://127.0.0.1:8000/", "http://127.0.0.1:8001")
    assert page.count("<img ") == len(CAST)
    assert '<img src="http://127.0.0.1:8000/avatar/15551234567@c.us.png?size=72&amp;dpr=2"' in page
    assert "<script" not in page
    assert "João Pereira" in page
    # Each face leads to the playground.
    assert page.count('<a href="http://127.0.0.1:8000/#') == len(CAST)
    assert '<a href="http://127.0.0.1:8000/#15551234567@c.us">Maya Brooks</a>' in page


async def test_the_page_is_served_and_hints_without_a_gateway(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "No gateway is attached" in answer.text
    assert "<img" not in answer.text


@pytest.mark.parametrize("gateway", ['http://x/"><script>alert(1)</script>', "javascript:alert(1)"])
async def test_the_page_escapes_everything(gateway: str) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    contact = type(CAST[0])(f"1{evil}@c.us", evil, evil, evil)
    page = render(gateway, evil, (contact,))
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "javascript:" not in page
