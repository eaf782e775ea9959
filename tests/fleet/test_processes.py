"""Processes that share nothing but the server: races, and deaths in the middle."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from gateway.budget import Grant, Wait
from gateway.fleet import ValkeyErasures, ValkeyLeases, ValkeyLedger
from tests.fleet.member import KEY, LIMIT, PERIOD
from tests.processes import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.fleet import Fleet
    from tests.fleet.servers import Server


@contextmanager
def member(server: Server, task: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.fleet.member", server.url, task]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def heard(process: subprocess.Popen[str]) -> str:
    """The next line, while everything here goes on."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await asyncio.to_thread(process.stdout.readline)).strip()


async def test_what_a_killed_worker_held_is_free_within_five_seconds(
    server: Server, fleet: Fleet
) -> None:
    with member(server, "hold") as holder:
        assert await heard(holder) == "held"
        async with ValkeyLedger(fleet, rate=None) as ledger:
            assert isinstance(await ledger.take(young=60), Wait)
            holder.kill()
            died = time.monotonic()
            async with ValkeyLeases(fleet).lease(KEY, patience=30) as lease:
                assert lease.held
                assert lease.waited
                assert time.monotonic() - died <= 5
            while isinstance(taken := await ledger.take(young=60), Wait):
                assert time.monotonic() - died <= 10  # twice five
            assert isinstance(taken, Grant)


async def test_no_window_of_four_machines_holds_more_than_the_rate(server: Server) -> None:
    with ExitStack() as stack:
        members = [stack.enter_context(member(server, "ask")) for _ in range(4)]
        asked = sorted(float(line) for each in members for line in each.communicate()[0].split())
    # A process says when after the server noted it: what is late by a little is told by a little.
    inside = [
        index + 1 - bisect_left(asked, when - 0.9 * PERIOD) for index, when in enumerate(asked)
    ]
    assert max(inside) <= LIMIT
    assert len(asked) >= 2 * LIMIT  # and it is used


async def test_an_erasure_reaches_another_process_within_a_second(
    server: Server, fleet: Fleet
) -> None:
    with member(server, "hear") as listener:
        assert await heard(listener) == "listening"
        async with ValkeyErasures(fleet, keep=30, clock=time.time) as erasures:
            for number in range(20):
                key = f"{number:064}"
                began = time.monotonic()
                await erasures.publish(key)
                assert await heard(listener) == key
                assert time.monotonic() - began <= 2  # twice a second


async def test_a_process_that_was_cut_off_reads_on_where_it_was(
    server: Server, fleet: Fleet
) -> None:
    with member(server, "hear") as listener:
        assert await heard(listener) == "listening"
        async with ValkeyErasures(fleet, keep=30, clock=time.time) as erasures:
            await erasures.publish("first")
            assert await heard(listener) == "first"
            with server.admin() as admin:
                admin.client_kill_filter(_type="normal")  # every connection, ours too
            for key in ("second", "third"):
                await erasures.publish(key)
            assert {await heard(listener), await heard(listener)} == {"second", "third"}


async def test_a_process_that_slept_through_too_much_drops_everything(
    server: Server, fleet: Fleet
) -> None:
    with member(server, "hear") as listener:
        assert await heard(listener) == "listening"
        async with ValkeyErasures(fleet, keep=30, clock=time.time, entries=5) as erasures:
            await erasures.publish("first")
            assert await heard(listener) == "first"
            listener.send_signal(signal.SIGSTOP)
            for number in range(20):
                await erasures.publish(str(number))
            listener.send_signal(signal.SIGCONT)
            lines = [await heard(listener)]
            while lines[-1] != "lost":
                lines.append(await heard(listener))
            await erasures.publish("last")
            while lines[-1] != "last":
                lines.append(await heard(listener))
