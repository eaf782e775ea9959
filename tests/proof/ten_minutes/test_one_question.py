"""R3: a thousand viewers at once are one question and one download, a hundred times."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.e2e.herd import VIEWERS, stampede
from tests.machines import common, cut_off, machines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.processes import Control, Running

pytestmark = pytest.mark.anyio

ROUNDS: Final = 100
PATIENT: Final = {"GATEWAY_DEADLINE": "30s"}


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Running]:
    with processes.sandbox(tmp_path) as started:
        yield started


@pytest.fixture
def control(upstream: Running) -> Control:
    return processes.Control(upstream.url)


async def rounds(served: Sequence[Running], control: Control) -> Counter[tuple[int, int]]:
    """How many rounds cost how many questions and downloads."""
    calls: Counter[tuple[int, int]] = Counter()
    spread: Counter[int] = Counter()
    began = time.monotonic()
    for number in range(ROUNDS):
        herd = await stampede(served, control, f"1555767{number:03}1")
        calls[herd.calls] += 1
        spread += herd.taken
    seconds = time.monotonic() - began
    print(
        f"\n{ROUNDS} rounds of {VIEWERS} viewers in {seconds:.0f} s, calls {dict(calls)};", end=" "
    )
    print(f"viewers by worker: {sorted(spread.values())}; cut off: {cut_off(served)}")
    return calls


async def test_over_two_workers(upstream: Running, control: Control, tmp_path: Path) -> None:
    settings = processes.settings_for(upstream.url, tmp_path / "store", **PATIENT)
    with processes.gateway(tmp_path, settings) as served:
        assert await rounds([served], control) == {(1, 1): ROUNDS}


async def test_over_two_machines(upstream: Running, control: Control, tmp_path: Path) -> None:
    """Needs a machine that does nothing else: a Valkey that is late leaves each to itself."""
    with common(tmp_path) as shared, machines(tmp_path, upstream.url, shared, PATIENT) as served:
        calls = await rounds(served, control)
        assert calls == {(1, 1): ROUNDS}, f"Valkey was late {cut_off(served)} times"
