"""Which addresses may be dialled: public ones, and the private ones that the operator named."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final, NamedTuple, Self, TypeAlias

import httpx

from gateway.errors import Blocked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.model import OriginPattern

Address: TypeAlias = IPv4Address | IPv6Address

# `is_global` of the standard library is no guard: it changes with Python's version, and has called
# multicast and embedded IPv4 addresses global.
_IPV4_REFUSED: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",        # this network
        "10.0.0.0/8",       # private
        "100.64.0.0/10",    # shared by carriers
        "127.0.0.0/8",      # loopback
        "169.254.0.0/16",   # link-local, the clouds' metadata
        "172.16.0.0/12",    # private
        "192.0.0.0/24",     # protocol assignments
        "192.0.2.0/24",     # documentation
        "192.88.99.0/24",   # 6to4 relays
        "192.168.0.0/16",   # private
        "198.18.0.0/15",    # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",   # documentation
        "224.0.0.0/4",      # multicast
        "240.0.0.0/4",      # reserved, broadcast
    )
)  # fmt: skip
# The only block that IANA has given out as global unicast. What lies outside needs no list: `::`,
# `::1`, IPv4-compatible and -mapped, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique-local fc00::/7,
# link-local fe80::/10, site-local fec0::/10, multicast ff00::/8.
_IPV6_UNICAST: Final = IPv6Network("2000::/3")
_IPV6_REFUSED: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",      # protocol assignments, Teredo, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",      # 6to4
        "3fff::/20",      # documentation
    )
)  # fmt: skip
_PORTS: Final = {"http": 80, "https": 443}
_ISATAP: Final = 0x5EFE

# What `inet_aton` would read as an address: the last label is a number in whatever notation.
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.*", re.IGNORECASE | re.DOTALL)


class Endpoint(NamedTuple):
    """Where a connection leads: `host` in lower case, an IPv6 literal without brackets."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: httpx.URL) -> Self:
        """The endpoint of `url`; raises `httpx.UnsupportedProtocol` unless it is http or https."""
        usual = _PORTS.get(url.scheme)
        if usual is None or not url.raw_host:
            raise httpx.UnsupportedProtocol("only http and https URLs can be asked")
        port = usual if url.port is None else url.port
        return cls(url.scheme, url.raw_host.decode("ascii"), port)


def is_public(address: Address) -> bool:
    """Whether `address` belongs to the public Internet, and hides no other address in itself."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _IPV4_REFUSED)
    if address.scope_id is not None or address not in _IPV6_UNICAST:
        return False
    return not _is_isatap(address) and not any(address in network for network in _IPV6_REFUSED)


def literal(host: str) -> Address | None:
    """The address that `host` is written as, in the one canonical notation; None for a name."""
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    return None


class AddressGuard:
    """Judges what may be dialled; refuses by raising `Blocked`.

    A `trusted` endpoint may lead anywhere: whoever names a private origin trusts it. For any
    other, every address that its name has must be public, lest a mixed answer lead inside.
    """

    def __init__(self, trusted: Iterable[Endpoint] = ()) -> None:
        self._trusted = frozenset(trusted)

    @classmethod
    def trusting(cls, url: str) -> Self:
        """Trust the origin of `url` as a whole, name or address."""
        with suppress(httpx.InvalidURL):  # what cannot be read cannot be asked either
            return cls([Endpoint.of(httpx.URL(url))])
        return cls()

    @classmethod
    def for_origins(cls, patterns: Iterable[OriginPattern]) -> Self:
        """Trust those of `patterns` whose host is an IP literal, on exactly that port."""
        return cls(
            Endpoint.of(httpx.URL(f"{pattern.scheme}://{pattern.host}:{pattern.port}"))
            for pattern in patterns
            if literal(pattern.host.strip("[]")) is not None
        )

    def judge_host(self, endpoint: Endpoint) -> None:
        """Refuse a host that is a number but no address literal, before anybody looks it up."""
        if endpoint in self._trusted or literal(endpoint.host) is not None:
            return
        if _NUMBER.fullmatch(endpoint.host):
            raise Blocked("the host is a number and no name")

    def judge(self, endpoint: Endpoint, addresses: Sequence[Address]) -> None:
        """Refuse unless each of `addresses` may be dialled for `endpoint`."""
        if endpoint not in self._trusted and not all(map(is_public, addresses)):
            raise Blocked("the host leads to an address that is not public")


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Put both families in turns, in the order given, so that a broken one costs one attempt."""
    first = [a for a in addresses if a.version == addresses[0].version]
    second = [a for a in addresses if a.version != addresses[0].version]
    both = min(len(first), len(second))
    turns = [a for pair in zip(first, second, strict=False) for a in pair]
    return turns + first[both:] + second[both:]


def _is_isatap(address: IPv6Address) -> bool:
    """Whether the interface identifier embeds an IPv4 address, be its u and g bits as they may."""
    return int(address) >> 32 & 0xFCFF_FFFF == _ISATAP
