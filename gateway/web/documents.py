"""Documents as JSON: what is known of a contact, and where its picture is."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.documents import Document
    from gateway.model import AvatarSpec
    from gateway.web.links import Links

_SHOWN: Final = ("size", "dpr", "shape", "bg", "ring", "fallback", "force", "name")
"""Options that links repeat; whoever may see the fallback alone gets no link to the photo."""

_LAST_SECOND: Final = 253402300799.0  # of the year 9999


def rendered(
    document: Document,
    spec: AvatarSpec,
    *,
    name: str,
    options: Mapping[str, str],
    links: Links,
) -> dict[str, object]:
    """Return the members of the JSON object.

    `name` is how the contact is named in paths, `options` the query's, by our own names.
    """
    standing = document.standing
    shown = {each: options[each] for each in _SHOWN if each in options}
    if standing.version:
        shown["v"] = standing.version
    return {
        "id": name,
        "kind": str(document.contact.kind),
        "source": "photo" if standing.reason is None else "fallback",
        "reason": None if standing.reason is None else str(standing.reason),
        "version": standing.version or None,
        "url": links.picture(name, shown),
        "srcset": links.srcset(name, shown, spec),
        "width": spec.canvas.pixels,
        "color": document.colour,
        "fetched_at": _time(document.fetched),
        "fresh_until": _time(standing.fresh_until),
    }


def _time(seconds: float | None) -> str | None:
    """RFC 3339 in UTC; None for no time, and for one that never comes."""
    if seconds is None or not math.isfinite(seconds) or not 0 <= seconds <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
