"""What viewers are measured with: it counts the server's time, and not their own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.arrivals import TIME, TIMESTAMPNS, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

REQUEST = b"GET / HTTP/1.1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + 100_000 * b"x"
SOME = 0.5


class Server:
    """Answers one request in a thread of its own when it may, and then closes."""

    def __init__(self, answer: bytes) -> None:
        self.may, self.has = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._listener.getsockname()
        return host, port

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as end:
            while not end.recv(1000).endswith(b"\r\n\r\n"):
                pass
            self.may.wait(20)
            end.sendall(self._answer)
        self.has.set()

    def join(self) -> None:
        self.may.set()
        self._thread.join(20)


@contextmanager
def server(answer: bytes) -> Iterator[Server]:
    found = Server(answer)
    try:
        yield found
    finally:
        found.join()


@contextmanager
def stamping() -> Iterator[None]:
    """The kernel notes when packets arrive, which takes it a moment to begin with."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        end = stack.enter_context(socket.create_connection(listener.getsockname()))
        other = stack.enter_context(listener.accept()[0])
        end.setsockopt(socket.SOL_SOCKET, TIMESTAMPNS, 1)
        until = time.monotonic() + 20
        other.sendall(b"x")
        while not end.recvmsg(1, socket.CMSG_SPACE(TIME.size))[1]:
            assert time.monotonic() < until
            other.sendall(b"x")
        yield


async def test_the_servers_time_counts() -> None:
    with server(ANSWER) as slow:
        wire = await Wire.open(slow.address)
        asking = asyncio.create_task(wire.ask(REQUEST))
        await asyncio.sleep(SOME)
        slow.may.set()
        head, seconds = await asking
        assert head.startswith("http/1.1 200 ok\r\n")
        assert seconds >= SOME
        slow.join()
        assert wire.has_ended()
        wire.close()


async def test_the_viewers_own_does_not() -> None:
    with stamping(), server(ANSWER) as quick:
        wire = await Wire.open(quick.address)
        began = time.monotonic()
        asking = asyncio.create_task(wire.ask(REQUEST))
        await asyncio.sleep(0)  # it is sent
        quick.may.set()
        assert quick.has.wait(20)
        answered = time.monotonic() - began
        time.sleep(SOME)  # noqa: ASYNC251 - the viewer has no time to look
        _, seconds = await asking
        assert seconds < answered + SOME / 2
        wire.close()


async def test_what_the_kernel_has_no_word_on_counts_until_it_is_looked_at() -> None:
    with server(ANSWER) as quick:
        end = socket.create_connection(quick.address)
        end.setblocking(False)  # noqa: FBT003 - its only argument
        wire = Wire(end)
        asking = asyncio.create_task(wire.ask(REQUEST))
        await asyncio.sleep(0)  # it is sent
        quick.may.set()
        assert quick.has.wait(20)
        time.sleep(SOME)  # noqa: ASYNC251 - the viewer has no time to look
        head, seconds = await asking
        assert head.startswith("http/1.1 200 ok\r\n")
        assert seconds >= SOME
        wire.close()


async def test_half_an_answer_is_none() -> None:
    with server(ANSWER[:-1]) as broken:
        broken.may.set()
        wire = await Wire.open(broken.address)
        with pytest.raises(EOFError):
            await wire.ask(REQUEST)
        wire.close()
