"""Signed URLs: who may ask for which picture, and for how long.

For web applications too: this package needs nothing but the standard library. Only
`gateway.signing.tokens` (ids that show no number) needs ``cryptography``, and is imported by
whoever wants it.
"""

from __future__ import annotations

from gateway.signing.claim import Claim
from gateway.signing.keyring import Keyring, sign

__all__ = ["Claim", "Keyring", "sign"]
