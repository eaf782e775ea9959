"""A portrait as bytes: a small versioned header, then the master.

::

    "AVG1"  SHA-256 of all that follows  header length (4 bytes, big-endian)  header (JSON)  master

With the hash, and the contact (by digest) that the header names, a cut, changed, swapped or
foreign object is noticed when it is read.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from gateway.model import Absence, Photo, PhotoUrl, Portrait

MAGIC: Final = b"AVG1"
_HASHED: Final = len(MAGIC) + hashlib.sha256().digest_size
_LENGTH: Final = 4


def encode(portrait: Portrait, digest: str) -> bytes:
    """Write `portrait` of the contact whose hexadecimal digest is `digest`."""
    header: dict[str, object] = {"contact": digest}
    master = b""
    match portrait:
        case Photo():
            master = portrait.master
            header |= {
                "state": "photo",
                "url": portrait.source.url,
                "fetched": portrait.fetched,
                "since": portrait.since,
                "confirmed": portrait.confirmed,
            }
        case Absence():
            header |= {"state": "none", "since": portrait.since, "certain": portrait.certain}
    text = json.dumps(header, separators=(",", ":")).encode()
    body = b"".join((len(text).to_bytes(_LENGTH, "big"), text, master))
    return MAGIC + hashlib.sha256(body).digest() + body


def decode(data: bytes, digest: str) -> Portrait | None:
    """Read what `encode` wrote; None for anything that is not a whole record of this contact."""
    body = data[_HASHED:]
    if data[:_HASHED] != MAGIC + hashlib.sha256(body).digest():
        return None
    end = _LENGTH + int.from_bytes(body[:_LENGTH], "big")
    try:
        header = json.loads(body[_LENGTH:end])
        if header["contact"] != digest:
            return None
        if header["state"] == "none":
            return Absence(since=float(header["since"]), certain=bool(header["certain"]))
        if header["state"] != "photo":
            return None
        return Photo(
            source=PhotoUrl(str(header["url"])),
            fetched=float(header["fetched"]),
            since=float(header["since"]),
            confirmed=float(header["confirmed"]),
            master=body[end:],
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
