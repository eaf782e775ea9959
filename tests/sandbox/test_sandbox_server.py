from __future__ import annotations

import asyncio
import io
import os
import resource
import signal
import sys
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from PIL import Image

from gateway.sandbox import ACCESS_TOKEN, INSTANCE_ID, Sandbox, run, server
from gateway.sandbox.faces import portrait
from gateway.sandbox.minting import Photo
from gateway.sandbox.pictures import draw

if TYPE_CHECKING:
    import httpx

    from tests.sandbox.conftest import Tap

pytestmark = pytest.mark.anyio

MAYA = "15551234567@c.us"
ROOT = Path(__file__).parents[2]
ASK = (
    f"GET /v2/contacts/profile-picture?instance_id={INSTANCE_ID}&access_token={ACCESS_TOKEN}"
    f"&contactId={MAYA} HTTP/1.1\r\nHost: x\r\n\r\n"
).encode()


@pytest.mark.parametrize(
    ("request_bytes", "problem"),
    [
        (b"nonsense\r\n\r\n", b"request line"),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", b"request line"),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", b"request line"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"request line"),
        (b"GET / HTTP/1.1\r\n\r\n", b"Host"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", b"header line"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", b"header line"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00\r\n\r\n", b"header line"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"Content-Length"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"Content-Length"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", b"too long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", b"too long"),
    ],
)
async def test_a_malformed_request_is_400(tap: Tap, request_bytes: bytes, problem: bytes) -> None:
    wire = await tap.send(request_bytes)
    assert wire.status == 400
    assert problem in wire.body


async def test_unknown_paths_and_methods_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v2/nothing")).status_code == 404
    answer = await client.post("/v2/contacts/profile-picture")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_good_answers_share_a_connection(sandbox: Sandbox) -> None:
    url = urlsplit(sandbox.base_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    for _ in range(3):
        writer.write(b"GET /v2/nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Connection: keep-alive" in head
        assert await reader.readexactly(10) == b"Not Found\n"
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in await reader.read()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "part", [b"", b"GET / HT", b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_a_client_may_leave_in_the_middle(sandbox: Sandbox, tap: Tap, part: bytes) -> None:
    url = urlsplit(sandbox.base_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(part)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert (await tap.ask()).status == 200


@pytest.mark.parametrize(
    ("scenario", "params"),
    [
        ("hang", {}),
        ("slow", {"seconds": 600}),
        ("endless", {}),
        ("drip_body", {"interval": 600}),
        ("scan_qr_after_wait", {"wait": 600}),
        ("huge_30mb", {}),
    ],
)
async def test_the_sandbox_closes_whatever_it_was_doing(
    scenario: str, params: dict[str, object]
) -> None:
    before = asyncio.all_tasks()
    async with Sandbox() as sandbox:
        sandbox.set_default(api=scenario, params=params)
        sandbox.close_gate("picture")
        url = urlsplit(sandbox.base_url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(ASK)
        await sandbox.waiting("picture", 1)
        sandbox.open_gate("picture")
        await asyncio.sleep(0)
    # Aborted: the rest of the answer never comes.
    with suppress(ConnectionError):
        async with asyncio.timeout(5):
            await reader.read()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    assert asyncio.all_tasks() <= before


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (one system call, no objects)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists descriptors under /proc")
async def test_fifty_rounds_leak_no_descriptors() -> None:
    before = _descriptors()
    for _ in range(50):
        async with Sandbox() as sandbox:
            url = urlsplit(sandbox.base_url)
            _, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.close()
            await writer.wait_closed()
    assert _descriptors() <= before


async def test_hundreds_of_connections_are_held(sandbox: Sandbox, tap: Tap) -> None:
    url = urlsplit(sandbox.base_url)
    async with AsyncExitStack() as stack:
        for _ in range(200):
            _, writer = await asyncio.open_connection(url.hostname, url.port)
            stack.push_async_callback(writer.wait_closed)
            stack.callback(writer.close)
        assert (await tap.ask()).status == 200


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104  (nothing is bound)
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
    ],
)
def test_the_base_url_can_be_reached(host: str, url: str) -> None:
    assert server._url_of(host, 80) == url  # noqa: SLF001


def test_the_limit_of_descriptors_is_raised_never_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    for limits in ((256, 4_096), (1_024, resource.RLIM_INFINITY), (20_000, 20_000)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        server._allow_descriptors()  # noqa: SLF001
    assert asked == [(4_096, 4_096), (8_192, resource.RLIM_INFINITY)]


async def test_what_a_client_says_while_it_waits_is_lost(sandbox: Sandbox, tap: Tap) -> None:
    sandbox.set_contact(MAYA, api="hang")
    wire = await tap.send(ASK + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", silence=0.05)
    assert (wire.data, wire.ended) == (b"", "silent")


async def test_a_taken_port_is_the_callers_to_report(sandbox: Sandbox) -> None:
    port = urlsplit(sandbox.base_url).port or 0
    with pytest.raises(OSError, match="in use"):
        async with Sandbox(port=port):
            pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_run_serves_until_a_signal_ends_it(number: signal.Signals) -> None:
    script = (
        "from gateway.sandbox import run; "
        "run('127.0.0.1', 0, None, ready=lambda url: print(url, flush=True))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", script,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    url = urlsplit(line)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    process.send_signal(number)
    _, problems = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, problems) == (0, b"")
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def test_run_says_once_where_it_is_and_returns_on_a_signal() -> None:
    ready: list[str] = []

    def stop(url: str) -> None:
        ready.append(url)
        signal.raise_signal(signal.SIGTERM)

    run("127.0.0.1", 0, None, ready=stop)
    assert len(ready) == 1


async def test_serve_forever_serves_until_cancelled(sandbox: Sandbox, tap: Tap) -> None:
    serving = asyncio.create_task(sandbox.serve_forever())
    assert (await tap.ask()).status == 200
    serving.cancel()
    assert await asyncio.gather(serving, return_exceptions=True)


async def test_a_picture_is_drawn_once_however_many_ask(sandbox: Sandbox, tap: Tap) -> None:
    contact = "4915198765432@c.us"
    misses = draw.cache_info().misses
    wires = await asyncio.gather(*(tap.download(contact) for _ in range(20)))
    assert len({wire.body for wire in wires}) == 1
    assert draw.cache_info().misses == misses + 1
    del sandbox


async def test_only_so_many_pictures_are_kept(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sandbox.gallery.KEPT", 2)
    gallery = sandbox._gallery  # noqa: SLF001
    for version in range(1, 5):
        await gallery.picture(Photo(MAYA, version), "preview")
    assert len(gallery._hung) == 2  # noqa: SLF001


def test_strangers_are_cheap_once_their_like_is_drawn() -> None:
    numbers = [f"4915100000{n:03d}@c.us" for n in range(1, 13)]
    for number in numbers:
        portrait(number)
    started = time.process_time()
    for number in numbers:
        assert Image.open(io.BytesIO(draw("jpeg", number))).size == (640, 640)
    assert (time.process_time() - started) / len(numbers) < 0.05
