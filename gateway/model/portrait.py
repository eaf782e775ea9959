"""What is known of a contact: the portrait, and the URL that it came from."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field, fields
from typing import Final, NamedTuple
from urllib.parse import parse_qs

EXPIRY_SKEW: Final = 300.0
"""A URL counts as expired this many seconds before it says so."""

UNSAID: Final = 86_400.0
"""Seconds for which a URL is believed that does not say how long it lives."""

PLAUSIBLE: Final = 60 * 86_400.0
"""Seconds, either way, within which an expiry is taken at its word; real ones are ten days."""

SMALL: Final = 160
"""Pixels on each side of a photo's small copy."""

MOST_FROM_SMALL: Final = 128
"""Most pixels on each side of a picture that is drawn from the small copy."""

_PREVIEW: Final = re.compile(r"_s([0-9]{1,5})x[0-9]{1,5}(?:_|$)")
_EXPIRY: Final = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class PhotoUrl:
    """A signed URL at the CDN. It is a secret: whoever holds it holds the photo, so no `repr`."""

    url: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Names the photo, whatever signature the URL carries: path and ``stp``, hashed.

        Re-signed URLs of one photo differ in ``oe`` and ``oh`` only; the 96 px preview may share
        the path of the full picture and differ in ``stp``. 32 hexadecimal digits.
        """
        path, query = self._parts()
        named = f"{path}\n{query.get('stp', [''])[0]}"
        return hashlib.sha256(named.encode(errors="surrogatepass")).hexdigest()[:32]

    @property
    def expires(self) -> int | None:
        """``oe`` as Unix seconds (hexadecimal in the URL); None if absent or malformed."""
        value = self._parts()[1].get("oe", [""])[0]
        return int(value, 16) if _EXPIRY.fullmatch(value) else None

    def dead_at(self, learned: float) -> float:
        """When it stops working, in Unix seconds, if it was `learned` then.

        What ``oe`` says, unless it says nothing or nothing plausible: then a day later.
        """
        said = self.expires
        if said is None or abs(said - learned) > PLAUSIBLE:
            return learned + UNSAID
        return said - EXPIRY_SKEW

    def covers(self, other: PhotoUrl) -> bool:
        """Whether the picture here is the one at `other` too, and no smaller preview of it."""
        if self.fingerprint == other.fingerprint:
            return True
        own, its = self._side(), other._side()
        if own is None or its is None or self._parts()[0] != other._parts()[0]:
            return False
        return own >= its

    def _side(self) -> float | None:
        """Pixels on each side of a preview; infinity for the full picture, None if unreadable."""
        stp = self._parts()[1].get("stp", [""])[0]
        if not stp:
            return math.inf
        match = _PREVIEW.search(stp)
        return None if match is None else float(match[1])

    def _parts(self) -> tuple[str, dict[str, list[str]]]:
        """Path and query of any text at all: an upstream may call anything a URL."""
        rest = self.url.partition("#")[0].partition("://")[2]
        address, _, query = rest.partition("?")
        try:
            return address.partition("/")[2], parse_qs(query)
        except ValueError:  # more fields than parse_qs takes
            return address, {}


def version_of(data: bytes) -> str:
    """The public name of a picture: 12 hexadecimal digits of the hash of its bytes."""
    return hashlib.sha256(data).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Sample:
    """A square picture of `side` pixels, row by row: `mode` is RGB (3 bytes each) or RGBA (4)."""

    side: int
    mode: str
    pixels: bytes = field(repr=False)


class Master(NamedTuple):
    """The clean picture, and its middle square of `SMALL` pixels; empty if that would save little.

    Both are JPEG or WebP, upright, sRGB, without metadata.
    """

    whole: bytes
    small: bytes = b""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A contact's photo has come: all that is known of it but the master, which takes longer.

    Times are Unix seconds: `fetched` when the photo was downloaded, `since` when it became the
    current one, `confirmed` when the upstream last vouched for it. `version` is the photo's
    public name, made from the bytes that the CDN sent. `sample` is what a picture of its side is
    drawn from, now and whenever it is wanted again: so its bytes are the same everywhere.
    """

    source: PhotoUrl
    fetched: float
    since: float
    confirmed: float
    version: str
    sample: Sample | None

    def developed(self, master: Master) -> Photo:
        """The photo, now that its master is there."""
        return Photo(
            **{each.name: getattr(self, each.name) for each in fields(Sighting)},
            master=master.whole,
            small=master.small,
        )


@dataclass(frozen=True, slots=True)
class Photo(Sighting):
    """A contact whose photo we hold.

    `master` and `small` are what renditions of every other side are made from: the clean picture
    of at most 1024 px, and as in `Master` its small copy.
    """

    master: bytes = field(repr=False)
    small: bytes = field(default=b"", repr=False)

    def original(self, pixels: int) -> bytes:
        """The smaller of the two that a picture of so many pixels can be drawn from."""
        return self.small if self.small and pixels <= MOST_FROM_SMALL else self.master


@dataclass(frozen=True, slots=True)
class Absence:
    """A contact known to have no photo for us: hidden, never set, not on WhatsApp.

    `since` is the time of the answer (Unix seconds). While it is not `certain`, one refresh is
    owed before it is believed: the API stores an absence after any trouble of its own. The `first`
    of its kind may be certain too, but looks as if it were not: how sure the API is would tell
    something about the person. One that is `suppressed` was ordered: nobody is asked until somebody
    orders a refresh.
    """

    since: float
    certain: bool
    first: bool = False
    suppressed: bool = False

    @property
    def settled(self) -> bool:
        """Whether viewers are told that it will last."""
        return self.certain and not self.first


Portrait = Photo | Absence
