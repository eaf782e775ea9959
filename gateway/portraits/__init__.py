"""Portraits: what is known of each contact, kept where restarts do not reach it."""

from __future__ import annotations

from gateway.portraits.places import Objects, check_place, directory_of, open_objects
from gateway.portraits.record import decode, encode
from gateway.portraits.store import PortraitStore, is_suppression
from gateway.portraits.sweeper import Sweeper, sweeping
from gateway.portraits.truth import Lifetimes

__all__ = [
    "Lifetimes",
    "Objects",
    "PortraitStore",
    "Sweeper",
    "check_place",
    "decode",
    "directory_of",
    "encode",
    "is_suppression",
    "open_objects",
    "sweeping",
]
