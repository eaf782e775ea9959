"""Header sets by class of answer: the one table that says what goes out.

Cache lifetimes are for what stands downstream (browsers, mail proxies, CDNs). Spreads are taken
from the answer itself and not from a dice, so that GET, HEAD and 304 agree.
"""

from __future__ import annotations

import functools
import math
import zlib
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from gateway.model import Path

if TYPE_CHECKING:
    from gateway.errors import Reason
    from gateway.model import Avatar, Rendition, Standing

Headers = list[tuple[bytes, bytes]]

NO_STORE: Final = "no-store"
STALE: Final = 30
VERSIONED: Final = 86_400
MAX_AGE: Final = 3600
LASTING_TTL: Final = 900

ROUNDING: Final = 1e-6
"""Seconds by which Unix seconds may be off as floating point numbers, and more."""

HOUSE: Final[Headers] = [
    (b"server", b"avatar-gateway"),
    (b"x-content-type-options", b"nosniff"),
]
"""What every answer carries, whatever it is about."""

COMMON: Final[Headers] = [
    *HOUSE,
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"Avatar-Source, Avatar-Reason, Cache-Status, ETag",
    ),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"timing-allow-origin", b"*"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, noimageindex, noarchive"),
]
"""What every answer about an avatar carries, refusals too."""


def cache_control(
    standing: Standing, *, version: str, now: float, spread: int, end: float = math.inf
) -> str:
    """Say how long an answer may be kept downstream.

    `version` is the ``v=`` of the request, `now` and `end` (when the URL itself ends) are Unix
    seconds, `spread` any number that is the same for the same URL.
    """
    age, more = _life(standing, version=version, now=now, spread=spread)
    left = end - now
    if left >= age + MAX_AGE:
        return f"max-age={age}{more}"
    # Whoever showed it for longer, while or since it asks again, would outlive the URL.
    return f"max-age={min(age, max(0, math.floor(left)))}"


def _life(standing: Standing, *, version: str, now: float, spread: int) -> tuple[int, str]:
    """Seconds, and what else is said of them."""
    if standing.reason is not None:
        return (LASTING_TTL if standing.settled else 10 + spread % 11), ""
    left = standing.fresh_until - now
    if left <= 0:
        return STALE, ""
    if version and version == standing.version:
        return VERSIONED, ", immutable"
    age = int(min(MAX_AGE, left) * _share(spread))
    return age, ", stale-while-revalidate=600, stale-if-error=3600"


def _share(spread: int) -> float:
    """0–10 % less than allowed, so that what was cached together is not asked for together."""
    return 1 - 0.1 * (spread % 101) / 100


def steady(standing: Standing, *, version: str, now: float, spread: int, end: float) -> float:
    """Until when `date`, `cache_control` and `cache_status` say the same, in Unix seconds.

    Perhaps a little less: each number that counts down is taken to count.
    """
    fresh = standing.fresh_until
    age, _ = _life(standing, version=version, now=now, spread=spread)
    moments = [
        math.floor(now) + 1.0,
        *_steps(fresh, now),
        fresh - MAX_AGE,
        fresh - age / _share(spread),
        *_steps(end, now),
        end - age - MAX_AGE,
    ]
    return min(each for each in moments if each > now - ROUNDING) - ROUNDING


def _steps(end: float, now: float) -> list[float]:
    """When the whole seconds that are left until `end` are one less."""
    return [] if math.isinf(end) else [end - math.floor(end - now)]


def cache_status(avatar: Avatar, *, now: float) -> str:
    """Say how the answer came about (RFC 9211)."""
    standing = avatar.standing
    if avatar.path is Path.HIT:
        left = standing.fresh_until - now
        return f"avatar-gateway; hit; ttl={LASTING_TTL if math.isinf(left) else math.floor(left)}"
    collapsed = "; collapsed" if avatar.path is Path.COLLAPSED else ""
    detail = f"; detail={standing.reason}" if standing.reason else ""
    return f"avatar-gateway; fwd=miss{collapsed}{detail}"


def spread_of(text: str) -> int:
    """Return a number that is the same for the same `text` in every process."""
    return zlib.crc32(text.encode())


def validators(rendition: Rendition, standing: Standing, *, now: float) -> Headers:
    """``ETag``, and ``Last-Modified`` for photos: when this one became current."""
    found = [(b"etag", rendition.etag.encode())]
    if standing.since is not None:
        # Whole seconds, lest it be rounded up, beyond Date.
        found.append((b"last-modified", _http_date(int(min(standing.since, now)))))
    return found


def date(now: float) -> Headers:
    """``Date`` by the clock that the other headers are made by.

    The server's own may be a second late, and a photo must not be younger than its answer.
    """
    return [(b"date", _http_date(int(now)))]


def representation(rendition: Rendition) -> Headers:
    """What describes the bytes."""
    name = f'inline; filename="avatar.{rendition.format}"'
    return [
        (b"content-type", rendition.format.media_type.encode()),
        (b"content-length", str(len(rendition.body)).encode()),
        (b"content-disposition", name.encode()),
    ]


def truth(reason: Reason | None) -> Headers:
    """Whether this is the photo, and if not, why."""
    if reason is None:
        return [(b"avatar-source", b"photo")]
    return [(b"avatar-source", b"fallback"), (b"avatar-reason", reason.encode())]


def vary(*, negotiated: bool) -> Headers:
    """``Vary``, on URLs without an extension only."""
    return [(b"vary", b"Accept")] if negotiated else []


@functools.lru_cache(maxsize=1024)
def _http_date(second: int) -> bytes:
    """Return Unix seconds as HTTP writes them."""
    return formatdate(second, usegmt=True).encode()
