"""What the budget hears of a query, by how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway import errors
from gateway.budget import Outcome
from gateway.queries import outcome_of

if TYPE_CHECKING:
    from gateway.errors import AvatarUnavailable

OUTCOMES = {
    errors.NoPhoto("", confirmed=True): Outcome.ANSWERED,
    errors.NoPhoto("", confirmed=False): Outcome.ANSWERED,
    errors.UpstreamFailed("garbage"): Outcome.ANSWERED,
    errors.Blocked(""): Outcome.ANSWERED,
    errors.Unreachable(""): Outcome.TROUBLE,
    errors.ServerError("", passing=True): Outcome.TROUBLE,
    errors.ServerError("", passing=False): Outcome.TROUBLE,
    errors.Refused(""): Outcome.REFUSED,
    errors.Disconnected(""): Outcome.REFUSED,
    errors.OverBudget("", retry_after=3.0): Outcome.THROTTLED,
    errors.OverBudget(""): Outcome.THROTTLED,
    errors.TimedOut(""): Outcome.DROPPED,
}


@pytest.mark.parametrize(
    ("failure", "outcome"), OUTCOMES.items(), ids=lambda each: type(each).__name__
)
def test_a_failure_has_its_outcome(failure: AvatarUnavailable, outcome: Outcome) -> None:
    assert outcome_of(failure) is outcome
