"""What is dialled: only what was judged, in turn, and over TLS only with who it should be."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
import trustme

from gateway.errors import AvatarUnavailable, Blocked, TimedOut, Unreachable, UpstreamFailed
from gateway.outbound import AddressGuard, Dialer, Names, Outbound, Transport
from gateway.outbound.address import Endpoint, is_public
from gateway.outbound.dialling import MAX_ATTEMPTS, open_connection
from tests.fakes import FakeLookup, replying, serving, tls
from tests.outbound.wire import LIMIT, serving_tls, silence, soon, trusting

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Sequence

    from gateway.outbound.address import Address
    from gateway.outbound.connection import Connection

HOST = "pps.whatsapp.net"
PICTURE = f"https://{HOST}/v/x.jpg"
METADATA = "169.254.169.254"


class Diary:
    """Writes down who is dialled, and does what `outcomes` say; then nobody answers."""

    def __init__(self, outcomes: Sequence[OSError | asyncio.Event] = ()) -> None:
        self.dialled: list[Address] = []
        self._outcomes = iter(outcomes)

    async def __call__(
        self, address: Address, port: int, *, tls: ssl.SSLContext | None, name: str
    ) -> Connection:
        del port, tls, name
        self.dialled.append(address)
        outcome = next(self._outcomes, ConnectionRefusedError())
        if isinstance(outcome, asyncio.Event):
            await outcome.wait()
            raise ConnectionRefusedError
        raise outcome

    @property
    def texts(self) -> list[str]:
        return list(map(str, self.dialled))


def outbound_over(diary: Diary, lookup: FakeLookup | Rebinding, guard: AddressGuard) -> Outbound:
    return Outbound(Transport(Dialer(Names(lookup), guard, tls(), connect=diary)))


class Rebinding:
    """A name whose addresses are others each time it is looked up."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = itertools.cycle(answers)
        self.asked = 0

    def __call__(self, host: str) -> list[str]:
        del host
        self.asked += 1
        return next(self._answers)


# ---- who is dialled ----


async def test_a_hundred_rounds_of_rebinding_never_lead_inside() -> None:
    lookup = Rebinding(["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8", METADATA], ["::1"], ["2a03::1"])
    now = [0.0]
    diary = Diary()
    names = Names(lookup, clock=lambda: now[0])
    outcomes = []
    async with Outbound(Transport(Dialer(names, AddressGuard(), tls(), connect=diary))) as outbound:
        for _ in range(100):
            with pytest.raises(AvatarUnavailable) as caught:
                await outbound.get(PICTURE, until=soon(), limit=LIMIT)
            outcomes.append(type(caught.value))
            now[0] += 60
    assert lookup.asked == 100
    assert diary.texts == ["8.8.8.8", "2a03::1"] * 20
    assert all(map(is_public, diary.dialled))
    assert outcomes == [Unreachable, Blocked, Blocked, Blocked, Unreachable] * 20


async def test_a_name_that_changes_between_judging_and_dialling_is_dialled_as_judged() -> None:
    """The listener stands for the inside: whoever resolved twice would arrive there."""
    lookup = Rebinding(["192.0.2.1"], ["127.0.0.1"])
    async with serving(replying(body=b"inside")) as inside:
        port = inside.base_url.rpartition(":")[2]
        url = f"http://{HOST}:{port}/"
        guard = AddressGuard([Endpoint("http", HOST, int(port))])
        dialled: list[str] = []

        async def connect(
            address: Address, port: int, *, tls: ssl.SSLContext | None, name: str
        ) -> Connection:
            dialled.append(str(address))
            lookup("")  # by now the name leads elsewhere
            return await open_connection(ip_address("127.0.0.1"), port, tls=tls, name=name)

        dial = Dialer(Names(lookup), guard, tls(), connect=connect)
        async with Outbound(Transport(dial)) as outbound:
            await outbound.get(url, until=soon(), limit=LIMIT)
    assert dialled == ["192.0.2.1"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", METADATA, "10.0.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00::1]",
        "2130706433", "0x7f000001", "017700000001", "127.1", "0177.0.0.1", "0x7f.1", "127.0.0.1.",
        "localhost", "inside.example", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021",
        "[fe80::1%25eth0]",
    ],
)  # fmt: skip
async def test_no_notation_leads_inside(host: str) -> None:
    lookup, diary = (
        FakeLookup({"localhost": ["127.0.0.1"], "inside.example": ["10.0.0.1"]}),
        Diary(),
    )
    async with outbound_over(diary, lookup, AddressGuard()) as outbound:
        with pytest.raises((Blocked, UpstreamFailed)):
            await outbound.get(f"http://{host}/", until=soon(), limit=LIMIT)
    assert diary.dialled == []


async def test_a_name_that_cannot_be_resolved_is_a_failure() -> None:
    async with outbound_over(Diary(), FakeLookup(), AddressGuard()) as outbound:
        with pytest.raises(UpstreamFailed, match="could not be resolved"):
            await outbound.get(PICTURE, until=soon(), limit=LIMIT)


async def test_a_silent_resolver_counts_as_time() -> None:
    lookup = FakeLookup()
    lookup.silent.add(HOST)
    try:
        async with outbound_over(Diary(), lookup, AddressGuard()) as outbound:
            async with asyncio.timeout(0.4):
                with pytest.raises(TimedOut):
                    await outbound.get(PICTURE, until=soon(0.2), limit=LIMIT)
    finally:
        lookup.gate.set()


# ---- in which order ----

FOUR = ["157.240.0.1", "157.240.0.2", "2a03::1", "2a03::2"]


