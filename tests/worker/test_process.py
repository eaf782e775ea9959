"""The worker itself on the test's own loop: accepting, looking around, being replaced."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn.config import Config

from gateway.worker.connections import Stage
from gateway.worker.process import BATCH, Worker
from gateway.worker.protocol import GuardedProtocol
from tests.worker.house import FakeApp, FakeLog, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.anyio


class FakeListener:
    """Gives what it was told to, then has nothing more; notes that it is not watched."""

    def __init__(self, *given: socket.socket | OSError) -> None:
        self.given = list(given)
        self.sock = self

    def fileno(self) -> int:
        return -1

    def accept(self) -> tuple[socket.socket, None]:
        if not self.given:
            raise BlockingIOError
        first = self.given.pop(0)
        if isinstance(first, OSError):
            raise first
        return first, None


class FakeLoop:
    """The test's loop, but for watching listeners and for being late."""

    def __init__(self) -> None:
        self._real = asyncio.get_running_loop()
        self.watched: list[object] = []
        self.later: list[tuple[object, ...]] = []
        self.held_up = 0.0
        self._lost = 0.0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a loop has
        return getattr(self._real, name)

    def time(self) -> float:
        """The time, as it passes for a process that is held up before each look at its clock."""
        now: float = self._real.time()
        self._lost += self.held_up
        return now + self._lost

    def add_reader(self, listener: object, *_call: object) -> None:
        self.watched.append(listener)

    def remove_reader(self, listener: object) -> None:
        if listener in self.watched:
            self.watched.remove(listener)

    def call_later(self, *call: object) -> None:
        self.later.append(call)


@asynccontextmanager
async def working(*, capacity: int = 100, requests: int = 0) -> AsyncIterator[Worker]:
    cfg = Config()
    cfg.set("max_requests", requests)
    cfg.set("pre_request", lambda _worker, _request: None)
    worker = Worker(1, os.getppid(), [], None, 30, cfg, FakeLog())
    worker.connections.capacity = capacity
    worker.loop = FakeLoop()
    worker.asgi = FakeApp()
    try:
        yield worker
    finally:
        worker.tmp.close()
        for connection in worker.connections:
            connection.cut()
        await eventually(lambda: not worker.nr_conns)


