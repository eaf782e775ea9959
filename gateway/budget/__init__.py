"""Manners towards the upstream: who may ask it, and when."""

from __future__ import annotations

from gateway.budget.backoffs import MAX_BACKOFF, Backoff, Backoffs, SharedBackoffs
from gateway.budget.database import Database
from gateway.budget.filed import FileBackoffs, FileLedger
from gateway.budget.ledger import Grant, Ledger, LedgerStatus, Outcome, Wait
from gateway.budget.memory import MemoryBackoffs, MemoryLedger
from gateway.budget.rate import Rate
from gateway.budget.sheltered import ShelteredLedger
from gateway.budget.turn import Turn
from gateway.budget.turns import Budget
from gateway.budget.waiting import Priority

__all__ = [
    "MAX_BACKOFF",
    "Backoff",
    "Backoffs",
    "Budget",
    "Database",
    "FileBackoffs",
    "FileLedger",
    "Grant",
    "Ledger",
    "LedgerStatus",
    "MemoryBackoffs",
    "MemoryLedger",
    "Outcome",
    "Priority",
    "Rate",
    "SharedBackoffs",
    "ShelteredLedger",
    "Turn",
    "Wait",
]
