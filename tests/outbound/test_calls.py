"""What leaves the house: bounded, bare of everything that was not asked for, and silent."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.errors import (
    AvatarUnavailable,
    Blocked,
    PhotoGone,
    TimedOut,
    Undecodable,
    Unreachable,
    UpstreamFailed,
)
from gateway.model import OriginPattern
from gateway.outbound import AddressGuard, Dialer, Names, Outbound, Reply, Transport
from tests.fakes import FakeLookup, outbound_to, replying, serving, settle, tls
from tests.outbound.wire import (
    LIMIT,
    dripping,
    flooding,
    hung_up,
    resetting,
    saying,
    silence,
    soon,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from tests.fakes import Talk

SECRET = "s3cret-t0ken"


@asynccontextmanager
async def mocked(
    handler: Callable[[httpx.Request], httpx.Response], *, connections: int = 32
) -> AsyncIterator[Outbound]:
    transport = httpx.MockTransport(handler)
    async with Outbound(transport=transport, connections=connections) as outbound:
        yield outbound


def answering(
    body: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None
) -> Callable[[httpx.Request], httpx.Response]:
    """A handler whose answers can be read as they come over the wire."""

    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(body))

    return handle


class Diary:
    """A watch that writes down what it sees, and raises where it is told to."""

    def __init__(
        self, *, at_head: Exception | None = None, at_body: Exception | None = None
    ) -> None:
        self.seen: list[int | bytes] = []
        self.headers: Mapping[str, str] = {}
        self._at_head = at_head
        self._at_body = at_body

    def opened(self, status: int, headers: Mapping[str, str]) -> None:
        self.seen.append(status)
        self.headers = headers
        if self._at_head is not None:
            raise self._at_head

    def feed(self, chunk: bytes) -> None:
        self.seen.append(chunk)
        if self._at_body is not None:
            raise self._at_body


# ---- the answer ----


async def test_an_answer_is_handed_over_whole() -> None:
    talk = replying(status="404 Not Found", headers="X-One: 1\r\nx-one: 2\r\n", body=b"nothing")
    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        reply = await outbound.get(server.base_url + "/x", until=soon(), limit=LIMIT)
    assert (reply.status, reply.body) == (404, b"nothing")
    assert reply.headers["x-one"] == "1, 2"
    assert reply.headers["content-length"] == "7"


async def test_chunks_are_put_together() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with serving(saying(raw)) as server, outbound_to(server.base_url) as outbound:
        reply = await outbound.get(server.base_url, until=soon(), limit=LIMIT)
    assert reply.body == b"abcde"


def test_an_answer_shows_neither_headers_nor_body() -> None:
    shown = repr(Reply(200, {"location": SECRET}, SECRET.encode()))
    assert SECRET not in shown


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "x-unknown"])
@pytest.mark.parametrize("body", [gzip.compress(b"x" * 100_000), b"not encoded at all"])
async def test_an_encoded_body_stays_encoded(encoding: str, body: bytes) -> None:
    talk = replying(headers=f"Content-Encoding: {encoding}\r\n", body=body)
    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        reply = await outbound.get(server.base_url, until=soon(), limit=LIMIT)
    assert reply.body == body
    assert reply.headers["content-encoding"] == encoding


# ---- the question ----

EVERYWHERE = {
    name: "http://127.0.0.1:9/"
    for scheme in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    for name in (scheme, scheme.lower())
}


async def test_a_request_says_this_and_nothing_else() -> None:
    async with serving(replying()) as server, outbound_to(server.base_url) as outbound:
        await outbound.get(server.base_url + "/a/b?x=%20y", until=soon(), limit=LIMIT)
    (head,) = server.heads
    host = server.base_url.removeprefix("http://")
    request, *lines = head.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert request == "GET /a/b?x=%20y HTTP/1.1"
    fields = dict(line.split(": ", 1) for line in lines)
    assert len(fields) == len(lines)
    assert {name.lower(): value for name, value in fields.items()} == {
        "host": host,
        "user-agent": "avatar-gateway",
        "accept": "*/*",
        "accept-encoding": "identity",
    }


async def test_parameters_stand_in_the_query_escaped() -> None:
    async with serving(replying()) as server, outbound_to(server.base_url) as outbound:
        await outbound.get(
            server.base_url + "/p", until=soon(), limit=LIMIT, params={"a": "1&b=2", "c": "@ é"}
        )
    request = server.heads[0].split(b"\r\n", 1)[0].decode()
    query = httpx.URL(request.split(" ")[1]).params
    assert query.multi_items() == [("a", "1&b=2"), ("c", "@ é")]


async def test_a_signed_query_goes_out_as_it_came() -> None:
    target = "/v/t61.24694-24/1_n.jpg?ccb=11-4&oh=01_a-b~c&oe=66BC702E&x=%2F%41+;,@:'()*!$"
    async with serving(replying()) as server, outbound_to(server.base_url) as outbound:
        await outbound.get(server.base_url + target, until=soon(), limit=LIMIT)
    assert server.heads[0].split(b" ")[1].decode() == target


@pytest.mark.parametrize(
    "cookie",
    [
        "a=1",
        "a=1; Path=/; Max-Age=1000",
        "a=1; Domain=127.0.0.1",
        "a=1; Domain=.local",
        "a=1; Version=1\r\nSet-Cookie2: b=2; Version=1",
        "\xff=;;=,,",
    ],
)
async def test_no_cookie_is_kept(cookie: str) -> None:
    talk = replying(headers=f"Set-Cookie: {cookie}\r\n")
    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        for _ in range(3):
            await outbound.get(server.base_url, until=soon(), limit=LIMIT)
    assert len(server.heads) == 3
    assert not any(b"cookie" in head.lower() for head in server.heads)


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(replying(body=b"proxy")) as proxy, serving(replying(body=b"own")) as server:
        for name in EVERYWHERE:
            monkeypatch.setenv(name, proxy.base_url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with outbound_to(server.base_url) as outbound:
            reply = await outbound.get(server.base_url, until=soon(), limit=LIMIT)
    assert reply.body == b"own"
    assert proxy.heads == []


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_a_redirect_is_an_answer_like_any_other(status: str) -> None:
    async with serving(replying(body=b"elsewhere")) as elsewhere:
        headers = f"Location: {elsewhere.base_url}\r\n"
        talk = replying(status=status, headers=headers, body=b"moved")
        async with serving(talk) as server, outbound_to(server.base_url) as outbound:
            reply = await outbound.get(server.base_url, until=soon(), limit=LIMIT)
    assert (reply.status, reply.body) == (int(status[:3]), b"moved")
    assert len(server.heads) == 1
    assert elsewhere.heads == []


# ---- time ----

SLOW: dict[str, Talk] = {
    "silent": silence,
    "half a head, then silent": saying(b"HTTP/1.1 200 OK\r\nX", hang_up=False),
    "half a body, then silent": saying(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", hang_up=False
    ),
    "a head, line by line": dripping(b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
    "a body, byte by byte": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
    "chunks, one by one": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"
    ),
}


@pytest.mark.parametrize("manner", SLOW)
async def test_all_of_a_call_is_over_in_time(manner: str) -> None:
    async with serving(SLOW[manner]) as server, outbound_to(server.base_url) as outbound:
        until = soon(0.5)
        async with asyncio.timeout(1.0):
            with pytest.raises(TimedOut, match="did not answer in time"):
                await outbound.get(server.base_url, until=until, limit=LIMIT)
        await hung_up(server.closed)


async def test_a_silent_handshake_is_over_in_time() -> None:
    async with serving(silence) as server:
        url = server.base_url.replace("http:", "https:")
        outbound = outbound_to(url)
        until = soon(0.5)
        async with asyncio.timeout(1.0):
            with pytest.raises(TimedOut):
                await outbound.get(url, until=until, limit=LIMIT)


@pytest.mark.parametrize("late", [0.0, 3600.0])
async def test_who_has_no_time_left_asks_nobody(late: float) -> None:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    async with mocked(handle) as outbound:
        with pytest.raises(TimedOut, match="no time was left"):
            await outbound.get("https://x.example/", until=soon(-late), limit=LIMIT)
    assert asked == []


# ---- number ----


class Turnstile(httpx.AsyncBaseTransport):
    """Answers while `gate` is open, and counts who is inside."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.entered = 0
        self.inside = 0
        self.most = 0
        self.closings = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        del request
        self.entered += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.gate.wait()
        finally:
            self.inside -= 1
        return httpx.Response(200, stream=httpx.ByteStream(b"in"))

    async def aclose(self) -> None:
        self.closings += 1