async def test_the_addresses_are_tried_in_turn_until_one_answers() -> None:
    diary = Diary()
    async with outbound_over(diary, FakeLookup({HOST: FOUR}), AddressGuard()) as outbound:
        with pytest.raises(UpstreamFailed, match="ConnectionRefusedError"):
            await outbound.get(PICTURE, until=soon(), limit=LIMIT)
    assert diary.texts == ["157.240.0.1", "2a03::1", "157.240.0.2", "2a03::2"]


async def test_an_address_that_hangs_costs_a_quarter_of_the_time_left() -> None:
    diary = Diary([asyncio.Event()])
    async with outbound_over(diary, FakeLookup({HOST: FOUR[:2]}), AddressGuard()) as outbound:
        began = time.monotonic()
        with pytest.raises(UpstreamFailed):
            await outbound.get(PICTURE, until=soon(1.0), limit=LIMIT)
    assert diary.texts == FOUR[:2]
    assert 0.2 <= time.monotonic() - began <= 0.5


async def test_the_only_address_has_all_the_time() -> None:
    diary = Diary([asyncio.Event()])
    async with outbound_over(diary, FakeLookup({HOST: FOUR[:1]}), AddressGuard()) as outbound:
        async with asyncio.timeout(0.8):
            with pytest.raises(TimedOut):
                await outbound.get(PICTURE, until=soon(0.4), limit=LIMIT)
    assert diary.texts == FOUR[:1]


async def test_no_more_addresses_are_tried_than_allowed_but_all_are_judged() -> None:
    many = [f"157.240.0.{number}" for number in range(1, 50)]
    diary = Diary()
    async with outbound_over(diary, FakeLookup({HOST: many}), AddressGuard()) as outbound:
        with pytest.raises(UpstreamFailed):
            await outbound.get(PICTURE, until=soon(), limit=LIMIT)
    assert diary.texts == many[:MAX_ATTEMPTS]
    diary = Diary()
    lookup = FakeLookup({HOST: [*many, "10.0.0.1"]})
    async with outbound_over(diary, lookup, AddressGuard()) as outbound:
        with pytest.raises(Blocked):
            await outbound.get(PICTURE, until=soon(), limit=LIMIT)
    assert diary.dialled == []


# ---- TLS ----

CA = trustme.CA()
TRUSTING = trusting(CA)
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
IDENTITIES = {
    "expired": CA.issue_cert(HOST, not_after=YESTERDAY),
    "of another host": CA.issue_cert("evil.example"),
    "of the domain above": CA.issue_cert("whatsapp.net"),
    "of the address": CA.issue_cert("127.0.0.1"),
    "of another authority": trustme.CA().issue_cert(HOST),
}


@asynccontextmanager
async def tls_outbound(port: int, context: ssl.SSLContext = TRUSTING) -> AsyncIterator[Outbound]:
    """A way out to a host that stands on 127.0.0.1."""
    guard = AddressGuard([Endpoint("https", HOST, port)])
    names = Names(FakeLookup({HOST: ["127.0.0.1"]}))
    async with Outbound(Transport(Dialer(names, guard, context))) as outbound:
        yield outbound


@pytest.mark.parametrize("identity", [CA.issue_cert(HOST), CA.issue_cert("*.whatsapp.net")])
async def test_a_peer_that_proves_its_name_is_asked(identity: trustme.LeafCert) -> None:
    names: list[str | None] = []
    async with (
        serving_tls(replying(body=b"secure"), identity, names) as server,
        tls_outbound(server.port) as outbound,
    ):
        for _ in range(3):
            url = f"https://{HOST}:{server.port}/"
            reply = await outbound.get(url, until=soon(), limit=LIMIT)
            assert reply.body == b"secure"
    assert (len(server.heads), names) == (3, [HOST])  # one connection, one SNI


@pytest.mark.parametrize("kind", IDENTITIES)
async def test_a_peer_that_does_not_prove_its_name_hears_nothing(kind: str) -> None:
    async with (
        serving_tls(replying(body=b"evil"), IDENTITIES[kind]) as server,
        tls_outbound(server.port) as outbound,
    ):
        with pytest.raises(UpstreamFailed, match="SSLCertVerificationError"):
            await outbound.get(f"https://{HOST}:{server.port}/", until=soon(), limit=LIMIT)
    assert server.heads == []


async def test_the_real_context_trusts_no_authority_of_ours() -> None:
    async with (
        serving_tls(replying(), CA.issue_cert(HOST)) as server,
        tls_outbound(server.port, tls()) as outbound,
    ):
        with pytest.raises(UpstreamFailed, match="SSLCertVerificationError"):
            await outbound.get(f"https://{HOST}:{server.port}/", until=soon(), limit=LIMIT)


async def test_a_body_that_ends_without_a_goodbye_is_cut_short() -> None:
    """Or whoever sits on the wire could end a picture where he likes."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(0.05)  # or the abort below would take the bytes along
        writer.transport.abort()

    async with (
        serving_tls(talk, CA.issue_cert(HOST)) as server,
        tls_outbound(server.port) as outbound,
    ):
        with pytest.raises(UpstreamFailed, match="ReadError"):
            await outbound.get(f"https://{HOST}:{server.port}/", until=soon(), limit=LIMIT)


async def test_a_handshake_is_left_at_any_moment_without_a_trace() -> None:
    async with serving(silence) as server:
        port = int(server.base_url.rpartition(":")[2])
        for moment in range(30):
            server.closed.clear()
            async with tls_outbound(port) as outbound:
                call = asyncio.create_task(
                    outbound.get(f"https://{HOST}:{port}/", until=soon(), limit=LIMIT)
                )
                for _ in range(moment):
                    await asyncio.sleep(0)
                call.cancel()
                with suppress(asyncio.CancelledError):
                    await call
        await server.deserted()
