"""Resolvers: where the URL of a contact's picture is learned."""

from __future__ import annotations

from gateway.resolver.wawp import Session, Wawp

__all__ = ["Session", "Wawp"]
