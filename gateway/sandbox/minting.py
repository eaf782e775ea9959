"""Signed picture URLs: made and judged the way WhatsApp's CDN does.

The path names one version of one photo and never changes. `oe` is the expiry (hexadecimal Unix
seconds, eight digits), `oh` a MAC over the path and every other parameter: any edit is noticed.
Nothing is remembered: the contact is read back from the path, so a million contacts cost nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["BAD_HASH", "BAD_TIMESTAMP", "EXPIRED", "TAMPERED", "Photo", "Refused", "judge", "mint"]

EXPIRED: Final = "URL signature expired"
TAMPERED: Final = "URL signature mismatch"
BAD_TIMESTAMP: Final = "Bad URL timestamp"
BAD_HASH: Final = "Bad URL hash"

PREVIEW: Final = "stp=dst-jpg_s96x96&"

# No secret: it only keeps phone numbers out of plain sight and notices edits.
_KEY: Final = b"avatar-gateway sandbox"
_SERVERS: Final = ("c.us", "lid", "g.us", "newsletter")
_FILE = re.compile(r"/v/t61\.24694-24/([0-9]{9})_([0-9]{5,32})_([0-9]{15})_n\.jpg")
_TOKEN = re.compile(r"/m1/v/t24/An8([A-Za-z0-9_-]+)")
_TRIPLE = re.compile(r"([0-9]{9})_([0-9]{5,32})_([0-9]{15})")


@dataclass(frozen=True, slots=True)
class Photo:
    """One version (from 1) of one contact's photo, in one of the two sizes."""

    contact: str
    version: int = 1
    preview: bool = False


class Refused(Exception):
    """The URL is not, or no longer, good. `status` is 403 or 404; the text is the body."""

    def __init__(self, status: int, text: str) -> None:
        """Carry what the client is told."""
        super().__init__(text)
        self.status = status


def mint(photo: Photo, *, expires: float) -> str:
    """Path and query of a URL for `photo`, good until `expires` (Unix seconds)."""
    path = _path(photo)
    size = PREVIEW if photo.preview else ""
    oe = f"{int(expires):08X}"
    tail = f"oe={oe}&_nc_sid=e6ed6c&_nc_cat=111"
    return f"{path}?{size}ccb=11-4&oh={_oh(path, f'{size}ccb=11-4', tail)}&{tail}"


def judge(path: str, query: str, *, now: float) -> Photo:
    """The photo that a URL shows; `Refused` with the CDN's own words if it is not good now."""
    found = re.fullmatch(r"(.*?)&?oh=([^&]*)&?(.*)", query)
    if found is None or not re.fullmatch(r"01_[A-Za-z0-9_-]{43}", found[2]):
        raise Refused(403, BAD_HASH)
    stamp = re.search(r"(?:^|&)oe=([^&]*)", query)
    if stamp is None or not re.fullmatch(r"[0-9A-Fa-f]{8}", stamp[1]):
        raise Refused(403, BAD_TIMESTAMP)
    if not hmac.compare_digest(found[2], _oh(path, found[1], found[3])):
        raise Refused(403, TAMPERED)
    if int(stamp[1], 16) <= now:
        raise Refused(403, EXPIRED)
    photo = _photo(path)
    if photo is None:
        raise Refused(404, "Not Found")
    return Photo(photo.contact, photo.version, preview=query.startswith(PREVIEW))


def _path(photo: Photo) -> str:
    user, _, server = photo.contact.partition("@")
    first = user.partition("-")[0]
    kind = _SERVERS.index(server) + 1
    head = f"{kind}{len(first):02d}{photo.version:06d}"
    triple = f"{head}_{_shift(user.replace('-', ''), head, 1)}"
    triple = f"{triple}_{_check(triple)}"
    if server == "newsletter":
        # Channels get another kind of path, without an extension.
        return f"/m1/v/t24/An8{base64.urlsafe_b64encode(triple.encode()).decode().rstrip('=')}"
    return f"/v/t61.24694-24/{triple}_n.jpg"


def _photo(path: str) -> Photo | None:
    """The reverse of `_path`; None for a path that was never made here."""
    parts = _FILE.fullmatch(path) or _TRIPLE.fullmatch(_untoken(path))
    if parts is None or parts[3] != _check(f"{parts[1]}_{parts[2]}"):
        return None
    head = parts[1]
    user = _shift(parts[2], head, -1)
    length = int(head[1:3])
    if length < len(user):
        user = f"{user[:length]}-{user[length:]}"
    return Photo(f"{user}@{_SERVERS[int(head[0]) - 1]}", int(head[3:]))


def _untoken(path: str) -> str:
    token = _TOKEN.fullmatch(path)
    if token is None:
        return ""
    try:
        return base64.urlsafe_b64decode(token[1] + "=" * (-len(token[1]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _shift(digits: str, salt: str, step: int) -> str:
    """Each digit moved by its place in a pad, forth (1) or back (-1)."""
    pad = hmac.digest(_KEY, salt.encode(), "sha256")
    moved = ((int(digit) + step * pad[place]) % 10 for place, digit in enumerate(digits))
    return "".join(map(str, moved))


def _check(text: str) -> str:
    return f"{int.from_bytes(hmac.digest(_KEY, text.encode(), 'sha256')[:8], 'big'):020d}"[-15:]


def _oh(path: str, before: str, after: str) -> str:
    message = f"{path}?{before}&{after}".encode()
    mac = base64.urlsafe_b64encode(hmac.digest(_KEY, message, "sha256")).decode()
    return f"01_{mac.rstrip('=')}"
