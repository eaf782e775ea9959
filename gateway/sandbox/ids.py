"""Contact ids as the simulated WhatsApp reads them, and the colour that tells whose photo it is.

The sandbox shares no code with the gateway on purpose: two readings of the same rules that
disagree are found by the tests, one shared mistake is not.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
import re
from functools import lru_cache

from gateway.sandbox.cast import owner_of

__all__ = ["Colour", "canonical", "colour_of", "seed_of"]

_USERS = {
    "c.us": re.compile(r"[1-9][0-9]{6,14}"),
    "lid": re.compile(r"[0-9]{5,20}"),
    "g.us": re.compile(r"[0-9]{5,24}|[0-9]{5,16}-[0-9]{9,11}"),
    "newsletter": re.compile(r"[0-9]{10,24}"),
}

Colour = tuple[int, int, int]


def canonical(text: str) -> str | None:
    """The one spelling of a contact id, or None for what WhatsApp knows no picture of.

    Takes a bare phone number, `…@c.us`, `…@s.whatsapp.net` (a device number is dropped),
    `…@lid`, `…@g.us` and `…@newsletter`.
    """
    user, _, server = text.strip().partition("@")
    server = server.lower()
    if server in {"", "s.whatsapp.net"}:
        server = "c.us"
    if server in {"c.us", "lid"}:
        user = re.sub(r"(?:\.[0-9]{1,2})?:[0-9]{1,3}$", "", user)
    if server == "c.us":
        user = re.sub(r"[+(). -]", "", user).removeprefix("00")
    shape = _USERS.get(server)
    if shape is None or not shape.fullmatch(user):
        return None
    return f"{user}@{server}"


def seed_of(contact_id: str, version: int = 1) -> bytes:
    """32 bytes that depend on nothing but the contact and the version of its photo."""
    name = contact_id if version == 1 else f"{contact_id}#{version}"
    return hashlib.sha256(name.encode()).digest()


@lru_cache(maxsize=4096)
def colour_of(contact_id: str, version: int = 1) -> Colour:
    """The flat colour (0-255 each) in the top left of a contact's drawn photo.

    `version` counts the contact's photos from 1; each has its own colour. What comes back from
    a JPEG differs from it by a few steps a channel.
    """
    seed = seed_of(owner_of(canonical(contact_id) or contact_id), version)
    hue = int.from_bytes(seed[:2], "big") / 65536
    # Greens, cyans and magentas shout, so they are paler than the rest.
    green, magenta = (max(0.0, math.cos(2 * math.pi * (hue - loud))) for loud in (0.42, 0.85))
    saturation = (0.28 + 0.24 * seed[2] / 255) * (1 - 0.48 * green - 0.25 * magenta)
    value = 0.76 + 0.18 * seed[3] / 255
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
