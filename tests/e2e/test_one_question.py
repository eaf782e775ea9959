"""One question for one face, over all workers and machines, also when the one that leads dies."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.e2e.herd import VIEWERS, connect, stampede
from tests.e2e.readers import look
from tests.e2e.wire import answers
from tests.machines import common, cut_off, machines
from tests.workers import workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.e2e.wire import Received
    from tests.machines import Common
    from tests.processes import Control, Running

pytestmark = pytest.mark.anyio

PATIENT: Final = {"GATEWAY_DEADLINE": "30s"}
TAKEN_OVER: Final = 5.0
"""Seconds within which others have the photo that a dead worker was asking for."""


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Common]:
    with common(tmp_path) as shared:
        yield shared


@pytest.fixture
def own_upstream(tmp_path: Path) -> Iterator[Running]:
    with processes.sandbox(tmp_path) as started:
        yield started


@pytest.fixture
def own_control(own_upstream: Running) -> Control:
    return processes.Control(own_upstream.url)


async def test_two_workers_ask_once_for_a_thousand_viewers_and_again_when_the_first_dies(
    own_upstream: Running, own_control: Control, tmp_path: Path
) -> None:
    settings = processes.settings_for(own_upstream.url, tmp_path / "store", **PATIENT)
    with processes.gateway(tmp_path, settings) as served:
        herd = await stampede([served], own_control, "15557650001")
        assert herd.calls == (1, 1)
        assert len(herd.taken) == 2
        assert sum(herd.taken.values()) >= VIEWERS
        await takes_over([served], own_control, "15557650002")


async def test_two_machines_ask_once_for_a_thousand_viewers_and_again_when_the_first_dies(
    own_upstream: Running, own_control: Control, shared: Common, tmp_path: Path
) -> None:
    with machines(tmp_path, own_upstream.url, shared, PATIENT) as served:
        for attempt in range(5):
            herd = await stampede(served, own_control, f"1555766001{attempt}")
            assert len(herd.taken) == 4
            if herd.calls == (1, 1):
                break
            # Where Valkey does not answer in time, each machine asks for itself.
            assert max(herd.calls) <= len(served)
            assert cut_off(served)
        assert herd.calls == (1, 1)
        await takes_over(served, own_control, "15557650002")


async def test_what_a_url_says_besides_costs_no_question(
    own_upstream: Running, own_control: Control, tmp_path: Path
) -> None:
    settings = processes.settings_for(own_upstream.url, tmp_path / "store", **PATIENT)
    targets = [f"/avatar/15557650003.png?size=48&cb={number}" for number in range(1_000)]

    def judge(_target: str, answer: Received) -> None:
        assert answer.headers["avatar-source"] == "photo"

    with processes.gateway(tmp_path, settings) as served:
        await look(served.url, targets, judge=judge)
    counts = own_control.counts()
    assert (counts["picture"], counts["cdn"]) == (1, 1)


async def takes_over(served: Sequence[Running], control: Control, number: str) -> None:
    """Kill the worker that asks while others wait: one of them asks in its place."""
    before = control.counts()
    control.gate("picture", "close")
    wanted = [f"/avatar/{number}.png"]
    leader, *_ = workers(served[0])
    [first] = await connect(served[0], leader, wanted, 1)
    await asyncio.to_thread(control.waiting, "picture", 1)
    others = []
    for each in served:
        for worker in workers(each) - {leader}:
            others += await connect(each, worker, wanted, 5)
    os.kill(leader, signal.SIGKILL)
    died = time.monotonic()
    control.gate("picture", "open")
    for viewer in others:
        [answer] = answers(await viewer.answer())
        assert answer.headers["avatar-source"] == "photo"
    assert time.monotonic() - died <= 2 * TAKEN_OVER
    with suppress(ConnectionError):
        assert await first.answer() == b""
    after = control.counts()
    pictures, downloads = (after[kind] - before[kind] for kind in ("picture", "cdn"))
    # The dead one's, and that of whoever took over: one on each machine that Valkey has cut off.
    assert pictures == 2 or (pictures <= 1 + len(served) and cut_off(served))
    assert downloads < pictures
