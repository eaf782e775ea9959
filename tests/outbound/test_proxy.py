"""Through a proxy: it learns who is asked and nothing else, and whoever is asked proves it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from gateway.errors import Blocked, TimedOut, Unreachable, UpstreamFailed
from gateway.outbound import AddressGuard, Dialer, Names, Outbound, Proxy, ProxyDialer, Transport
from gateway.outbound.address import Endpoint
from tests.fakes import FakeLookup, replying, serving
from tests.outbound.wire import LIMIT, saying, serving_tls, silence, soon, trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes import Talk, WireServer

HOST = "pps.whatsapp.net"
PROXY = "proxy.example.com"
CA = trustme.CA()
TRUSTING = trusting(CA)
USER = "http://clerk:s%20cret@proxy.example.com:{port}"


def tunnel(port: int) -> Talk:
    """Lead whoever asks to `port` of this machine, wherever they want to go."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
            sink.close()

        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            back.close()

    return talk


@asynccontextmanager
async def through(
    port: int, url: str = "http://proxy.example.com:{port}", guard: AddressGuard | None = None
) -> AsyncIterator[Outbound]:
    """A way out through a proxy on `port` of this machine; nothing else can be looked up."""
    names = Names(FakeLookup({PROXY: ["127.0.0.1"]}))
    proxy = Proxy.of(url.format(port=port))
    judge = guard or AddressGuard()
    dialer = ProxyDialer(
        proxy,
        dial=Dialer(names, AddressGuard([proxy.endpoint]), TRUSTING),
        direct=Dialer(names, judge, TRUSTING),
        guard=judge,
        tls=TRUSTING,
    )
    async with Outbound(Transport(dialer)) as outbound:
        yield outbound


@asynccontextmanager
async def host(identity: str = HOST) -> AsyncIterator[WireServer]:
    async with serving_tls(replying(body=b"secure"), CA.issue_cert(identity)) as server:
        yield server


async def ask(outbound: Outbound, url: str = f"https://{HOST}/v/x.jpg?oh=1") -> bytes:
    return (await outbound.get(url, until=soon(), limit=LIMIT)).body


async def test_a_host_is_asked_through_a_tunnel_that_is_kept() -> None:
    async with host() as server, serving(tunnel(server.port)) as proxy:
        async with through(proxy.port) as outbound:
            for _ in range(3):
                assert await ask(outbound) == b"secure"
        await proxy.deserted()
    lead = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode()
    assert proxy.heads == [lead]
    assert len(server.heads) == 3
    assert b"proxy" not in b"".join(server.heads).lower()


async def test_the_proxy_is_told_its_user_and_nobody_else_is() -> None:
    async with (
        host() as server,
        serving(tunnel(server.port)) as proxy,
        through(proxy.port, USER) as outbound,
    ):
        assert await ask(outbound) == b"secure"
    assert b"\r\nProxy-Authorization: Basic Y2xlcms6cyBjcmV0\r\n" in proxy.heads[0]
    assert b"uthorization" not in server.heads[0]


async def test_a_proxy_may_be_reached_over_tls() -> None:
    async with (
        host() as server,
        serving_tls(tunnel(server.port), CA.issue_cert(PROXY)) as proxy,
        through(proxy.port, "https://proxy.example.com:{port}") as outbound,
    ):
        assert await ask(outbound) == b"secure"


async def test_a_host_in_a_tunnel_proves_its_name() -> None:
    async with (
        host("evil.example") as server,
        serving(tunnel(server.port)) as proxy,
        through(proxy.port) as outbound,
    ):
        with pytest.raises(UpstreamFailed, match="SSLCertVerificationError"):
            await ask(outbound)
    assert server.heads == []


REFUSALS = {
    "403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nsecret",
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
    "nonsense": b"220 smtp.example.com\r\n\r\n",
    "nothing": b"",
    "more than it was asked for": b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("answer", REFUSALS)
async def test_a_proxy_that_does_not_lead_there_is_an_upstream_that_fails(answer: str) -> None:
    async with (
        serving(saying(REFUSALS[answer])) as proxy,
        through(proxy.port, USER) as outbound,
    ):
        with pytest.raises((Unreachable, UpstreamFailed)) as failure:
            await ask(outbound)
        if answer.isdigit():
            assert f"the proxy refused to lead there (status {answer})" in str(failure.value)
        assert "secret" not in str(failure.value)
        await proxy.deserted()


async def test_a_proxy_that_hangs_is_left_in_time() -> None:
    async with serving(silence) as proxy, through(proxy.port) as outbound:
        with pytest.raises(TimedOut):
            await outbound.get(f"https://{HOST}/", until=soon(0.2), limit=LIMIT)
        await proxy.deserted()


async def test_a_tunnel_is_left_at_any_moment_without_a_trace() -> None:
    async with host() as server, serving(tunnel(server.port)) as proxy:
        for moment in range(40):
            async with through(proxy.port) as outbound:
                call = asyncio.create_task(ask(outbound))
                for _ in range(moment):
                    await asyncio.sleep(0)
                call.cancel()
                await asyncio.wait((call,))
            await proxy.deserted()


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "https://0x7f000001/"])
async def test_nobody_is_led_to_addresses_that_are_not_public(url: str) -> None:
    async with serving(silence) as proxy, through(proxy.port) as outbound:
        with pytest.raises(Blocked):
            await ask(outbound, url)
    assert proxy.accepted == 0


async def test_an_address_that_the_operator_named_may_be_led_to() -> None:
    guard = AddressGuard([Endpoint("https", "127.0.0.1", 443)])
    async with (
        host("127.0.0.1") as server,
        serving(tunnel(server.port)) as proxy,
        through(proxy.port, guard=guard) as outbound,
    ):
        assert await ask(outbound, "https://127.0.0.1/") == b"secure"


async def test_who_is_asked_in_clear_is_asked_directly() -> None:
    async with serving(replying(body=b"near")) as server, serving(silence) as proxy:
        guard = AddressGuard([Endpoint("http", "127.0.0.1", server.port)])
        async with through(proxy.port, guard=guard) as outbound:
            assert await ask(outbound, f"{server.base_url}/") == b"near"
    assert proxy.accepted == 0


@pytest.mark.parametrize("url", ["http://[::1", "http://", "http://u:secret@a:b"])
def test_an_address_that_is_none_is_refused_without_a_word(url: str) -> None:
    with pytest.raises(ValueError, match=r"^$") as failure:
        Proxy.of(url)
    assert failure.value.__suppress_context__


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(Proxy.of("http://u:secret@proxy:1"))
    assert "dTpzZWNyZXQ" not in repr(Proxy.of("http://u:secret@proxy:1"))


def test_an_ipv6_address_is_written_as_one() -> None:
    way = Proxy.of("http://proxy:1").way_to(Endpoint("https", "2606:4700::1", 8443))
    assert way == b"CONNECT [2606:4700::1]:8443 HTTP/1.1\r\nHost: [2606:4700::1]:8443\r\n\r\n"
