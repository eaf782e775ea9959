"""Names that lead nowhere, or to where nobody may go, by a real name server."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest

from tests.faults.secluded import ROUNDS, UNSHARE
from tests.processes import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Callable

Outcomes: TypeAlias = dict[str, dict[str, list[object]]]

# Whose name it is and how it resolves: what a viewer sees, picture queries and downloads.
NAMES: Final[dict[str, tuple[str, int, int]]] = {
    "api unknown": ("upstream", 0, 0),
    "api failing": ("upstream", 0, 0),
    "api without-address": ("upstream", 0, 0),
    "api private": ("photo", 1, 1),  # naming a private API is trusting it
    "cdn unknown": ("upstream", 1, 0),
    "cdn private": ("blocked", 1, 0),
    "cdn link-local": ("blocked", 1, 0),
    "cdn private-last": ("blocked", 1, 0),
    "cdn private-first": ("blocked", 1, 0),
    "cdn loopback-v6": ("blocked", 1, 0),
    "cdn mapped": ("blocked", 1, 0),
}
SILENT: Final = {"api silent": [0, 0], "cdn silent": [1, 0]}
REBINDING: Final = ("cdn rebinding-inwards", "cdn rebinding-outwards")


@pytest.fixture(scope="module")
def outcomes(engine: Callable[[str], str]) -> Outcomes:
    """All of them from one process, in a network of its own."""
    if subprocess.run([engine(UNSHARE[0]), *UNSHARE[1:], "true"], check=False).returncode:
        pytest.skip("this machine does not let us make a network of our own")
    command = [*UNSHARE, sys.executable, "-m", "tests.faults.secluded", *NAMES, *SILENT, *REBINDING]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: Outcomes = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", NAMES)
def test_a_name_is_followed_to_where_it_may_lead(outcomes: Outcomes, case: str) -> None:
    seen, *calls = NAMES[case]
    assert outcomes[case] == {"reasons": [seen, seen], "calls": calls}


@pytest.mark.parametrize("case", SILENT)
def test_a_name_server_that_says_nothing_costs_a_viewer_the_deadline(
    outcomes: Outcomes, case: str
) -> None:
    """Afterwards the system's resolver may have given up, in words that tell no silence."""
    first, last = outcomes[case]["reasons"]
    assert first == "timeout"
    assert last in {"timeout", "upstream"}
    assert outcomes[case]["calls"] == SILENT[case]


@pytest.mark.parametrize("case", REBINDING)
def test_a_name_that_changes_between_two_looks_never_leads_inside(
    outcomes: Outcomes, case: str
) -> None:
    assert set(outcomes[case]["reasons"]) <= {"blocked", "upstream"}
    assert outcomes[case]["calls"] == [ROUNDS, 0]
