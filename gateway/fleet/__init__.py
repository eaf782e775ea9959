"""Valkey, what joins machines: budget, back-offs, leases, erasures and hot masters.

The only room that knows redis-py. All of it may fail at any time, and then every machine goes on
alone.
"""

from __future__ import annotations

from gateway.fleet.backoffs import ValkeyBackoffs
from gateway.fleet.client import TIMEOUT, Fleet
from gateway.fleet.erasures import ValkeyErasures
from gateway.fleet.joined import JoinedBackoffs, JoinedErasures, JoinedLeases, JoinedLedger
from gateway.fleet.leases import ValkeyLeases
from gateway.fleet.ledger import ValkeyLedger
from gateway.fleet.masters import MAX_RECORD, ValkeyMasters

__all__ = [
    "MAX_RECORD",
    "TIMEOUT",
    "Fleet",
    "JoinedBackoffs",
    "JoinedErasures",
    "JoinedLeases",
    "JoinedLedger",
    "ValkeyBackoffs",
    "ValkeyErasures",
    "ValkeyLeases",
    "ValkeyLedger",
    "ValkeyMasters",
]
