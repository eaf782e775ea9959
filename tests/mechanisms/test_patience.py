"""A time-out that takes what has come before it gives up."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from gateway.patience import GRACE, patient


async def test_what_never_comes_is_given_up_in_time() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with patient(0.1):
            await asyncio.Event().wait()
    assert 0.1 <= time.monotonic() - began < 2 * (0.1 + GRACE)


async def test_what_comes_in_time_ends_it() -> None:
    async with patient(0.1):
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)  # no timer is left that could go off


async def test_no_time_at_all_is_none() -> None:
    with pytest.raises(TimeoutError):
        async with patient(-1):
            await asyncio.Event().wait()


async def read(limit: object, line: int) -> bytes:
    """Wait 0.1 s for an answer that has lain there for 0.2 s when the loop comes to look."""
    here, there = socket.socketpair()
    with there:
        reader, writer = await asyncio.open_connection(sock=here)
        loop = asyncio.get_running_loop()

        def hold_up() -> None:
            there.sendall(b"answer\n" * line)
            time.sleep(0.3)

        loop.call_soon(hold_up)
        try:
            async with limit:  # type: ignore[attr-defined]
                return b"".join([await reader.readline() for _ in range(line)])
        finally:
            writer.close()


async def test_an_answer_that_has_come_counts_though_the_loop_was_held_up() -> None:
    assert await read(patient(0.1), 3) == b"answer\n" * 3


async def test_asyncios_own_would_not_have_taken_it() -> None:
    with pytest.raises(TimeoutError):
        await read(asyncio.timeout(0.1), 3)


async def test_who_is_cancelled_inside_is_cancelled() -> None:
    async def wait() -> None:
        async with patient(10):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