async def test_no_more_calls_at_a_time_than_connections() -> None:
    turnstile = Turnstile()
    async with Outbound(connections=3, transport=turnstile) as outbound:
        calls = [
            asyncio.create_task(outbound.get("https://x.example/", until=soon(), limit=LIMIT))
            for _ in range(30)
        ]
        await settle()
        assert (turnstile.entered, turnstile.inside) == (3, 3)
        turnstile.gate.set()
        replies = await asyncio.gather(*calls)
    assert {reply.body for reply in replies} == {b"in"}
    assert (turnstile.entered, turnstile.most) == (30, 3)


async def test_waiting_for_a_turn_counts_as_time() -> None:
    turnstile = Turnstile()
    async with Outbound(connections=1, transport=turnstile) as outbound:
        first = asyncio.create_task(outbound.get("https://x.example/", until=soon(), limit=LIMIT))
        await settle()
        with pytest.raises(TimedOut):
            await outbound.get("https://x.example/", until=soon(0.05), limit=LIMIT)
        assert turnstile.entered == 1
        turnstile.gate.set()
        assert (await first).body == b"in"


async def test_who_leaves_gives_the_turn_to_the_next() -> None:
    turnstile = Turnstile()
    async with Outbound(connections=1, transport=turnstile) as outbound:
        calls = [
            asyncio.create_task(outbound.get("https://x.example/", until=soon(), limit=LIMIT))
            for _ in range(3)
        ]
        await settle()
        calls[0].cancel()  # inside
        calls[1].cancel()  # in the queue
        await settle()
        assert (turnstile.entered, turnstile.inside) == (2, 1)
        turnstile.gate.set()
        assert (await calls[2]).body == b"in"
    assert calls[0].cancelled()
    assert calls[1].cancelled()


