"""Keys that rotate: the first signs, all of them verify."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from gateway.errors import Forbidden
from gateway.signing.claim import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNATURE_BYTES: Final = 16
"""How much of the HMAC is sent: 128 bits, 22 characters."""


def sign(url: str, key: str, *, expires: float | None = None) -> str:
    """Return `url` (or its path) with ``exp`` and ``sig``, good until `expires` in Unix seconds.

    What the gateway is asked for begins at the last ``/avatar/`` of the path, so a base with a path
    of its own does no harm. A signature that was there before is replaced, an ``exp`` only by
    `expires`; everything else stays as it is spelt. Raises `ValueError` for a URL that leads to no
    avatar, and without a key.
    """
    if not key:
        raise ValueError("an empty key signs nothing")
    address, hash_sign, fragment = url.partition("#")
    path, _, query = address.partition("?")
    _, found, rest = path.rpartition("/avatar/")
    if not (found and rest):
        raise ValueError("there is no avatar behind this URL")
    replaced = {"sig"} if expires is None else {"sig", "exp"}
    pairs = [
        pair
        for pair in query.split("&")
        if pair and unquote_plus(pair.partition("=")[0]) not in replaced
    ]
    if expires is not None:
        pairs.append(f"exp={math.floor(expires)}")
    claim = Claim.of((found + rest).encode(), "&".join(pairs).encode())
    pairs.append(f"sig={signature(claim.message, key.encode()).decode()}")
    return f"{path}?{'&'.join(pairs)}{hash_sign}{fragment}"


def signature(message: bytes, key: bytes) -> bytes:
    """Return the one spelling of the signature of `message`."""
    mac = hmac.digest(key, message, hashlib.sha256)[:SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(mac).rstrip(b"=")


class Keyring:
    """The keys of a gateway; false if there are none, and then nothing verifies.

    Raises `ValueError` for an empty key, with which anybody could sign.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = tuple(key.encode() for key in keys)
        if not all(self._keys):
            raise ValueError("an empty key signs nothing")

    def __bool__(self) -> bool:
        return bool(self._keys)

    def verify(self, claim: Claim, *, now: float) -> None:
        """Raise `Forbidden` unless one key signed `claim`, and it ends after `now`.

        It takes as long for a right signature as for a wrong one, whichever key made it: no
        comparison stops early, and none is left out. Signatures are compared as text, for bytes
        have several spellings: the last of 22 characters has four bits that mean nothing.
        """
        given = claim.signatures[0] if len(claim.signatures) == 1 else b""
        genuine = False
        for key in self._keys:
            genuine |= hmac.compare_digest(signature(claim.message, key), given)
        if not genuine or now >= claim.end:
            raise Forbidden
