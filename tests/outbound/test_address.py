"""Which addresses may be dialled: every range just inside and just outside, every notation."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Blocked
from gateway.model import OriginPattern
from gateway.outbound.address import AddressGuard, Endpoint, interleaved, is_public, literal

# Every range of the list, with its neighbours: those that are public, and those within another.
IPV4 = [
    ("0.0.0.0/8", [], ["1.0.0.0"]),
    ("10.0.0.0/8", ["9.255.255.255"], ["11.0.0.0"]),
    ("100.64.0.0/10", ["100.63.255.255"], ["100.128.0.0"]),
    ("127.0.0.0/8", ["126.255.255.255"], ["128.0.0.0"]),
    ("169.254.0.0/16", ["169.253.255.255"], ["169.255.0.0"]),
    ("172.16.0.0/12", ["172.15.255.255"], ["172.32.0.0"]),
    ("192.0.0.0/24", ["191.255.255.255"], ["192.0.1.0"]),
    ("192.0.2.0/24", ["192.0.1.255"], ["192.0.3.0"]),
    ("192.88.99.0/24", ["192.88.98.255"], ["192.88.100.0"]),
    ("192.168.0.0/16", ["192.167.255.255"], ["192.169.0.0"]),
    ("198.18.0.0/15", ["198.17.255.255"], ["198.20.0.0"]),
    ("198.51.100.0/24", ["198.51.99.255"], ["198.51.101.0"]),
    ("203.0.113.0/24", ["203.0.112.255"], ["203.0.114.0"]),
    ("224.0.0.0/4", ["223.255.255.255"], []),
    ("240.0.0.0/4", [], []),
]
IPV6 = [
    ("::/128", [], []),
    ("::1/128", [], []),
    ("::/96", [], []),  # IPv4-compatible
    ("::ffff:0:0/96", [], []),  # IPv4-mapped
    ("::ffff:0:0:0/96", [], []),  # IPv4-translated
    ("64:ff9b::/96", [], []),  # NAT64
    ("64:ff9b:1::/48", [], []),
    ("100::/64", [], []),  # discarded
    ("0::/3", [], ["2000::"]),
    ("2001::/23", ["2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["2001:200::"]),
    ("2001::/32", [], []),  # Teredo
    ("2001:db8::/32", ["2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"], ["2001:db9::"]),
    ("2002::/16", ["2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["2003::"]),
    ("3fff::/20", ["3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["3fff:1000::"]),
    ("4000::/2", ["3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], []),
    ("fc00::/7", [], []),
    ("fe80::/10", [], []),
    ("fec0::/10", [], []),
    ("ff00::/8", [], []),
]
RANGES = [*IPV4, *IPV6]


@pytest.mark.parametrize("network", [network for network, _, _ in RANGES])
def test_a_range_is_refused_from_its_first_to_its_last_address(network: str) -> None:
    span = ip_network(network)
    for number in (0, span.num_addresses // 2, span.num_addresses - 1):
        assert not is_public(span[number])


@pytest.mark.parametrize("outside", [a for _, below, above in RANGES for a in below + above])
def test_the_neighbours_of_a_range_are_public(outside: str) -> None:
    assert is_public(ip_address(outside))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "157.240.0.60", "2a03:2880:f21c::1", "2606:4700::1111"]
)
def test_where_the_world_lives_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "identifier", ["0:5efe:8.8.8.8", "200:5efe:10.0.0.1", "100:5efe:7f00:1", "300:5efe:1:1"]
)
@pytest.mark.parametrize("prefix", ["2a03:2880:0:1", "2606:4700:ffff:0"])
def test_isatap_hides_an_address_under_any_prefix(prefix: str, identifier: str) -> None:
    assert not is_public(ip_address(f"{prefix}:{identifier}"))


@pytest.mark.parametrize("text", ["2a03:2880:0:1:0:5eff::1", "2a03:2880:0:1:400:5efe::1"])
def test_what_only_looks_like_isatap_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", ["2a03:2880::1%eth0", "fe80::1%1", "2606:4700::1111%25lo"])
def test_a_zone_is_never_public(text: str) -> None:
    assert not is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_within_ipv6_is_never_public(inner: IPv4Address) -> None:
    number = int(inner)
    for text in (
        "::",
        "::ffff:0:0",
        "::ffff:0:0:0",
        "64:ff9b::",
        "64:ff9b:1::",
        "2002::",
        "2001::",
    ):
        assert not is_public(IPv6Address(int(ip_address(text)) | number))
    assert not is_public(IPv6Address(int(ip_address("2002::")) | number << 80))


# ---- hosts ----


def endpoint(url: str) -> Endpoint:
    return Endpoint.of(httpx.URL(url))


NUMBERS = [
    "2130706433", "0x7f000001", "0X7F000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1",
    "0x7f.0.0.1", "127.0.0.0x1", "127.0.0.1.", "2130706433.", "0", "00", "0x", "1.2.3.4.5",
    "a.example.1", "3232235521", "8.8.2056", "4294967296", "127.0.0.01", "127.0.0.1..",
]  # fmt: skip


@pytest.mark.parametrize("host", NUMBERS)
def test_a_number_that_is_no_canonical_address_is_no_name(host: str) -> None:
    with pytest.raises(Blocked):
        AddressGuard().judge_host(Endpoint("https", host, 443))


@pytest.mark.parametrize(
    "host", ["pps.whatsapp.net", "1.example", "0x7f.example", "a1", "1a", "0xg", "8.8.8.8", "::1"]
)
def test_names_and_canonical_addresses_are_judged_by_where_they_lead(host: str) -> None:
    AddressGuard().judge_host(Endpoint("https", host, 443))


@pytest.mark.parametrize(
    ("host", "address"),
    [("8.8.8.8", "8.8.8.8"), ("::1", "::1"), ("2A03:2880::1", "2a03:2880::1")],
)
def test_a_canonical_address_is_read_as_one(host: str, address: str) -> None:
    assert literal(host) == ip_address(address)


@pytest.mark.parametrize("host", [*NUMBERS, "pps.whatsapp.net", "", "[::1]", "\u0661.1.1.1"])
def test_nothing_else_is_read_as_an_address(host: str) -> None:
    assert literal(host) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://PPS.whatsapp.net/x?y", ("https", "pps.whatsapp.net", 443)),
        ("http://a.example", ("http", "a.example", 80)),
        ("http://a.example:0", ("http", "a.example", 0)),
        ("https://a.example:443/", ("https", "a.example", 443)),
        ("https://u:p@a.example:8443", ("https", "a.example", 8443)),
        ("http://[::1]:9000", ("http", "::1", 9000)),
    ],
)
def test_an_endpoint_is_scheme_host_and_port(url: str, expected: tuple[str, str, int]) -> None:
    assert endpoint(url) == expected


@pytest.mark.parametrize("url", ["", "/x", "//a.example/", "http://", "ftp://a.example:21/", "x:y"])
def test_what_is_neither_http_nor_https_has_no_endpoint(url: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        endpoint(url)


# ---- judgement ----

PUBLIC, OTHER, PRIVATE = map(ip_address, ("8.8.8.8", "2a03:2880::1", "10.0.0.1"))
PICTURE = endpoint("https://pps.whatsapp.net/")


@pytest.mark.parametrize("addresses", [[PUBLIC], [OTHER], [PUBLIC, OTHER]])
def test_a_name_whose_addresses_are_all_public_passes(addresses: list[object]) -> None:
    AddressGuard().judge(PICTURE, [ip_address(str(a)) for a in addresses])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_private_address_in_a_mixed_answer_refuses_all(place: int) -> None:
    mixed = [PUBLIC, OTHER]
    mixed.insert(place, PRIVATE)
    with pytest.raises(Blocked, match="not public"):
        AddressGuard().judge(PICTURE, mixed)


@pytest.mark.parametrize(
    ("origin", "url", "trusted"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/x", True),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9001/x", False),
        ("http://127.0.0.1:9000", "http://127.0.0.1/x", False),
        ("http://127.0.0.1:9000", "https://127.0.0.1:9000/x", False),
        ("http://127.0.0.1:9000", "http://127.0.0.2:9000/x", False),
        ("http://127.0.0.1", "http://127.0.0.1:80/x", True),
        ("http://[::1]:9000", "http://[::1]:9000/x", True),
        ("http://[::1]:9000", "http://[::2]:9000/x", False),
        ("http://localhost:9000", "http://localhost:9000/x", False),
        ("http://cdn.internal:9000", "http://cdn.internal:9000/x", False),
        ("https://*.whatsapp.net", "https://pps.whatsapp.net/x", False),
        ("http://2130706433:9000", "http://2130706433:9000/x", False),
        ("http://127.1:9000", "http://127.1:9000/x", False),
        ("http://999.1.1.1:9000", "http://127.0.0.1:9000/x", False),
        ("http://[1::2::3]:9000", "http://[::1]:9000/x", False),
    ],
)
def test_of_the_pictures_origins_only_an_ip_literal_is_trusted(
    origin: str,
    url: str,
    trusted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    guard = AddressGuard.for_origins([OriginPattern.parse(origin)])
    if trusted:
        guard.judge(endpoint(url), [PRIVATE])
    else:
        with pytest.raises(Blocked):
            guard.judge(endpoint(url), [PRIVATE])


@pytest.mark.parametrize("base", ["http://waha:3000/api", "http://10.0.0.1", "http://2130706433"])
def test_the_api_is_trusted_by_name_and_by_address(base: str) -> None:
    guard = AddressGuard.trusting(base)
    guard.judge_host(endpoint(base + "/v2/x"))
    guard.judge(endpoint(base + "/v2/x"), [PRIVATE])
    with pytest.raises(Blocked):
        guard.judge(endpoint("http://waha:3001/"), [PRIVATE])


def test_a_base_url_that_cannot_be_read_trusts_nobody() -> None:
    guard = AddressGuard.trusting("http://999.1.1.1")
    with pytest.raises(Blocked):
        guard.judge(endpoint("http://127.0.0.1"), [PRIVATE])


@pytest.mark.parametrize(
    ("given_order", "dialled"),
    [
        ("4", "4"),
        ("446", "464"),
        ("6644", "6464"),
        ("6444", "6444"),
        ("4666", "4666"),
        ("444", "444"),
    ],
)
def test_both_families_are_dialled_in_turns(given_order: str, dialled: str) -> None:
    prefix = {"4": "8.8.8.", "6": "2a03::"}
    addresses = [ip_address(f"{prefix[v]}{n + 1}") for n, v in enumerate(given_order)]
    found = interleaved(addresses)
    assert "".join(str(address.version) for address in found) == dialled
    assert sorted(map(str, found)) == sorted(map(str, addresses))
