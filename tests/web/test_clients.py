"""From which network a request comes, whatever it says about itself."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Reason
from gateway.signing import Keyring, sign
from gateway.web import Clients, Gate
from gateway.web.access import nobody
from gateway.web.clients import MAX_HOPS, NOWHERE
from tests.fakes import FakeAvatars
from tests.web.test_application import NUMBER, Edge, photo

PROXIES: Final = ("10.0.0.0/8", "fd00::/8", "127.0.0.1/32")
PROXY, CLIENT, OTHER = "10.1.2.3", "198.51.100.77", "203.0.113.9"
CLIENTS_NETWORK, OTHERS_NETWORK = "198.51.100.0/24", "203.0.113.0/24"


def network(peer: str | None, *forwarded: str, trusted: tuple[str, ...] = PROXIES) -> str:
    scope = {
        "type": "http",
        "client": None if peer is None else (peer, 4711),
        "headers": [
            (b"host", b"x"),
            *((b"x-forwarded-for", each.encode("latin-1")) for each in forwarded),
            (b"forwarded", b"for=192.0.2.1"),
            (b"x-real-ip", b"192.0.2.2"),
        ],
    }
    return Clients(trusted).network_of(scope)


@pytest.mark.parametrize(
    ("peer", "found"),
    [
        (CLIENT, CLIENTS_NETWORK),
        ("198.51.100.0", CLIENTS_NETWORK),
        ("198.51.101.0", "198.51.101.0/24"),
        ("::ffff:198.51.100.77", CLIENTS_NETWORK),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        (PROXY, "10.1.2.0/24"),
        ("", NOWHERE),
        (None, NOWHERE),
        ("/run/gateway.sock", NOWHERE),
    ],
)
def test_neighbours_are_one_network(peer: str | None, found: str) -> None:
    assert network(peer) == found


@pytest.mark.parametrize(
    ("trusted", "found"),
    [
        ("::ffff:10.0.0.0/104", CLIENTS_NETWORK),
        ("::ffff:10.1.2.3", CLIENTS_NETWORK),
        ("::ffff:0:0/96", CLIENTS_NETWORK),
        ("::ffff:11.0.0.0/104", "10.1.2.0/24"),
    ],
)
def test_proxies_may_be_named_as_mapped_addresses(trusted: str, found: str) -> None:
    for peer in (PROXY, f"::ffff:{PROXY}"):
        assert network(peer, CLIENT, trusted=(trusted,)) == found


def test_what_a_stranger_says_of_itself_counts_for_nothing() -> None:
    assert network(CLIENT, OTHER) == CLIENTS_NETWORK
    assert network(CLIENT, f"{OTHER}, {PROXY}") == CLIENTS_NETWORK
    assert network(PROXY, OTHER, trusted=()) == "10.1.2.0/24"


@pytest.mark.parametrize(
    "forwarded",
    [
        (CLIENT,),
        (f"{OTHER}, {CLIENT}",),
        (f"{OTHER},{CLIENT}",),
        (OTHER, CLIENT),
        (f"{OTHER}, {CLIENT}, 10.9.9.9",),
        (CLIENT, "10.9.9.9", "fd00::7, 127.0.0.1"),
        (f"nonsense, {CLIENT}",),
        (f"  {CLIENT}  ",),
        (f"{CLIENT}:51234",),
        ("[::ffff:198.51.100.77]:443, [fd00::7]:1",),
        ("::ffff:198.51.100.77",),
    ],
)
def test_the_last_address_that_is_no_proxys_is_the_clients(forwarded: tuple[str, ...]) -> None:
    assert network(PROXY, *forwarded) == CLIENTS_NETWORK


@pytest.mark.parametrize(
    "forwarded", [(), ("",), ("unknown",), ("_hidden",), (f"{CLIENT}, unknown",), ("1.2.3.4.5",),
                  (f"{CLIENT}, ",), (f"{CLIENT}:port",), ("[198.51.100.77",), ("\xff\xfe",)]
)  # fmt: skip
def test_what_cannot_be_read_leaves_the_proxy_itself(forwarded: tuple[str, ...]) -> None:
    assert network(PROXY, *forwarded) == "10.1.2.0/24"


def test_of_proxies_alone_the_first_is_the_client() -> None:
    assert network(PROXY, "10.7.7.7, 10.8.8.8") == "10.7.7.0/24"


def test_a_chain_is_followed_only_so_far() -> None:
    near = ", ".join([CLIENT, *["10.8.8.8"] * (MAX_HOPS - 1)])
    far = ", ".join([CLIENT, *["10.8.8.8"] * 5_000])
    assert network(PROXY, near) == CLIENTS_NETWORK
    assert network(PROXY, far) == "10.8.8.0/24"


@given(st.text(), st.lists(st.text(st.characters(max_codepoint=255)), max_size=5))
def test_any_text_at_all_is_some_network(peer: str, forwarded: list[str]) -> None:
    for trusted in ((), PROXIES, ("0.0.0.0/0", "::/0")):
        for each in (peer, PROXY):
            found = network(each, *forwarded, trusted=trusted)
            assert found == NOWHERE or found.endswith(("/24", "/48"))


@given(st.ip_addresses(), st.lists(st.ip_addresses(), max_size=4))
def test_who_is_not_trusted_cannot_choose_its_network(
    peer: object, forwarded: list[object]
) -> None:
    said = ", ".join(map(str, forwarded))
    assert network(str(peer), said, trusted=()) == network(str(peer), trusted=())


# ---- who must show where they come from ----

URL: Final = f"/avatar/{NUMBER}.png"
KEY: Final = "test-signing-key-0001"
HERE: Final = "203.0.113.0/24"  # where `Edge` asks from


async def asked_from(edge: Edge, target: str = URL, **headers: str) -> str | None:
    """From where the service hears that it is asked."""
    await edge.ask(target, body=b"", **headers)
    assert isinstance(edge.service, FakeAvatars)
    return edge.service.networks[-1]


async def test_a_stranger_is_told_apart_by_the_network() -> None:
    assert await asked_from(Edge(FakeAvatars(photo()))) == HERE
    spoofed = await asked_from(Edge(FakeAvatars(photo())), x_forwarded_for="192.0.2.1")
    assert spoofed == HERE


async def test_behind_a_proxy_that_is_named_it_is_the_clients_network() -> None:
    edge = Edge(FakeAvatars(photo()), clients=Clients(["203.0.113.0/24"]))
    assert await asked_from(edge, x_forwarded_for="192.0.2.1, 198.51.100.1") == CLIENTS_NETWORK


async def test_documents_are_asked_for_by_the_same_rules() -> None:
    edge = Edge(FakeAvatars(photo()))
    await edge.ask(f"/avatar/{NUMBER}.json")
    assert edge.documents.networks == [HERE]


async def test_who_holds_the_admin_token_may_ask_about_anybody() -> None:
    edge = Edge(FakeAvatars(photo()), token="s3cret")
    assert await asked_from(edge, authorization="Bearer s3cret") is None
    assert await asked_from(edge, authorization="Bearer wrong") == HERE


async def test_a_signed_url_may_be_asked_for_by_anybody() -> None:
    gate = Gate(Keyring([KEY]), nobody)
    edge = Edge(FakeAvatars(photo()), gate=gate)
    assert await asked_from(edge, sign(URL, KEY)) is None
    assert (await edge.ask(URL)).headers["avatar-reason"] == Reason.FORBIDDEN
