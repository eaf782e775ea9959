"""Manners towards the upstream: who may ask it, and when."""

from __future__ import annotations

from gateway.budget.backoffs import MAX_BACKOFF, Backoff, Backoffs, SharedBackoffs
from gateway.budget.ledger import Grant, Ledger, LedgerStatus, Outcome, Wait

__all__ = [
    "MAX_BACKOFF",
    "Backoff",
    "Backoffs",
    "Grant",
    "Ledger",
    "LedgerStatus",
    "Outcome",
    "SharedBackoffs",
    "Wait",
]
