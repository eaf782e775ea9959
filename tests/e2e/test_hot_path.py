"""The hot path of the real worker: the same bytes as without it, and no crowd at the door."""

from __future__ import annotations

import os
import re
import signal
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests import processes
from tests.e2e.wire import answers, exchange
from tests.processes import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.processes import Running

MAYA: Final = "15551234567@c.us"
PHOTO: Final = f"/avatar/{MAYA}.png?size=48&dpr=2&shape=circle"
CROWD: Final = 300
ADMIN: Final = "an-admin-token-0001"

# Each gateway has learned of the photo at a time of its own.
_TIMES = re.compile(rb"\r\n(?:[dD]ate|cache-control|cache-status|last-modified): [^\r]*")


@contextmanager
def serving(folder: Path, upstream: Running, *, workers: int = 1, **more: str) -> Iterator[Running]:
    folder.mkdir(exist_ok=True)
    settings = settings_for(upstream.url, folder / "store", GATEWAY_ADMIN_TOKEN=ADMIN, **more)
    with processes.gateway(folder, settings, workers=workers) as served:
        yield served


def only_child(parent: int) -> int:
    [child] = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(child)


def get(target: str = PHOTO, *fields: str, method: str = "GET") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *fields]
    return "".join(line + "\r\n" for line in lines).encode() + b"\r\n"


def converse(url: str, *parts: bytes) -> bytes:
    """Say `parts`, each after the answer to the one before; return all that is heard."""
    heard = b""
    parts_of = urlsplit(url)
    with socket.create_connection((parts_of.hostname or "", parts_of.port or 0), 30) as wire:
        for part in parts:
            wire.sendall(part)
            answer = wire.recv(2**20)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            missing = int(length[1]) if length and b" 200 " in head else 0
            while not part.startswith(b"HEAD") and len(body) < missing:
                body += wire.recv(2**20)
            heard += head + b"\r\n\r\n" + body
    return heard


@pytest.fixture(scope="module")
def both(
    upstream: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Running]]:
    """A gateway with the hot path and one without, which know the same."""
    folder = tmp_path_factory.mktemp("both")
    with (
        serving(folder / "hot", upstream) as hot,
        serving(folder / "cold", upstream, GATEWAY_HOT_PATH="off") as cold,
    ):
        for served in (hot, cold):
            for _ in range(3):
                httpx.get(served.url + PHOTO).raise_for_status()
        yield hot, cold


CONVERSATIONS: Final[dict[str, tuple[bytes, ...]]] = {
    "a photo": (get(),),
    "again and again": (get(), get(), get()),
    "head": (get(method="HEAD"), get()),
    "held": (get(PHOTO, "If-None-Match: *"), get()),
    "between others": (get("/healthz"), get(), get("/nothing"), get()),
    "after a body": (get("/avatars", "Content-Length: 2", method="POST") + b"[]", get()),
    "a browser's": (get(PHOTO, "Connection: keep-alive", "Accept: image/*", "Cookie: a=b"),),
    "of the last request": (get(), get(PHOTO, "Connection: close")),
    "http/1.0": (b"GET %s HTTP/1.0\r\n\r\n" % PHOTO.encode(),),
    "no host": (b"GET %s HTTP/1.1\r\n\r\n" % PHOTO.encode(),),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_same_is_said_with_and_without_it(both: tuple[Running, Running], name: str) -> None:
    hot, cold = (converse(served.url, *CONVERSATIONS[name]) for served in both)
    assert _TIMES.sub(b"", hot) == _TIMES.sub(b"", cold)


def test_the_bytes_of_a_request_may_come_one_by_one(both: tuple[Running, Running]) -> None:
    for served in both:
        parts = urlsplit(served.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), 30) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in get() + get(PHOTO, "Connection: close"):
                wire.sendall(bytes((byte,)))
            heard = b""
            while more := wire.recv(2**16):
                heard += more
        assert [each.status for each in answers(heard)] == [200, 200]


def test_pipelined_requests_are_all_answered_in_order(both: tuple[Running, Running]) -> None:
    said = get() + get(method="HEAD") + get("/healthz") + get(PHOTO, "If-None-Match: *") + get()
    for served in both:
        heard = exchange(served.url, said + get("/robots.txt", "Connection: close"))
        found = answers(heard, heads=frozenset({1}))
        assert [each.status for each in found] == [200, 200, 200, 304, 200, 200]
        assert found[0].body == found[4].body
        assert found[-1].body.startswith(b"User-agent")


def test_who_has_said_all_is_answered(both: tuple[Running, Running]) -> None:
    for served in both:
        [answer] = answers(exchange(served.url, get(), half_close=True))
        assert answer.status == 200


def test_a_slow_reader_gets_all_of_it_and_a_fast_one_need_not_wait(
    both: tuple[Running, Running],
) -> None:
    number = 400
    for served in both:
        parts = urlsplit(served.url)
        with socket.socket() as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.settimeout(30)
            wire.connect((parts.hostname, parts.port))
            for _ in range(number):
                wire.sendall(get())
            wire.sendall(get("/healthz", "Connection: close"))
            assert httpx.get(served.url + PHOTO).status_code == 200
            heard = b""
            while more := wire.recv(2**16):
                heard += more
        assert len(answers(heard)) == number + 1


def test_an_erased_contact_is_gone_from_every_worker_with_the_next_request(
    upstream: Running, tmp_path: Path
) -> None:
    with serving(tmp_path, upstream, workers=2) as served, ExitStack() as stack:
        viewers = [stack.enter_context(httpx.Client(base_url=served.url)) for _ in range(16)]
        for _ in range(3):
            for viewer in viewers:
                assert viewer.get(PHOTO).headers["avatar-source"] == "photo"
        headers = {"Authorization": f"Bearer {ADMIN}"}
        erased = httpx.delete(f"{served.url}/avatar/{MAYA}?suppress=true", headers=headers)
        assert erased.status_code == 204
        for viewer in viewers:
            assert viewer.get(PHOTO).headers["avatar-source"] == "fallback"


def test_a_crowd_waits_in_the_kernels_queue_and_nobody_is_turned_away(
    upstream: Running, tmp_path: Path
) -> None:
    """Asyncio's own server would cut that queue to 100, and who does not fit waits a second."""
    with serving(tmp_path, upstream) as served, ExitStack() as stack:
        for _ in range(3):
            httpx.get(served.url + PHOTO).raise_for_status()
        worker = only_child(served.process.pid)
        os.kill(worker, signal.SIGSTOP)
        try:
            parts = urlsplit(served.url)
            wires = []
            for _ in range(CROWD):
                # Who is turned away tries again after a second, and is late here.
                wire = socket.create_connection((parts.hostname or "", parts.port or 0), 0.9)
                wires.append(stack.enter_context(wire))
                wire.sendall(get(PHOTO, "Connection: close"))
        finally:
            os.kill(worker, signal.SIGCONT)
        for wire in wires:
            wire.settimeout(30)
            heard = b""
            while more := wire.recv(2**16):
                heard += more
            assert heard.startswith(b"HTTP/1.1 200")
