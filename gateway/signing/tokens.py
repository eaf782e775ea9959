"""Opaque tokens: ids that show no number, and that only a holder of the key can make.

A token is ``~`` and 76 characters of base64url: a byte for the version, four that name the key, and
the canonical id sealed with AES-SIV (RFC 5297). The same id under the same key is always the same
token, so caches hold it once. Ids are filled up to one length before they are sealed: a token does
not tell a group from a person, or a long number from a short one. The 57 bytes fill the characters
to the last bit, so no token has a second spelling.

The keys for sealing are derived from the keys for signing; neither can be learned from the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from gateway.errors import Forbidden, InvalidContact
from gateway.model import ContactId

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION: Final = b"\x01"
KEY_NAME_BYTES: Final = 4
FILLED: Final = 36
"""Bytes of every id before it is sealed; the longest canonical one has 35."""

_HEADER: Final = len(VERSION) + KEY_NAME_BYTES
_TOKEN = re.compile(r"~[A-Za-z0-9_-]{76}")

# What is signed begins with a slash: none of these can be the text of a signature.
_SEALING: Final = b"avatar-gateway: seal an id, version 1"
_NAMING: Final = b"avatar-gateway: name of a key, version 1"


@dataclass(frozen=True, slots=True)
class _Seal:
    """One key's seal, and the head of every token that is made with it."""

    header: bytes
    cipher: AESSIV = field(repr=False)

    @classmethod
    def of(cls, key: str) -> _Seal:
        secret = key.encode()
        if not secret:
            raise ValueError("an empty key seals nothing")
        name = hmac.digest(secret, _NAMING, hashlib.sha256)[:KEY_NAME_BYTES]
        return cls(VERSION + name, AESSIV(hmac.digest(secret, _SEALING, hashlib.sha512)))


class Tokens:
    """Seals with the first of `keys`, opens with all of them.

    Raises `ValueError` for an empty key, with which anybody could seal.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._seals = tuple(_Seal.of(key) for key in keys)

    def seal(self, contact: ContactId) -> str:
        """Return the token of `contact`; needs a key."""
        first = self._seals[0]
        filled = contact.value.encode().ljust(FILLED, b"\0")
        sealed = first.header + first.cipher.encrypt(filled, [first.header])
        return "~" + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, token: str) -> ContactId:
        """Return whom `token` names; raises `Forbidden` for all that no key of ours has made.

        Every key has its try, whichever the token names, so that time tells nothing of the keys.
        """
        if _TOKEN.fullmatch(token) is None:
            raise Forbidden
        data = base64.urlsafe_b64decode(token[1:])
        header, sealed = data[:_HEADER], data[_HEADER:]
        found = b""
        for seal in self._seals:
            opened = _opened(seal, header, sealed)
            ours = hmac.compare_digest(seal.header, header)
            found = opened if ours and opened else found
        return _contact(found)


def _opened(seal: _Seal, header: bytes, sealed: bytes) -> bytes:
    try:
        return seal.cipher.decrypt(sealed, [header])
    except InvalidTag:
        return b""


def _contact(filled: bytes) -> ContactId:
    """Read a sealed id; only its canonical spelling counts, so a contact has one token a key."""
    text = filled.rstrip(b"\0").decode("ascii", errors="replace")
    try:
        contact = ContactId.parse(text)
    except InvalidContact:
        raise Forbidden from None
    if contact.value != text:
        raise Forbidden
    return contact
