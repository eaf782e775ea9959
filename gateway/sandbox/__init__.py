"""Simulated APIs (Wawp, WAHA, Evolution API) and a WhatsApp CDN on one port of loopback.

For demos and tests. It stands apart: it imports nothing else of the gateway, and speaks real HTTP
so that it can misbehave in every way a real upstream does. `scenarios` lists those ways by name.
"""

from __future__ import annotations

from gateway.sandbox.cast import (
    ACCESS_TOKEN,
    API_KEY,
    CAST,
    EVOLUTION_INSTANCE,
    INSTANCE_ID,
    OWN_ID,
    WAHA_SESSION,
    Contact,
)
from gateway.sandbox.ids import colour_of
from gateway.sandbox.scenarios import API, CDN, HOSTILE_URLS
from gateway.sandbox.server import Sandbox, run
from gateway.sandbox.world import Call

__all__ = [
    "ACCESS_TOKEN",
    "API",
    "API_KEY",
    "CAST",
    "CDN",
    "EVOLUTION_INSTANCE",
    "HOSTILE_URLS",
    "INSTANCE_ID",
    "OWN_ID",
    "WAHA_SESSION",
    "Call",
    "Contact",
    "Sandbox",
    "colour_of",
    "run",
]
