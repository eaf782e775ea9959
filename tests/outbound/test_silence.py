"""No token and no signed URL leaves the room but over the wire: not at DEBUG, not in any repr."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from gateway.errors import AvatarUnavailable, PhotoGone
from gateway.outbound import AddressGuard, Dialer, Names, Outbound, Transport
from tests.fakes import FakeLookup, outbound_to, replying, serving, settle, tls
from tests.outbound.wire import LIMIT, resetting, saying, serving_tls, silence, soon

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.fakes import Talk

TOKEN = "m4rked-t0ken"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both loops in debug mode, which log what they run."""
    return "asyncio", {"use_uvloop": request.param, "debug": True}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    """Everything that anybody logs, at whatever level."""
    with caplog.at_level(logging.DEBUG):
        for name in ("httpx", "httpcore", "asyncio", ""):
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield caplog.records
        for name in ("httpx", "httpcore", "asyncio"):
            logging.getLogger(name).setLevel(logging.NOTSET)


def everything_said(records: list[logging.LogRecord]) -> str:
    return "\n".join(f"{logging.Formatter().format(record)} {vars(record)}" for record in records)


def everything_in(error: BaseException) -> str:
    """The error's text, and what a careless logger could find by following it."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    found = ["".join(told.format()), repr(error), str(error.args), str(vars(error))]
    behind = [other for other in (error.__cause__, error.__context__) if other is not None]
    return "\n".join(found + [everything_in(other) for other in behind])


def chatty(loop: asyncio.AbstractEventLoop) -> None:
    """Let the loop tell of every step that it takes."""
    loop.slow_callback_duration = 0.0


class Refusal:
    def opened(self, status: int, headers: Mapping[str, str]) -> None:
        del status, headers
        raise PhotoGone("the CDN no longer serves this URL")

    def feed(self, chunk: bytes) -> None: ...


async def outcome(outbound: Outbound, base: str, **more: Any) -> BaseException | None:  # noqa: ANN401 - arguments of `get`
    """Ask with a token in path, query and parameters; this frame itself never holds it."""
    try:
        await outbound.get(f"{base}/{TOKEN}?t={TOKEN}", params={"access_token": TOKEN}, **more)
    except Exception as error:  # noqa: BLE001 - whatever comes out is what is looked at
        return error
    return None


ECHO = f"HTTP/1.1 302 F\r\nLocation: /{TOKEN}\r\nX-{TOKEN}: {TOKEN}\r\n".encode()
FAULTS: dict[str, Talk] = {
    "silent": silence,
    "reset": resetting(b"HTTP/1.1 200 OK\r\nX: " + TOKEN.encode()),
    "garbage": saying(TOKEN.encode() + b"\r\n\r\n"),
    "a strange field": saying(ECHO + TOKEN.encode() + b"\x00: 1\r\n\r\n"),
    "a cut body": saying(ECHO + b"Content-Length: 99\r\n\r\n" + TOKEN.encode()),
    "a strange chunk": saying(ECHO + b"Transfer-Encoding: chunked\r\n\r\n" + TOKEN.encode() * 999),
    "a long body": saying(ECHO + b"\r\n" + TOKEN.encode() * 99_999),
}


@pytest.mark.parametrize("manner", FAULTS)
async def test_an_error_of_the_wire_knows_nothing_of_the_question(
    manner: str, lines: list[logging.LogRecord]
) -> None:
    chatty(asyncio.get_running_loop())
    async with serving(FAULTS[manner]) as server, outbound_to(server.base_url) as outbound:
        error = await outcome(outbound, server.base_url, until=soon(0.3), limit=LIMIT)
    assert isinstance(error, AvatarUnavailable)
    assert error.__context__ is None
    assert TOKEN not in everything_in(error)
    assert TOKEN not in everything_said(lines)


@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:1",
        f"http://{TOKEN}.example",
        f"http://inside.{TOKEN}.example",
        "http://127.1",
        "ftp://x.example",
        "https://[::1",
        "http://x.example:99999",
        "https://\u2100.example",
    ],
)
async def test_nor_does_an_error_before_the_wire(base: str, lines: list[logging.LogRecord]) -> None:
    chatty(asyncio.get_running_loop())
    names = Names(FakeLookup({f"inside.{TOKEN}.example": ["10.0.0.1"]}))
    async with Outbound(Transport(Dialer(names, AddressGuard(), tls()))) as outbound:
        error = await outcome(outbound, base, until=soon(), limit=LIMIT)
    assert isinstance(error, AvatarUnavailable)
    assert error.__context__ is None
    # The host stands in the test's own frame: only what the room says is looked at.
    assert TOKEN not in f"{error} {error!r} {vars(error)}"
    assert not [line for line in lines if line.name.partition(".")[0] in {"httpx", "httpcore"}]


async def test_nor_does_a_failed_handshake(lines: list[logging.LogRecord]) -> None:
    told: list[str] = []  # in debug mode the server complains of the handshake too
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(str(what)))
    stranger = trustme.CA().issue_cert("127.0.0.1")
    async with serving_tls(replying(), stranger) as server:
        base = f"https://127.0.0.1:{server.port}"
        async with outbound_to(base) as outbound:
            error = await outcome(outbound, base, until=soon(), limit=LIMIT)
    assert isinstance(error, AvatarUnavailable)
    assert TOKEN not in everything_in(error) + everything_said(lines) + str(told)


async def test_nor_does_what_a_watch_raises(lines: list[logging.LogRecord]) -> None:
    async with serving(replying(body=b"x")) as server, outbound_to(server.base_url) as outbound:
        error = await outcome(outbound, server.base_url, until=soon(), limit=LIMIT, watch=Refusal())
    assert isinstance(error, PhotoGone)
    assert TOKEN not in everything_in(error) + everything_said(lines)


async def test_a_call_that_succeeds_says_nothing(lines: list[logging.LogRecord]) -> None:
    chatty(asyncio.get_running_loop())
    talk = saying(ECHO + b"Content-Length: 12\r\n\r\n" + TOKEN.encode(), hang_up=False)
    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        for _ in range(2):
            assert await outcome(outbound, server.base_url, until=soon(), limit=LIMIT) is None
        assert server.accepted == 1
    assert TOKEN not in everything_said(lines)
    assert not [line for line in lines if line.name.partition(".")[0] in {"httpx", "httpcore"}]


async def test_no_object_of_the_room_shows_what_it_holds() -> None:
    talk = saying(ECHO + b"Content-Length: 99\r\n\r\n", hang_up=False)
    async with serving(talk) as server, outbound_to(server.base_url) as outbound:
        call = asyncio.create_task(outcome(outbound, server.base_url, until=soon(), limit=LIMIT))
        async with asyncio.timeout(20):
            while not server.heads:  # noqa: ASYNC110 - a socket has no event
                await asyncio.sleep(0.001)
        await settle()
        shown = {
            type(thing).__name__: repr(thing)
            for thing in gc.get_objects()
            if str(type(thing).__module__).startswith("gateway.outbound")
        }
        assert TOKEN not in repr(call)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    held = {"Outbound", "Transport", "Connection", "Head", "_Stream", "Pool", "Dialer"}
    assert held <= set(shown)
    assert TOKEN not in str(shown)
