"""Portraits: what is known of each contact, kept where restarts do not reach it."""

from __future__ import annotations

from gateway.portraits.store import PortraitStore, check_place, open_objects
from gateway.portraits.truth import Lifetimes

__all__ = ["Lifetimes", "PortraitStore", "check_place", "open_objects"]
