"""The edge: requests become values, values become answers.

Statuses, public texts and header sets live here and nowhere else.
"""

from __future__ import annotations

from gateway.web.access import Gate
from gateway.web.admin import AdminEndpoint
from gateway.web.application import Served, build_application
from gateway.web.avatar import AvatarEndpoint, forget
from gateway.web.bearer import Bearer
from gateway.web.clients import Clients
from gateway.web.hooks import HookEndpoint
from gateway.web.hot import HotTable
from gateway.web.links import Links
from gateway.web.metrics import MetricsEndpoint
from gateway.web.playground import Example, Playground
from gateway.web.query import Defaults, Query

__all__ = [
    "AdminEndpoint",
    "AvatarEndpoint",
    "Bearer",
    "Clients",
    "Defaults",
    "Example",
    "Gate",
    "HookEndpoint",
    "HotTable",
    "Links",
    "MetricsEndpoint",
    "Playground",
    "Query",
    "Served",
    "build_application",
    "forget",
]
