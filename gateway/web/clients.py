"""From which network a request comes: all that is ever made of a client's address."""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.web.target import header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Scope

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

NOWHERE: Final = ""
"""The network of a client without an address, such as one on a Unix socket."""

MAX_HOPS: Final = 32
"""Most proxies that are believed one after the other."""

_MAPPED: Final = 96
"""Bits of IPv6 before an IPv4 address that is written as one."""

_PREFIXES: Final = {4: 24, 6: 48}
# As proxies write it: perhaps in brackets, perhaps with a port.
_HOP = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?|([0-9.]{7,15})(?::[0-9]{1,5})?")


class Clients:
    """Tells networks apart: a /24 of IPv4, a /48 of IPv6.

    What ``X-Forwarded-For`` says counts as far as peers in `trusted` have said it: the last address
    that is none of theirs.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = [_unmapped(ipaddress.ip_network(each)) for each in trusted]

    def network_of(self, scope: Scope) -> str:
        """Return the network that the request of `scope` comes from; never raises."""
        peer = (scope.get("client") or (NOWHERE,))[0]
        if not self._trusted or not self._trusts(address := _address(peer)):
            return _network(peer)
        hops = header(scope, b"x-forwarded-for").rsplit(",", MAX_HOPS)[-MAX_HOPS:]
        for hop in reversed(hops):
            found = _hop(hop.strip())
            if found is None:
                break  # whatever stands further left was said by nobody we know
            address = found
            if not self._trusts(address):
                break
        return _network(str(address))

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(
            address.version == each.version and address in each for each in self._trusted
        )


def _hop(text: str) -> Address | None:
    match = _HOP.fullmatch(text)
    return _address(text if match is None else match[1] or match[2])


def _address(text: str) -> Address | None:
    """Read an address; IPv4 that is written as IPv6 is IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _unmapped(network: Network) -> Network:
    """Read a network as its addresses are read: IPv4 that is written as IPv6 is IPv4."""
    first = _address(str(network.network_address))
    if isinstance(network, ipaddress.IPv6Network) and isinstance(first, ipaddress.IPv4Address):
        return ipaddress.ip_network((first, network.prefixlen - _MAPPED))
    return network


@functools.lru_cache(maxsize=4096)
def _network(text: str) -> str:
    address = _address(text)
    if address is None:
        return NOWHERE
    return str(ipaddress.ip_network((int(address), _PREFIXES[address.version]), strict=False))


DIRECT: Final = Clients()
"""For a gateway that stands behind no proxy it knows of."""
