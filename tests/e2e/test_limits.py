"""Crowds and slow peers against a real gateway: honest viewers notice nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx

from tests import processes
from tests.e2e.test_stopping import HALF, MAYA, connect
from tests.processes import settings_for

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tests.processes import Running

HEAD_TIME = 5.0


def test_three_hundred_sockets_at_two_hundred_descriptors_starve_nobody(
    upstream: Running, tmp_path: Path
) -> None:
    settings = settings_for(upstream.url, tmp_path / "store")
    with (
        processes.gateway(tmp_path, settings, workers=1, descriptors=200) as served,
        ExitStack() as stack,
    ):
        kept = stack.enter_context(httpx.Client(base_url=served.url))
        for turn in range(3):
            for number in range(100):
                connect(stack, served.url, HALF if number % 2 else b"")
            # One viewer keeps its connection, one comes anew, one asks for something unknown.
            answers = [
                kept.get(f"/avatar/{MAYA}.png"),
                httpx.get(f"{served.url}/avatar/{MAYA}.png"),
                httpx.get(f"{served.url}/avatar/1778000{turn:04d}1.png?size=32"),
            ]
            assert [each.headers["avatar-source"] for each in answers] == ["photo"] * 3
        assert served.stop() == 0
    log = served.log.read_text()
    assert "Too many open files" not in log
    assert log.count("connections in use") == 1
    assert log.count("\n") < 20


def silent(wire: socket.socket) -> tuple[bytes, float]:
    """Say nothing more; return what comes, and after how long it is over."""
    began = time.monotonic()
    heard = b""
    while more := wire.recv(4096):
        heard += more
    return heard, time.monotonic() - began


def dripping(wire: socket.socket) -> tuple[bytes, float]:
    """Send a byte now and then, for as long as anybody wants it."""
    began = time.monotonic()
    wire.settimeout(0.3)
    while True:
        try:
            return wire.recv(4096), time.monotonic() - began
        except TimeoutError:
            wire.sendall(b"a")


def test_who_is_slow_with_a_head_has_five_seconds(served: Running) -> None:
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        quiet = connect(stack, served.url)
        half = connect(stack, served.url, HALF)
        drip = connect(stack, served.url, HALF + b"X-A: ")
        idle = connect(stack, served.url, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        ends = [pool.submit(silent, wire) for wire in (quiet, half, idle)]
        ends.append(pool.submit(dripping, drip))
        heard, seconds = zip(*[end.result() for end in ends], strict=True)
    assert [each[:12] for each in heard] == [b"", b"HTTP/1.1 408", b"", b"HTTP/1.1 408"]
    assert all(HEAD_TIME - 0.5 < each < 2 * HEAD_TIME for each in seconds)


def test_a_thousand_connections_fit_by_default(upstream: Running, tmp_path: Path) -> None:
    settings = settings_for(upstream.url, "memory:")
    with processes.gateway(tmp_path, settings, workers=1) as served, ExitStack() as stack:
        wires = [connect(stack, served.url, HALF) for _ in range(1000)]
        for wire in wires:
            wire.sendall(b"\r\n")
        assert all(wire.recv(4096).startswith(b"HTTP/1.1 400") for wire in wires)
        assert served.stop() == 0
    assert "connections in use" not in served.log.read_text()
