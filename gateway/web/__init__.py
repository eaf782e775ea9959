"""The edge: requests become values, values become answers.

Statuses, public texts and header sets live here and nowhere else.
"""

from __future__ import annotations

from gateway.web.access import Gate
from gateway.web.admin import AdminEndpoint
from gateway.web.application import Served, build_application
from gateway.web.avatar import AvatarEndpoint
from gateway.web.bearer import Bearer
from gateway.web.links import Links
from gateway.web.metrics import MetricsEndpoint
from gateway.web.query import Defaults, Query

__all__ = [
    "AdminEndpoint",
    "AvatarEndpoint",
    "Bearer",
    "Defaults",
    "Gate",
    "Links",
    "MetricsEndpoint",
    "Query",
    "Served",
    "build_application",
]