def pair() -> tuple[socket.socket, socket.socket]:
    """A connection, as accepted and as its peer has it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    peer.settimeout(10)
    return accepted, peer


async def heard(peer: socket.socket) -> bytes:
    return await asyncio.to_thread(peer.recv, 4096)


async def test_it_takes_turns_with_those_it_has_accepted() -> None:
    async with working() as worker:
        pairs = [pair() for _ in range(BATCH + 1)]
        listener = FakeListener(*(accepted for accepted, _ in pairs))
        assert worker.accept(listener)
        assert len(worker.connections) == BATCH
        assert not worker.accept(listener)
        assert len(worker.connections) == BATCH + 1
        for _, peer in pairs:
            peer.close()


async def test_the_one_who_waits_longest_makes_room_and_is_told() -> None:
    async with working(capacity=1) as worker:
        (first, stranger), (second, viewer) = pair(), pair()
        worker.accept(FakeListener(first))
        await eventually(lambda: worker.nr_conns == 1)
        worker.accept(FakeListener(second))
        viewer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await heard(stranger) == b""
        assert (await heard(viewer)).startswith(b"HTTP/1.1 200")
        stranger.close()
        viewer.close()
        worker.tick()
        worker.tick()
    assert worker.log.lines == [
        "All 1 connections in use: 1 waiting ones closed, 0 new ones refused"
    ]


async def test_whoever_is_turned_out_before_it_began_is_closed() -> None:
    async with working(capacity=1) as worker:
        (first, stranger), (second, viewer) = pair(), pair()
        worker.accept(FakeListener(first, second))  # at once: neither is connected yet
        assert await heard(stranger) == b""
        viewer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await heard(viewer)).startswith(b"HTTP/1.1 200")
        stranger.close()
        viewer.close()


async def test_when_all_are_in_flight_who_comes_is_turned_away() -> None:
    async with working(capacity=1) as worker:
        accepted, peer = pair()
        worker.connections.enter(GuardedProtocol(worker), Stage.BUSY)
        worker.accept(FakeListener(accepted))
        assert await heard(peer) == b""
        peer.close()
        for connection in worker.connections:
            worker.connections.leave(connection)
        assert worker.connections.refused == 1


async def test_a_machine_without_descriptors_is_given_time() -> None:
    async with working() as worker:
        accepted, peer = pair()
        full = FakeListener(OSError(errno.EMFILE, "full"), accepted)
        worker.listen(full)
        worker.accept(full)
        assert worker.loop.watched == []
        [(_, again, *arguments)] = worker.loop.later
        again(*arguments)
        assert worker.loop.watched == [full]
        worker.accept(full)
        assert len(worker.connections) == 1
        worker.stopping = True
        worker.loop.watched.clear()
        again(*arguments)
        assert worker.loop.watched == []
        peer.close()


async def test_who_gives_up_while_it_waits_costs_nobody_a_turn() -> None:
    async with working() as worker:
        accepted, peer = pair()
        worker.accept(FakeListener(ConnectionAbortedError(), accepted))
        assert len(worker.connections) == 1
        peer.close()


async def test_a_connection_that_cannot_be_made_is_forgotten() -> None:
    async with working() as worker:
        accepted, peer = pair()

        async def fail(*_: object) -> None:
            raise OSError(errno.EINVAL, "gone")

        worker.loop.connect_accepted_socket = fail
        worker.accept(FakeListener(accepted))
        assert await heard(peer) == b""
        assert len(worker.connections) == 0
        peer.close()


async def test_it_is_replaced_after_its_requests_and_not_in_the_middle_of_one() -> None:
    async with working(requests=5) as worker:
        assert worker.max_requests == sys.maxsize
        worker.nr = 4
        worker.tick()
        assert not worker.stop.is_set()
        worker.nr = 5
        worker.tick()
        assert worker.stop.is_set()


async def test_it_does_not_outlive_the_server() -> None:
    async with working() as worker:
        worker.ppid = 0
        worker.tick()
        assert worker.stop.is_set()


async def test_an_application_that_cannot_be_opened_stops_the_server() -> None:
    async with working() as worker:

        async def app(_scope: object, _receive: object, _send: object) -> None:
            raise ValueError("no store")

        worker.asgi = app
        with pytest.raises(SystemExit, match="3"):
            await worker.open_application()
    assert any("did not start" in line for line in worker.log.lines)


async def test_who_stands_in_the_queue_at_the_end_is_still_answered() -> None:
    async with working() as worker:
        pairs = [pair() for _ in range(2 * BATCH)]
        worker.sockets = [FakeListener(*(accepted for accepted, _ in pairs))]
        for _, peer in pairs:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await worker.wind_down()
        for _, peer in pairs:
            answer = await heard(peer)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"Connection: close" in answer
            peer.close()
        assert not worker.alive


async def test_a_worker_that_was_held_up_still_reads_what_came_before_it_hangs_up() -> None:
    async with working() as worker:
        (fresh, newcomer), (known, viewer) = pair(), pair()
        worker.accept(FakeListener(known))
        viewer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Connection: close" not in await heard(viewer)
        worker.sockets = [FakeListener(fresh)]
        for peer in (newcomer, viewer):
            peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        worker.loop.held_up = 1.0
        await worker.wind_down()
        for peer in (newcomer, viewer):
            assert (await heard(peer)).startswith(b"HTTP/1.1 200")
            peer.close()


async def test_who_was_promised_another_request_may_ask_it_though_the_answer_is_not_over() -> None:
    """Stopped in the middle of an answer that has begun without announcing the end."""
    over = asyncio.Event()

    async def app(scope: dict[str, Any], _receive: object, send: Callable[..., Any]) -> None:
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"] == "/slow":
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await over.wait()
            await send({"type": "http.response.body", "body": b"b"})
        else:
            await send({"type": "http.response.body", "body": b"cd"})

    async with working() as worker:
        worker.asgi = app
        accepted, viewer = pair()
        worker.accept(FakeListener(accepted))
        viewer.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Connection: close" not in await heard(viewer)
        stopped = asyncio.create_task(worker.wind_down())
        await eventually(lambda: worker.stopping)
        over.set()
        assert await heard(viewer) == b"b"
        viewer.sendall(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        last = await heard(viewer)
        assert last.startswith(b"HTTP/1.1 200")
        assert b"Connection: close" in last
        await stopped
        viewer.close()
