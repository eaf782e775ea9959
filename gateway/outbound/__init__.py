"""Everything that leaves the house: the only room that knows httpx.

A call goes through five pieces, each in a file of its own: `Outbound` (time, number, bytes, the
wall for errors), `Transport` (a request and its answer on a connection, kept alive in a pool),
`Dialer` (TCP and TLS), `AddressGuard` (which addresses may be dialled) and `Names` (what a name's
addresses are). Where a proxy leads out, `ProxyDialer` stands before the `Dialer`.
"""

from __future__ import annotations

from gateway.outbound.address import AddressGuard
from gateway.outbound.client import Outbound, Reply, Watch
from gateway.outbound.dialling import Dialer, tls_context
from gateway.outbound.names import Names, system_lookup
from gateway.outbound.proxy import Proxy, ProxyDialer
from gateway.outbound.transport import Transport

__all__ = [
    "AddressGuard",
    "Dialer",
    "Names",
    "Outbound",
    "Proxy",
    "ProxyDialer",
    "Reply",
    "Transport",
    "Watch",
    "system_lookup",
    "tls_context",
]
