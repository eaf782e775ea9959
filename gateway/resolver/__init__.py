"""Resolvers: where the URL of a contact's picture is learned."""

from __future__ import annotations

from gateway.resolver.evolution import Evolution
from gateway.resolver.protocol import Resolver
from gateway.resolver.sessions import Session
from gateway.resolver.waha import Waha
from gateway.resolver.wawp import Wawp

__all__ = ["Evolution", "Resolver", "Session", "Waha", "Wawp"]
