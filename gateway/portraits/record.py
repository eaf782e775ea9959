"""A portrait as bytes: a versioned header, then the sample's pixels, the small copy, the master.

=======  =====  =============================================================
Offset   Bytes  What
=======  =====  =============================================================
0        4      ``AVG3``, the layout; any other is as none
4        32     SHA-256 of all that follows up to the pixels
36       4      length of the header, big-endian
40       n      the header, a JSON object in ASCII
40 + n          the pixels and the small copy, if there are any, then the master
=======  =====  =============================================================

===============  ==========  =============================================
In the header    State       What
===============  ==========  =============================================
``contact``      all         the contact's keyed hash, 64 hex digits
``state``        all         ``photo``, ``none`` or ``suppressed``
``since``        all         when the state began
``certain``      not photo   whether the answer needs no confirming
``first``        not photo   whether it looks as if it did; missing for no
``url``          photo       the signed URL, whole
``fingerprint``  photo       what names the photo in it, 32 hex digits
``oe``           photo       when its signature ends; null if it is silent
``fetched``      photo       when the master was downloaded
``confirmed``    photo       when the upstream last vouched for it
``version``      photo       its public name, 12 hex digits
``body``         photo       SHA-256 of all behind the header, 64 hex digits
``side``         photo       pixels on each side of the sample, if any
``mode``         photo       ``RGB`` or ``RGBA``, for a sample
``small``        photo       bytes of the small copy; 0 for none
===============  ==========  =============================================

Times are Unix seconds. The first hash covers the other, so a cut, changed, swapped or foreign
object is noticed when it is read, and a header alone can be trusted without its master.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, Final

from gateway.model import Absence, Photo, PhotoUrl, Portrait, Sample

MAGIC: Final = b"AVG3"
HEAD: Final = 8192
"""Bytes from the start of a record that hold its header whole; URLs have at most 4,096."""

_HASHED: Final = len(MAGIC) + hashlib.sha256().digest_size
_START: Final = _HASHED + 4
_DEPTHS: Final = {"RGB": 3, "RGBA": 4}
_NONSENSE: Final = (ValueError, KeyError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Header:
    """What a record's first bytes tell: whose it is, and until when it was vouched for.

    `confirmed` is in Unix seconds; None for a suppression, which no time makes untrue.
    """

    contact: str
    confirmed: float | None


def encode(portrait: Portrait, digest: str) -> bytes:
    """Write `portrait` of the contact whose hexadecimal digest is `digest`."""
    header: dict[str, object] = {"contact": digest, "since": portrait.since}
    body = b""
    match portrait:
        case Photo():
            sample = portrait.sample
            pixels = b"" if sample is None else sample.pixels
            body = b"".join((pixels, portrait.small, portrait.master))
            header |= {
                "state": "photo",
                "url": portrait.source.url,
                "fingerprint": portrait.source.fingerprint,
                "oe": portrait.source.expires,
                "fetched": portrait.fetched,
                "confirmed": portrait.confirmed,
                "version": portrait.version,
                "body": hashlib.sha256(body).hexdigest(),
                "small": len(portrait.small),
            }
            if sample is not None:
                header |= {"side": sample.side, "mode": sample.mode}
        case Absence():
            state = "suppressed" if portrait.suppressed else "none"
            header |= {"state": state, "certain": portrait.certain, "first": portrait.first}
    text = json.dumps(header, separators=(",", ":")).encode()
    head = len(text).to_bytes(4, "big") + text
    return b"".join((MAGIC, hashlib.sha256(head).digest(), head, body))


def decode(data: bytes, digest: str) -> Portrait | None:
    """Read what `encode` wrote; None for anything that is not a whole record of this contact."""
    try:
        header, body = _open(data)
        if header["contact"] != digest:
            return None
        portrait = _portrait(header, body)
    except _NONSENSE:
        return None
    return portrait


def peek(head: bytes) -> Header | None:
    """Read the header from the first `HEAD` bytes of a record; None if they are none."""
    try:
        header, _ = _open(head)
        state, contact = header["state"], str(header["contact"])
        if state == "suppressed":
            return Header(contact, None)
        return Header(contact, _time(header["confirmed" if state == "photo" else "since"]))
    except _NONSENSE:
        return None


def _open(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The verified header and what follows it; raises one of `_NONSENSE`."""
    end = _START + int.from_bytes(data[_HASHED:_START], "big")
    head = data[_HASHED:end]
    if len(data) < end or data[:_HASHED] != MAGIC + hashlib.sha256(head).digest():
        raise ValueError
    header: dict[str, Any] = json.loads(head[4:])
    return header, data[end:]


def _portrait(header: dict[str, Any], body: bytes) -> Portrait | None:
    state, since = header["state"], _time(header["since"])
    if state == "photo":
        return _photo(header, since, body)
    if state not in ("none", "suppressed") or body:
        return None
    return Absence(
        since,
        certain=bool(header["certain"]),
        first=bool(header.get("first", False)),
        suppressed=state == "suppressed",
    )


def _photo(header: dict[str, Any], since: float, body: bytes) -> Photo | None:
    source = PhotoUrl(str(header["url"]))
    if (source.fingerprint, source.expires) != (header["fingerprint"], header["oe"]):
        return None
    if hashlib.sha256(body).hexdigest() != header["body"]:
        return None
    sample, rest = _part(header, body)
    small = header["small"]
    if not isinstance(small, int) or not 0 <= small <= len(rest):
        raise ValueError
    return Photo(
        source=source,
        fetched=_time(header["fetched"]),
        since=since,
        confirmed=_time(header["confirmed"]),
        version=str(header["version"]),
        sample=sample,
        master=rest[small:],
        small=rest[:small],
    )


def _part(header: dict[str, Any], body: bytes) -> tuple[Sample | None, bytes]:
    """Part the pixels, if there are any, from what follows them."""
    if "side" not in header:
        return None, body
    side, mode = header["side"], header["mode"]
    if not isinstance(side, int) or side < 1:
        raise ValueError
    length = side**2 * _DEPTHS[mode]
    return Sample(side, mode, body[:length]), body[length:]


def _time(value: object) -> float:
    """A time that can be reckoned with; `ValueError` or `TypeError` if it is none."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)