async def test_a_caller_who_leaves_takes_the_connection_along() -> None:
    async with serving(silence) as server, outbound_to(server.base_url, connections=1) as outbound:
        for _ in range(3):
            server.closed.clear()
            asked = len(server.heads)
            call = asyncio.create_task(outbound.get(server.base_url, until=soon(), limit=LIMIT))
            async with asyncio.timeout(20):
                while len(server.heads) == asked:  # noqa: ASYNC110 - a socket has no event
                    await asyncio.sleep(0.001)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await hung_up(server.closed)


async def test_a_cdn_that_hangs_holds_up_no_question_to_the_api() -> None:
    """Two ways out share names and TLS, but neither slots nor trust."""
    names = Names(FakeLookup({"api.example": ["127.0.0.1"], "cdn.example": ["127.0.0.1"]}))
    async with serving(silence) as cdn, serving(replying(body=b"answer")) as api:
        question = f"http://api.example:{api.port}/"
        picture = f"http://127.0.0.1:{cdn.port}/"
        origins = [OriginPattern.parse(picture)]
        asking = Transport(Dialer(names, AddressGuard.trusting(question), tls()))
        fetching = Transport(Dialer(names, AddressGuard.for_origins(origins), tls()))
        async with Outbound(asking, connections=1) as first, Outbound(fetching) as second:
            for outbound, url in ((first, picture), (second, question)):
                with pytest.raises(Blocked):
                    await outbound.get(url, until=soon(), limit=LIMIT)
            hanging = [
                asyncio.create_task(second.get(picture, until=soon(), limit=LIMIT))
                for _ in range(40)
            ]
            await settle()
            assert (await first.get(question, until=soon(), limit=LIMIT)).body == b"answer"
            for call in hanging:
                call.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)


# ---- bytes ----

