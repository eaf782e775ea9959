"""The encoded answer to one request, and what is true of the contact it shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.errors import Reason
    from gateway.model.spec import Format

DIGEST_SIZE: Final = 12
"""Bytes of a hash that names a rendition."""


def digest_of(body: bytes) -> bytes:
    """Return `DIGEST_SIZE` bytes that other bodies do not have."""
    return hashlib.sha256(body).digest()[:DIGEST_SIZE]


@dataclass(frozen=True, slots=True)
class Rendition:
    """Encoded bytes, their format and their strong validator."""

    body: bytes = field(repr=False)
    format: Format
    etag: str

    @classmethod
    def of(cls, body: bytes, fmt: Format) -> Rendition:
        """Wrap `body`; the ETag is a quoted hash of the bytes."""
        return cls.named(body, fmt, digest_of(body))

    @classmethod
    def named(cls, body: bytes, fmt: Format, digest: bytes) -> Rendition:
        """Wrap `body`, whose `digest_of` is known."""
        return cls(body, fmt, f'"{digest.hex()}"')


@dataclass(frozen=True, slots=True)
class Standing:
    """How a contact stands, for every size and format alike.

    Until `fresh_until` (Unix seconds) it is shown as it is, until `expires` while a newer answer
    is sought behind the viewer. `reason` is None when there is a photo; `settled` says that a
    fallback will not change soon. `since` is when the photo became the current one and `version`
    its public name, both only for photos.
    """

    fresh_until: float
    expires: float
    reason: Reason | None = None
    settled: bool = False
    since: float | None = None
    version: str = ""


class Path(StrEnum):
    """How an answer came about (RFC 9211)."""

    HIT = "hit"
    MISS = "miss"
    COLLAPSED = "collapsed"


@dataclass(frozen=True, slots=True)
class Avatar:
    """What the service hands to the edge.

    `rendition` is None where there is no photo and the viewer wants no fallback
    (``fallback=404``).
    """

    rendition: Rendition | None
    standing: Standing
    path: Path
