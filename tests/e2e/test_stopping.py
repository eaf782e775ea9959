"""The end of a worker, by TERM or for a reload: what was asked is answered, and it is soon over."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests import processes
from tests.e2e.load import Load
from tests.e2e.wire import Viewer, answers, exchange
from tests.processes import settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes import Running

MAYA = "15551234567@c.us"
HALF = b"GET /avatar/x HTTP/1.1\r\nHost: x\r\n"


def connect(stack: ExitStack, url: str, said: bytes = b"") -> socket.socket:
    parts = urlsplit(url)
    wire = stack.enter_context(
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
    )
    wire.sendall(said)
    return wire


def test_half_open_and_idle_connections_hold_nobody_up(upstream: Running, tmp_path: Path) -> None:
    settings = settings_for(upstream.url, "memory:")
    with processes.gateway(tmp_path, settings, workers=1) as served, ExitStack() as stack:
        held = [connect(stack, served.url, HALF if n % 2 else b"") for n in range(500)]
        idle = connect(stack, served.url, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        # Accepted in the order of their arrival, so all of them are in.
        assert exchange(served.url, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")
        began = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - began < 2 * 1.0
        assert [wire.recv(4096) for wire in (*held[:5], idle)] == [b""] * 6
    assert "Traceback" not in served.log.read_text()


@pytest.mark.anyio
async def test_what_is_in_flight_is_answered_and_nobody_waits_for_more(
    upstream: Running, tmp_path: Path
) -> None:
    """Also on a connection that was promised another request, and only then asks for it."""
    control = processes.Control(upstream.url)
    contact = "17780001234"
    control.set(f"{contact}@c.us", api="hang")
    settings = settings_for(upstream.url, "memory:", GATEWAY_DEADLINE="2s")
    with processes.gateway(tmp_path, settings, workers=1) as served, ExitStack() as stack:
        idle = connect(stack, served.url, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Connection: close" not in idle.recv(4096)
        viewer = await Viewer.ask(served.url, f"/avatar/{contact}.png", connection="keep-alive")
        await asyncio.to_thread(control.called, f"{contact}@c.us")
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        last = b""
        while b"Connection: close" not in last:  # the signal may come after a few more
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            last = await asyncio.to_thread(idle.recv, 4096)
            assert last.startswith(b"HTTP/1.1 200")
        [answer] = answers(await viewer.answer())
        assert answer.headers["avatar-reason"] == "timeout"
        assert answer.headers["connection"] == "close"
        assert await asyncio.to_thread(served.process.wait, 30) == 0
        assert time.monotonic() - began < 2 * (2.0 + 1.0)


def test_int_ends_it_at_once(upstream: Running, tmp_path: Path) -> None:
    settings = settings_for(upstream.url, "memory:")
    with processes.gateway(tmp_path, settings, workers=1) as served, ExitStack() as stack:
        connect(stack, served.url, HALF)
        began = time.monotonic()
        assert served.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 2 * 1.0


def pids(served: Running) -> list[str]:
    return re.findall(r"Booting worker with pid: (\d+)", served.log.read_text())


async def reload_under(load: Load, served: Running, times: int) -> None:
    """Replace all workers that often, each time when the last ones are all in place."""
    async with load.going_on():
        for _ in range(times):
            gone = served.log.read_text().count("Worker exiting")
            served.process.send_signal(signal.SIGHUP)
            await load.answered(20)
            while served.log.read_text().count("Worker exiting") < gone + 2:
                await load.answered(5)


@pytest.mark.anyio
async def test_a_reload_loses_no_request(upstream: Running, tmp_path: Path) -> None:
    settings = settings_for(upstream.url, tmp_path / "store")
    with processes.gateway(tmp_path, settings, workers=2) as served:
        load = Load(served.url, f"/avatar/{MAYA}.png", kept=8, fresh=8, pace=0.15)
        await reload_under(load, served, 2)
        assert load.lost == []
        assert len(pids(served)) == 6
        assert served.stop() == 0
    log = served.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


SLOW_START = """
import time
import gateway.server
load = gateway.server.Server.load
def slowly(server):
    time.sleep(2)
    return load(server)
gateway.server.Server.load = slowly
"""


@pytest.mark.anyio
async def test_nobody_waits_for_a_new_worker_to_start(upstream: Running, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_START)
    settings = settings_for(
        upstream.url, tmp_path / "store", PYTHONPATH=f"{tmp_path}:{processes.ROOT}"
    )
    with processes.gateway(tmp_path, settings, workers=1) as served:
        load = Load(served.url, "/healthz", kept=0, fresh=4, pace=0.1)
        async with load.going_on():
            await load.answered(8)
            served.process.send_signal(signal.SIGHUP)
            while "Worker exiting" not in served.log.read_text():
                await load.answered(4)
            await load.answered(8)
        assert load.lost == []
        assert max(load.seconds) < 2


RECYCLED = """
import gateway.server
gateway.server.LIFE, gateway.server.LIFE_SPREAD = 40, 20
"""


@pytest.mark.anyio
async def test_a_worker_that_has_done_its_part_is_replaced_and_loses_nothing(
    upstream: Running, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(RECYCLED)
    settings = settings_for(
        upstream.url, tmp_path / "store", PYTHONPATH=f"{tmp_path}:{processes.ROOT}"
    )
    with processes.gateway(tmp_path, settings, workers=2) as served:
        load = Load(served.url, "/healthz", kept=4, fresh=4, pace=0.05)
        async with load.going_on():
            while len(pids(served)) < 5:
                await load.answered(20)
        assert load.lost == []
        assert "has done its part" in served.log.read_text()
        assert served.stop() == 0