ENDINGS: dict[str, Callable[[bytes], bytes]] = {
    "declared": lambda body: f"Content-Length: {len(body)}\r\n\r\n".encode() + body,
    "ended by closing": lambda body: b"\r\n" + body,
    "in chunks": lambda body: (
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_body_may_be_as_long_as_the_limit_and_no_longer(ending: str) -> None:
    for length, fits in ((LIMIT, True), (LIMIT + 1, False)):
        raw = b"HTTP/1.1 200 OK\r\n" + ENDINGS[ending](b"x" * length)
        async with serving(saying(raw)) as server, outbound_to(server.base_url) as outbound:
            if fits:
                reply = await outbound.get(server.base_url, until=soon(), limit=LIMIT)
                assert reply.body == b"x" * LIMIT
            else:
                with pytest.raises(UpstreamFailed, match="larger than we take"):
                    await outbound.get(server.base_url, until=soon(), limit=LIMIT)


@pytest.mark.parametrize("declared", [LIMIT + 1, 10**9, 10**19])
async def test_a_body_that_is_declared_too_long_is_not_waited_for(declared: int) -> None:
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: {declared}\r\n\r\n".encode()
    async with (
        serving(saying(raw, hang_up=False)) as server,
        outbound_to(server.base_url) as outbound,
    ):
        with pytest.raises(UpstreamFailed, match="larger than we take"):
            await outbound.get(server.base_url, until=soon(), limit=LIMIT)
        await hung_up(server.closed)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n",
    ],
)
async def test_an_endless_body_is_left_at_the_limit_and_not_drained(head: bytes) -> None:
    async with serving(flooding(head)) as server, outbound_to(server.base_url) as outbound:
        with pytest.raises(UpstreamFailed, match="larger than we take"):
            await outbound.get(server.base_url, until=soon(), limit=LIMIT)
        await hung_up(server.closed)


@pytest.mark.parametrize(
    "declared", ["-1", "\u00b2", "1_0", "0x10", "", " ", "5, 5", "99999999999a"]
)
async def test_a_length_that_is_no_number_is_not_read_as_one(declared: str) -> None:
    handler = answering(b"body", [(b"Content-Length", declared.encode("latin-1"))])
    async with mocked(handler) as outbound:
        reply = await outbound.get("https://x.example/", until=soon(), limit=LIMIT)
    assert reply.body == b"body"


# ---- the watch ----


async def test_a_watch_sees_the_head_first_and_then_all_of_the_body() -> None:
    diary = Diary()
    talk = replying(headers="X-Kind: Test\r\n", body=b"x" * 200_000)
    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        reply = await outbound.get(server.base_url, until=soon(), limit=2**20, watch=diary)
    status, *chunks = diary.seen
    assert status == 200
    assert diary.headers["x-kind"] == "Test"
    assert b"".join(chunk for chunk in chunks if isinstance(chunk, bytes)) == reply.body


