"""One connection's life: what it may take, how it is refused, and how it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.worker.connections import LIMITS, STALL, Stage
from gateway.worker.protocol import MAX_BODY, MAX_HEAD
from tests.worker.house import FakeApp, House, eventually, opened

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.worker.house import Wire

    Connect = Callable[..., Awaitable[Wire]]

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
GET = HEAD + b"\r\n"
LAST = HEAD + b"Connection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

pytestmark = pytest.mark.anyio


@pytest.fixture
async def app() -> FakeApp:
    return FakeApp()


@pytest.fixture
async def house(app: FakeApp) -> House:
    return House(app)


async def until(house: House, stage: Stage | None, place: int = 0) -> None:
    """Wait until the connection at `place` is at `stage`."""
    await eventually(lambda: house.protocols[place].stage is stage)


async def arrived(house: House, size: int) -> None:
    """Wait until `size` bytes of the next request are there."""
    await eventually(lambda: house.protocols[0].received >= size)


async def test_a_connection_goes_through_its_stages(house: House, app: FakeApp) -> None:
    app.reads = True
    app.gate.clear()
    async with opened(house) as connect:
        wire = await connect()
        await until(house, Stage.FRESH)
        await wire.say(POST + b"ab")
        await until(house, Stage.BODY)
        await wire.say(b"cd")
        await until(house, Stage.BUSY)
        app.gate.set()
        assert (await wire.hear()).startswith(b"HTTP/1.1 200")
        await until(house, Stage.IDLE)
        await wire.say(HEAD)
        await until(house, Stage.HEAD)
        await wire.say(b"Connection: close\r\n\r\n")
        assert (await wire.rest()).startswith(b"HTTP/1.1 200")
        await until(house, Stage.CLOSING)
        wire.close()
        await until(house, None)
    assert app.bodies == [b"abcd", b""]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", b""),
        (b"G", b"HTTP/1.1 408 "),
        (HEAD, b"HTTP/1.1 408 "),
        (GET, b""),
        (GET + b"G", b"HTTP/1.1 408 "),
    ],
)
async def test_who_is_late_with_a_head_is_told_if_it_has_begun_one(
    house: House, said: bytes, told: bytes
) -> None:
    async with opened(house) as connect:
        wire = await connect()
        await wire.say(said[: len(GET)])
        if said.startswith(GET):
            assert (await wire.hear()).startswith(b"HTTP/1.1 200")
            await until(house, Stage.IDLE)
            await wire.say(said[len(GET) :])
        await arrived(house, len(said) % len(GET))
        await house.late(LIMITS[Stage.HEAD] - 0.1)
        assert len(house.connections) == 1
        await house.late(0.1)
        assert (await wire.rest())[:13] == told


async def test_drips_do_not_prolong_a_head(house: House) -> None:
    async with opened(house) as connect:
        wire = await connect()
        for number in range(4):
            await wire.say(b"GET "[number : number + 1])
            await arrived(house, number + 1)
            await house.late(1.25)
        assert (await wire.rest()).startswith(b"HTTP/1.1 408")


async def test_a_slow_body_is_cut_and_the_application_told(house: House, app: FakeApp) -> None:
    app.reads = True
    async with opened(house) as connect:
        wire = await connect()
        await wire.say(POST + b"a")
        await app.entered.wait()
        for _ in range(2):
            await house.late(LIMITS[Stage.BODY] / 2)
        assert (await wire.rest()).startswith(b"HTTP/1.1 408")
        wire.close()
        await until(house, None)
        await eventually(lambda: app.bodies)
    assert house.log.lines == []


async def test_a_body_has_a_size(house: House, app: FakeApp) -> None:
    app.reads = True
    async with opened(house) as connect:
        wire = await connect()
        await wire.say(CHUNKED)
        chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
        for _ in range(MAX_BODY // 0x10000):
            await wire.say(chunk)
        await until(house, Stage.BODY)
        await wire.say(b"1\r\na\r\n")
        assert (await wire.rest()).startswith(b"HTTP/1.1 413")


async def test_a_head_has_a_size_and_its_end_need_not_be_seen(house: House, app: FakeApp) -> None:
    fields = [b"A%d: %s\r\n" % (number, b"b" * 1000) for number in range(MAX_HEAD // 1000 + 1)]
    async with opened(house) as connect:
        endless, whole, fitting = await connect(), await connect(), await connect()
        await endless.say(HEAD + b"".join(fields))
        assert (await endless.rest()).startswith(b"HTTP/1.1 431")
        await whole.say(HEAD + b"".join(fields) + b"\r\n")
        assert (await whole.rest()).startswith(b"HTTP/1.1 431")
        await fitting.say(HEAD + b"".join(fields[:-1]) + b"\r\n" + LAST)
        assert (await fitting.rest()).count(b"HTTP/1.1 200") == 2
    assert len(app.scopes) == 2


async def test_a_head_is_not_too_long_for_what_follows_it(house: House, app: FakeApp) -> None:
    async with opened(house) as connect:
        wire = await connect()
        body = b"a" * (2 * MAX_HEAD)
        await wire.say(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        assert (await wire.hear()).startswith(b"HTTP/1.1 200")
    assert len(app.scopes) == 1


async def test_who_reads_nothing_is_cut(house: House, app: FakeApp) -> None:
    app.size = 16 * 1024 * 1024
    async with opened(house) as connect:
        wire = await connect(receives=2048)
        await wire.say(GET)
        await eventually(house.protocols[0].unsent)
        await house.late(STALL - 0.1)
        await until(house, Stage.BUSY)
        await house.late(0.1)
        await until(house, None)
        with pytest.raises(ConnectionResetError):
            await wire.rest()


async def test_who_reads_nothing_is_cut_at_the_end_too(house: House, app: FakeApp) -> None:
    """The last bytes fit into the buffer of the transport, which would wait for ever to close."""
    async with opened(house) as connect:
        wire = await connect(receives=2048)
        await wire.say(GET)
        await until(house, Stage.IDLE)
        protocol = house.protocols[0]
        assert protocol.transport is not None
        while not protocol.unsent():
            protocol.transport.write(b"a" * 30_000)  # until the kernel takes no more
        await house.late(LIMITS[Stage.IDLE])
        await until(house, Stage.IDLE)
        protocol.hang_up()
        await house.late(LIMITS[Stage.CLOSING])
        await until(house, Stage.CLOSING)
        await house.late(STALL)
        await until(house, None)
    assert len(app.scopes) == 1


async def test_a_refusal_waits_for_who_is_still_sending(house: House) -> None:
    """Or else the reset that answers the late bytes would overtake it."""
    async with opened(house) as connect:
        wire = await connect()
        await wire.say(b"nonsense\r\n")
        for _ in range(20):
            await wire.say(b"a" * 10_000)
        assert (await wire.rest()).startswith(b"HTTP/1.1 400")
        await until(house, Stage.CLOSING)
        await house.late(LIMITS[Stage.CLOSING])
        await until(house, None)


async def test_who_has_said_all_is_answered_and_gives_way(house: House, app: FakeApp) -> None:
    app.gate.clear()
    house.connections.capacity = 2
    async with opened(house) as connect:
        listening, leaving = await connect(), await connect()
        for place, wire in enumerate((listening, leaving)):
            await wire.say(GET)
            await until(house, Stage.BUSY, place)
            wire.shut()
            await until(house, Stage.DEPARTED, place)
        assert house.connections.make_room()
        app.gate.set()
        answered = await leaving.rest()
        assert answered.startswith(b"HTTP/1.1 200")
        assert b"Connection: close" in answered
        assert await listening.rest() == b""
        await until(house, None, 1)


async def test_who_leaves_in_the_middle_is_forgotten(house: House, app: FakeApp) -> None:
    app.reads = True
    async with opened(house) as connect:
        for said in (b"", b"GET", HEAD, POST + b"a"):
            wire = await connect()
            await wire.say(said)
            wire.shut()
            assert await wire.rest() == b""
        await eventually(lambda: not house.connections)


async def test_while_the_worker_stops_every_answer_is_the_last(house: House) -> None:
    async with opened(house) as connect:
        wire = await connect()
        await wire.say(GET)
        assert b"Connection: close" not in await wire.hear()
        house.stopping = True
        await wire.say(GET)
        assert b"Connection: close" in await wire.rest()


async def test_who_is_promised_another_request_may_make_it(house: House, app: FakeApp) -> None:
    """The answer had begun when the worker was told to stop: its promise is kept."""
    app.size = 8 * 1024 * 1024
    async with opened(house) as connect:
        wire = await connect(receives=100_000)
        await wire.say(GET)
        first = await wire.hear(1024)
        assert b"Connection: close" not in first
        house.stopping = True
        left = app.size - (len(first) - first.index(b"\r\n\r\n") - 4)
        while left:
            left -= len(await wire.hear(min(left, 65536)))
        await wire.say(GET)
        assert b"Connection: close" in await wire.rest()


async def test_hanging_up_before_the_first_byte_ends_everything(house: House) -> None:
    """A connection can be accepted and unwanted before asyncio has made it."""
    early, late = house.protocol(), house.protocol()
    early.hang_up()
    late.cut()
    async with asyncio.timeout(10):
        for protocol in (early, late):
            server = await house.loop.create_server(lambda: protocol, "127.0.0.1", 0)  # noqa: B023 - used before the next
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await reader.read() == b""
            writer.close()
            server.close()
            await server.wait_closed()
        await eventually(lambda: not house.connections)


async def test_an_application_without_an_answer_is_a_500(house: House, app: FakeApp) -> None:
    app.silent = True
    async with opened(house) as connect:
        wire = await connect()
        await wire.say(LAST)
        assert (await wire.rest()).startswith(b"HTTP/1.1 500")


async def test_nothing_is_said_in_the_middle_of_an_answer(house: House, app: FakeApp) -> None:
    app.size = 8 * 1024 * 1024
    async with opened(house) as connect:
        wire = await connect(receives=100_000)
        await wire.say(CHUNKED)
        await eventually(house.protocols[0].unsent)
        await wire.say(b"nonsense\r\n")
        await until(house, Stage.CLOSING)
        assert (await wire.rest()).count(b"HTTP/1.1") == 1


async def test_absolute_form_replaces_the_host(house: House, app: FakeApp) -> None:
    async with opened(house) as connect:
        wire = await connect()
        await wire.say(b"GET http://a:80/b?c HTTP/1.1\r\nX: y\r\nHost: z\r\n\r\n")
        await wire.hear()
    [scope] = app.scopes
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/b", b"/b", b"c")
    assert scope["headers"] == [(b"host", b"a:80"), (b"x", b"y")]


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_it_does_not_matter_how_a_request_is_cut(
    house: House, app: FakeApp, size: int
) -> None:
    app.reads = True
    said = GET + POST + b"abcd" + CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + LAST
    async with opened(house) as connect:
        wire = await connect()
        for start in range(0, len(said), size):
            await wire.say(said[start : start + size])
            await asyncio.sleep(0)
        assert (await wire.rest()).count(b"HTTP/1.1 200") == 4
    assert app.bodies == [b"", b"abcd", b"abc", b""]
