"""Connections that are kept: by whom they may be used again, and when they may not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from gateway.errors import TimedOut, Undecodable, UpstreamFailed
from gateway.outbound import AddressGuard, Dialer, Names, Outbound, Transport
from gateway.outbound.address import Endpoint
from tests.fakes import FakeLookup, outbound_to, replying, serving, settle, tls
from tests.outbound.wire import LIMIT, saying, serving_tls, silence, soon, trusting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes import WireServer

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def transport_to(*urls: str, kept: int = 8, idle: float = 60.0) -> Transport:
    guard = AddressGuard([Endpoint.of(httpx.URL(url)) for url in urls])
    return Transport(Dialer(Names(FakeLookup()), guard, tls()), kept=kept, idle=idle)


async def ask(outbound: Outbound, server: WireServer, path: str = "/") -> bytes:
    reply = await outbound.get(server.base_url + path, until=soon(), limit=LIMIT)
    return reply.body


class Script:
    """Says one thing after another, on whatever connection; None says nothing and hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)

    async def __call__(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = self._answers.pop(0)
        if answer is None:
            writer.close()
        else:
            writer.write(answer)
            await writer.drain()


@pytest.mark.parametrize(
    "answer",
    [
        FINE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + FINE,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_connection_whose_answer_was_read_to_its_end_serves_again(answer: bytes) -> None:
    async with serving(saying(answer, hang_up=False)) as server:
        transport = transport_to(server.base_url)
        async with Outbound(transport) as outbound:
            for _ in range(5):
                await ask(outbound, server)
            assert transport.resting == 1
        assert (len(server.heads), server.accepted) == (5, 1)
        await server.deserted()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine",
        b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfine",
        FINE + b"\r\n",
        FINE + EVIL,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 304 Not Modified\r\n\r\n" + EVIL,
    ],
)
async def test_a_connection_that_may_hold_more_is_not_used_again(answer: bytes) -> None:
    async with serving(saying(answer, hang_up=False)) as server:
        transport = transport_to(server.base_url)
        async with Outbound(transport) as outbound:
            for _ in range(3):
                await ask(outbound, server)
                assert transport.resting == 0
            await server.deserted()
        assert server.accepted == 3


async def test_what_follows_an_answer_is_nobody_elses_answer() -> None:
    """Or one contact would be shown the picture that an upstream appended for another."""
    script = Script(FINE + EVIL, FINE, FINE + EVIL, FINE)
    async with serving(script) as server, outbound_to(server.base_url) as outbound:
        assert [await ask(outbound, server) for _ in range(4)] == [b"fine"] * 4


@pytest.mark.parametrize("late", [EVIL, b"x", b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"\r\n"])
@pytest.mark.parametrize("seen", [True, False], ids=["seen at once", "not yet seen"])
async def test_a_byte_that_comes_while_nobody_asks_ends_the_connection(
    late: bytes,
    seen: bool,  # noqa: FBT001 - whether the loop has had a turn to see it
) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(FINE)

    async with serving(talk) as server:
        transport = transport_to(server.base_url)
        async with Outbound(transport) as outbound:
            await ask(outbound, server)
            assert transport.resting == 1
            writers[0].write(late)
            if seen:
                await settle()
            assert await ask(outbound, server) == b"fine"
        assert server.accepted == 2


@pytest.mark.parametrize("seen", [True, False], ids=["seen at once", "not yet seen"])
async def test_a_connection_that_the_peer_has_closed_is_not_asked(
    seen: bool,  # noqa: FBT001 - as above
) -> None:
    async with serving(saying(FINE)) as server:
        async with Outbound(transport_to(server.base_url)) as outbound:
            for _ in range(3):
                assert await ask(outbound, server) == b"fine"
                if seen:
                    await settle()
        assert len(server.heads) == 3


async def test_a_kept_connection_that_dies_unanswered_is_replaced_once() -> None:
    async with serving(Script(FINE, None, FINE)) as server:
        async with Outbound(transport_to(server.base_url)) as outbound:
            assert await ask(outbound, server, "/1") == b"fine"
            assert await ask(outbound, server, "/2") == b"fine"
        assert [head.split(b" ")[1] for head in server.heads] == [b"/1", b"/2", b"/2"]


async def test_a_question_is_not_asked_a_third_time() -> None:
    async with serving(Script(FINE, None, None, FINE)) as server:
        async with Outbound(transport_to(server.base_url)) as outbound:
            await ask(outbound, server)
            with pytest.raises(UpstreamFailed, match="NoAnswer"):
                await ask(outbound, server)
        assert len(server.heads) == 3


async def test_a_new_connection_that_dies_unanswered_is_not_replaced() -> None:
    async with serving(Script(None, FINE)) as server:
        async with Outbound(transport_to(server.base_url)) as outbound:
            with pytest.raises(UpstreamFailed, match="NoAnswer"):
                await ask(outbound, server)
        assert len(server.heads) == 1


async def test_a_kept_connection_that_dies_within_its_answer_is_a_failure() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(server.heads) == 1:
            writer.write(FINE)
        else:
            writer.write(b"H")
            writer.close()

    async with serving(talk) as server:
        async with Outbound(transport_to(server.base_url)) as outbound:
            await ask(outbound, server)
            with pytest.raises(UpstreamFailed, match="RemoteProtocolError"):
                await ask(outbound, server)
        assert len(server.heads) == 2


async def test_a_kept_connection_that_says_nothing_is_not_asked_elsewhere() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(server.heads) > 1:
            await silence(reader, writer)
        writer.write(FINE)

    async with serving(talk) as server:
        async with Outbound(transport_to(server.base_url)) as outbound:
            await ask(outbound, server)
            with pytest.raises(TimedOut):
                await outbound.get(server.base_url, until=soon(0.1), limit=LIMIT)
        assert (len(server.heads), server.accepted) == (2, 1)


async def test_origins_share_no_connection() -> None:
    async with serving(replying(body=b"1")) as one, serving(replying(body=b"2")) as two:
        async with Outbound(transport_to(one.base_url, two.base_url)) as outbound:
            for _ in range(3):
                assert await ask(outbound, one) == b"1"
                assert await ask(outbound, two) == b"2"
        assert (one.accepted, two.accepted) == (1, 1)


class Refusing:
    """A watch that hangs up after the head, or after the first bytes."""

    def __init__(self, *, at_head: bool) -> None:
        self._at_head = at_head

    def opened(self, status: int, headers: Mapping[str, str]) -> None:
        del status, headers
        if self._at_head:
            raise Undecodable("refused")

    def feed(self, chunk: bytes) -> None:
        del chunk
        raise Undecodable("refused")


@pytest.mark.parametrize("at_head", [True, False])
async def test_a_connection_whose_answer_was_not_wanted_is_closed_and_not_drained(
    at_head: bool,  # noqa: FBT001 - where the watch refuses
) -> None:
    talk = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\nsome", hang_up=False)
    async with serving(talk) as server:
        transport = transport_to(server.base_url)
        async with Outbound(transport) as outbound:
            with pytest.raises(Undecodable):
                await outbound.get(
                    server.base_url, until=soon(), limit=LIMIT, watch=Refusing(at_head=at_head)
                )
            assert transport.resting == 0
            await server.deserted()


# ---- number and time ----


async def crowd(outbound: Outbound, server: WireServer, callers: int) -> None:
    await asyncio.gather(*(ask(outbound, server) for _ in range(callers)))


class Together:
    """Answers only when `number` questions stand, so that each has a connection of its own."""

    def __init__(self, number: int) -> None:
        self._barrier = asyncio.Barrier(number)

    async def __call__(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._barrier.wait()
        writer.write(FINE)


async def test_no_more_connections_are_kept_than_allowed() -> None:
    async with serving(Together(12)) as server:
        transport = transport_to(server.base_url, kept=3)
        async with Outbound(transport) as outbound:
            await crowd(outbound, server, 12)
            assert transport.resting == 3
            async with asyncio.timeout(20):
                while server.open != 3:  # noqa: ASYNC110 - a socket has no event
                    await asyncio.sleep(0.001)
        assert transport.resting == 0
        await server.deserted()


async def test_none_is_kept_longer_than_allowed() -> None:
    async with serving(replying()) as server:
        transport = transport_to(server.base_url, idle=0.05)
        async with Outbound(transport) as outbound:
            await ask(outbound, server)
            await server.deserted()
            assert transport.resting == 0


async def test_what_ends_after_the_close_is_not_kept() -> None:
    gate = asyncio.Event()

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(FINE)

    async with serving(talk) as server:
        transport = transport_to(server.base_url)
        async with Outbound(transport) as outbound:
            call = asyncio.create_task(ask(outbound, server))
            async with asyncio.timeout(20):
                while not server.heads:  # noqa: ASYNC110 - a socket has no event
                    await asyncio.sleep(0.001)
        gate.set()
        assert await call == b"fine"
        assert transport.resting == 0
        await server.deserted()


# ---- the body, read when its reader likes ----


async def opened(transport: Transport, url: str) -> httpx.Response:
    return await transport.handle_async_request(httpx.Request("GET", url))


@pytest.mark.parametrize("head", [b"", b"Content-Length: 4\r\n"])
async def test_a_body_may_be_read_after_the_peer_has_gone(head: bytes) -> None:
    async with (
        serving(saying(b"HTTP/1.1 200 OK\r\n" + head + b"\r\nfine")) as server,
        transport_to(server.base_url) as transport,
    ):
        response = await opened(transport, server.base_url)
        await settle()
        assert await response.aread() == b"fine"


async def test_a_body_that_was_cut_before_anybody_read_it_is_cut() -> None:
    async with (
        serving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfine")) as server,
        transport_to(server.base_url) as transport,
    ):
        response = await opened(transport, server.base_url)
        await settle()
        with pytest.raises(httpx.RemoteProtocolError, match="cut short"):
            await response.aread()
        await response.aclose()


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_a_body_that_nobody_reads_is_not_taken_in(
    secure: bool,  # noqa: FBT001 - over which wire
) -> None:
    piece, pieces, sent = b"0123456789abcdef" * 4096, 512, 0

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(piece) * pieces))
        for _ in range(pieces):
            writer.write(piece)
            await writer.drain()
            sent += 1

    authority = trustme.CA()
    identity = authority.issue_cert("127.0.0.1")
    async with serving_tls(talk, identity) if secure else serving(talk) as server:
        url = f"{'https' if secure else 'http'}://127.0.0.1:{server.port}/"
        guard = AddressGuard([Endpoint.of(httpx.URL(url))])
        dial = Dialer(Names(FakeLookup()), guard, trusting(authority))
        async with Transport(dial) as transport:
            response = await opened(transport, url)
            before = -1
            async with asyncio.timeout(20):
                while sent > before:
                    before = sent
                    await asyncio.sleep(0.2)
            assert sent < pieces / 2  # what the kernel's buffers take, and a little
            body = await response.aread()
            assert sent == pieces
    assert body == piece * pieces


# ---- what the transport does not speak ----


@pytest.mark.parametrize("method", ["HEAD", "PUT", "CONNECT"])
async def test_only_questions_are_spoken(method: str) -> None:
    transport = transport_to()
    with pytest.raises(httpx.UnsupportedProtocol):
        await transport.handle_async_request(httpx.Request(method, "http://127.0.0.1/"))


async def test_it_serves_a_client_of_httpx_too() -> None:
    async with serving(
        replying(body=b"fine", headers="Location: /y\r\n", status="302 F")
    ) as server:
        transport = transport_to(server.base_url)
        async with httpx.AsyncClient(transport=transport, timeout=None) as client:  # noqa: S113 - the stock client's way to say "no limit"
            answers = [await client.get(server.base_url) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(302, b"fine")] * 2
    assert server.accepted == 1