async def test_a_watch_that_refuses_the_head_hangs_up_before_the_body() -> None:
    refusal = PhotoGone("gone")
    diary = Diary(at_head=refusal)
    talk = flooding(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        with pytest.raises(PhotoGone) as caught:
            await outbound.get(server.base_url, until=soon(), limit=LIMIT, watch=diary)
        await hung_up(server.closed)
    assert caught.value is refusal
    assert diary.seen == [403]


async def test_a_watch_that_refuses_a_byte_hangs_up_there() -> None:
    refusal = Undecodable("no picture")
    diary = Diary(at_body=refusal)
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n<"
    async with (
        serving(saying(raw, hang_up=False)) as server,
        outbound_to(server.base_url) as outbound,
    ):
        with pytest.raises(Undecodable) as caught:
            await outbound.get(server.base_url, until=soon(), limit=LIMIT, watch=diary)
        await hung_up(server.closed)
    assert caught.value is refusal
    assert diary.seen == [200, b"<"]


async def test_a_refusal_keeps_no_other_call_waiting() -> None:
    talk = flooding(b"HTTP/1.1 200 OK\r\n\r\n")
    async with serving(talk) as server, outbound_to(server.base_url, connections=1) as outbound:
        for _ in range(5):
            with pytest.raises(Undecodable):
                await outbound.get(
                    server.base_url,
                    until=soon(),
                    limit=LIMIT,
                    watch=Diary(at_body=Undecodable("x")),
                )


# ---- the wall ----


def exceptions_of_httpx() -> Iterator[type[Exception]]:
    """Every exception that httpx has, exported or not."""
    found = [
        kind
        for kind in vars(httpx).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    for kind in found:
        found += [sub for sub in kind.__subclasses__() if sub not in found]
    return (kind for kind in found if kind.__module__.partition(".")[0] == "httpx")


FOREIGN = sorted(exceptions_of_httpx(), key=lambda kind: kind.__name__)
OTHERS = [OSError, ConnectionResetError, ssl.SSLError, socket.gaierror, TimeoutError, UnicodeError]


def made(kind: type[Exception]) -> Exception:
    """One of `kind` that carries a secret, however its constructor wants to be called."""
    error = kind.__new__(kind, SECRET)
    error.args = (SECRET,)
    return error


class Breaking(httpx.AsyncBaseTransport, httpx.AsyncByteStream):
    """Raises `error` before the answer, within its body or at its end."""

    def __init__(self, error: Exception, place: str) -> None:
        self._error = error
        self._place = place

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        del request
        self._break("head")
        return httpx.Response(200, stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"some"
        self._break("body")

    async def aclose(self) -> None:
        self._break("end")

    def _break(self, place: str) -> None:
        if place == self._place:
            self._place = ""
            raise self._error


def test_every_exception_of_httpx_is_looked_at() -> None:
    assert {
        httpx.HTTPError,
        httpx.HTTPStatusError,
        httpx.InvalidURL,
        httpx.CookieConflict,
        httpx.StreamError,
        httpx.StreamConsumed,
        httpx.PoolTimeout,
        httpx.RemoteProtocolError,
    } <= set(FOREIGN)


@pytest.mark.parametrize("place", ["head", "body", "end"])
@pytest.mark.parametrize("kind", [*FOREIGN, *OTHERS], ids=lambda kind: kind.__name__)
async def test_no_foreign_error_passes_the_wall(kind: type[Exception], place: str) -> None:
    wanted = TimedOut if issubclass(kind, httpx.TimeoutException | TimeoutError) else Unreachable
    async with Outbound(transport=Breaking(made(kind), place)) as outbound:
        with pytest.raises(AvatarUnavailable) as caught:
            await outbound.get(f"https://x.example/?t={SECRET}", until=soon(), limit=LIMIT)
    error = caught.value
    assert type(error) is wanted
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET not in str(error) + repr(error)
    assert SECRET not in "".join(traceback.format_exception(error))


async def test_a_bug_passes_the_wall_as_what_it_is() -> None:
    bug = KeyError("a bug of ours")
    async with mocked(answering(b"body")) as outbound:
        with pytest.raises(KeyError) as caught:
            await outbound.get(
                "https://x.example/", until=soon(), limit=LIMIT, watch=Diary(at_body=bug)
            )
    assert caught.value is bug


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "x",
        "//x.example/",
        "http://",
        "https://[::1",
        "https://x.example:99999999/",
        "https://x.example/\ud800",
        "https://\u2100.example/",
        "https://x.example/\x00",
        "https://x.example/" + "a" * 70_000,
        "ftp://x.example/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "https://" + "a" * 64 + ".invalid/",
        "http://127.0.0.1:0/",
    ],
)
async def test_a_url_that_leads_nowhere_is_a_failure(url: str) -> None:
    async with outbound_to("http://127.0.0.1:0") as outbound:
        with pytest.raises(UpstreamFailed, match=r"could not be (reached|resolved)"):
            await outbound.get(url, until=soon(), limit=LIMIT)


# ---- broken servers ----

BROKEN: dict[str, Talk] = {
    "a reset within the body": resetting(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
    "no answer": saying(b""),
    "a reset before the answer": resetting(b""),
    "a reset within the head": resetting(b"HTTP/1.1 200 OK\r\n"),
    "garbage": saying(b"\x00\x01\x02garbage\r\n\r\n"),
    "garbage status line": saying(b"HTTP/1.1 OK 200\r\n\r\n"),
    "another protocol": saying(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a header without a name": saying(b"HTTP/1.1 200 OK\r\n: x\r\n\r\n"),
    "a header with NUL": saying(b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n"),
    "interim answers without end": flooding(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
    "a head that ends too soon": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
    "a head of 200 KB": saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n"),
    "an endless head": flooding(b"HTTP/1.1 200 OK\r\nX: "),
    "a body that ends too soon": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"),
    "two lengths": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    "a negative length": saying(b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc"),
    "a length of thirty digits": saying(
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\nabc"
    ),
    "a length of words": saying(b"HTTP/1.1 200 OK\r\nContent-Length: three\r\n\r\nabc"),
    "a chunk of no length": saying(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc"
    ),
    "chunks that end too soon": saying(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    ),
}


@pytest.mark.parametrize("manner", BROKEN)
async def test_a_broken_answer_is_a_failure_and_never_half_an_answer(manner: str) -> None:
    async with serving(BROKEN[manner]) as server, outbound_to(server.base_url) as outbound:
        with pytest.raises(UpstreamFailed, match="could not be reached") as caught:
            await outbound.get(f"{server.base_url}/?t={SECRET}", until=soon(), limit=LIMIT)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_a_refused_connection_is_a_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        origin = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with outbound_to(origin) as outbound:
            with pytest.raises(UpstreamFailed, match="ConnectionRefusedError"):
                await outbound.get(origin, until=soon(), limit=LIMIT)


async def test_a_server_without_tls_is_not_spoken_to_in_clear() -> None:
    async with serving(replying(body=b"plain")) as server:
        url = server.base_url.replace("http:", "https:")
        outbound = outbound_to(url)
        with pytest.raises((UpstreamFailed, TimedOut)):
            await outbound.get(f"{url}/{SECRET}", until=soon(2), limit=LIMIT)
    assert not any(SECRET.encode() in head for head in server.heads)


# ---- questions with a body, and keys in headers ----


async def test_a_document_is_posted_as_json_with_its_length() -> None:
    bodies: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await reader.readexactly(24))
        await replying(body=b"{}")(reader, writer)

    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        for _ in range(2):  # the second on the same connection
            reply = await outbound.post(
                f"{server.base_url}/chat/x",
                {"number": "15551234567"},
                until=soon(),
                limit=LIMIT,
                headers={"apikey": SECRET},
            )
            assert (reply.status, reply.body) == (200, b"{}")
    assert bodies == [b'{"number":"15551234567"}'] * 2
    head = server.heads[0].decode()
    assert head.startswith("POST /chat/x HTTP/1.1\r\n")
    fields = {line.lower() for line in head.split("\r\n")[1:]}
    assert fields >= {"content-length: 24", "content-type: application/json", f"apikey: {SECRET}"}
    assert fields >= {"accept-encoding: identity", "user-agent: avatar-gateway"}
    assert server.accepted == 1


@pytest.mark.parametrize("key", ["a\r\nX-Other: b", "a\nb", "a\rb", "schlüssel", "\udc80"])
async def test_a_key_that_no_header_can_hold_is_not_sent(key: str) -> None:
    async with serving(replying()) as server, outbound_to(server.base_url) as outbound:
        keys = {"apikey": key}
        for asking in (
            outbound.get(server.base_url, until=soon(), limit=LIMIT, headers=keys),
            outbound.post(server.base_url, {}, until=soon(), limit=LIMIT, headers=keys),
        ):
            with pytest.raises(Unreachable) as caught:
                await asking
            assert key not in "".join(traceback.format_exception(caught.value))
        assert server.heads == []


async def test_a_failed_question_leaves_no_secret_in_its_traceback() -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(SECRET)

    async with mocked(fail) as outbound:
        with pytest.raises(Unreachable) as caught:
            await outbound.post(
                f"http://127.0.0.1/{SECRET}",
                {"number": SECRET},
                until=soon(),
                limit=LIMIT,
                headers={"apikey": SECRET},
            )
    trace = caught.value.__traceback__
    frames = []
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    inside = [frame for frame in frames if "gateway" in frame.f_code.co_filename]
    assert inside
    assert not any(SECRET in repr(value) for frame in inside for value in frame.f_locals.values())
