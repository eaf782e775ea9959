"""A portrait as bytes: a small versioned header, then the sample's pixels and the master.

::

    "AVG2"  SHA-256 of all that follows  length of the header (4 bytes, big-endian)
    header (JSON)  pixels  master

With the hash, and the contact (by digest) that the header names, a cut, changed, swapped or
foreign object is noticed when it is read. "AVG1", which is still read, had no sample, and
no version in its header: there it was named after the master.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from gateway.model import Absence, Photo, PhotoUrl, Portrait, Sample, version_of

MAGIC: Final = b"AVG2"
_READ: Final = frozenset({b"AVG1", MAGIC})
_HASHED: Final = len(MAGIC) + hashlib.sha256().digest_size
_LENGTH: Final = 4
_BYTES: Final = {"RGB": 3, "RGBA": 4}


def encode(portrait: Portrait, digest: str) -> bytes:
    """Write `portrait` of the contact whose hexadecimal digest is `digest`."""
    header: dict[str, object] = {"contact": digest}
    pixels = master = b""
    match portrait:
        case Photo():
            master = portrait.master
            header |= {
                "state": "photo",
                "url": portrait.source.url,
                "fetched": portrait.fetched,
                "since": portrait.since,
                "confirmed": portrait.confirmed,
                "version": portrait.version,
            }
            if portrait.sample is not None:
                pixels = portrait.sample.pixels
                header |= {"side": portrait.sample.side, "mode": portrait.sample.mode}
        case Absence():
            header |= {"state": "none", "since": portrait.since, "certain": portrait.certain}
    text = json.dumps(header, separators=(",", ":")).encode()
    body = b"".join((len(text).to_bytes(_LENGTH, "big"), text, pixels, master))
    return MAGIC + hashlib.sha256(body).digest() + body


def decode(data: bytes, digest: str) -> Portrait | None:
    """Read what `encode` wrote; None for anything that is not a whole record of this contact."""
    magic, body = data[: len(MAGIC)], data[_HASHED:]
    if magic not in _READ or data[len(MAGIC) : _HASHED] != hashlib.sha256(body).digest():
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
        sample, master = _sample(header, body[end:])
        return Photo(
            source=PhotoUrl(str(header["url"])),
            fetched=float(header["fetched"]),
            since=float(header["since"]),
            confirmed=float(header["confirmed"]),
            version=str(header["version"]) if magic == MAGIC else version_of(master),
            sample=sample,
            master=master,
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _sample(header: dict[str, object], rest: bytes) -> tuple[Sample | None, bytes]:
    """Part the pixels, if there are any, from the master."""
    if "side" not in header:
        return None, rest
    side, mode = header["side"], header["mode"]
    if not isinstance(side, int) or not isinstance(mode, str) or side < 1:
        raise ValueError("this is no sample")
    length = side**2 * _BYTES[mode]
    return Sample(side, mode, rest[:length]), rest[length:]
