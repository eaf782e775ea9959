"""Everything the API and the CDN can be made to do, by name."""

from __future__ import annotations

from gateway.sandbox.scenarios.api import API, api_scenario, not_found_reply
from gateway.sandbox.scenarios.cdn import CDN
from gateway.sandbox.scenarios.exchange import Download, Question, as_json
from gateway.sandbox.scenarios.hostile import HOSTILE_URLS

__all__ = [
    "API",
    "CDN",
    "HOSTILE_URLS",
    "Download",
    "Question",
    "api_scenario",
    "as_json",
    "not_found_reply",
]
