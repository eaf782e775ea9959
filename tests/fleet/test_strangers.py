"""A server that speaks the protocol and says what it likes."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.budget import Rate, Wait
from gateway.errors import FleetFailed, Reason
from gateway.fleet import (
    ValkeyBackoffs,
    ValkeyErasures,
    ValkeyLeases,
    ValkeyLedger,
    ValkeyMasters,
)
from tests.fakes import Clock
from tests.fleet.servers import joined
from tests.processes import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "a" * 64
ANSWERS = [
    b"+OK\r\n", b":1\r\n", b":-7\r\n", b"$-1\r\n", b"$3\r\n\xff\x00\xfe\r\n", b"*-1\r\n", b"*0\r\n",
    b"*1\r\n:1\r\n", b"*3\r\n$4\r\nwait\r\n$1\r\nx\r\n$2\r\nno\r\n",
    b"*3\r\n$4\r\nwait\r\n$3\r\nnan\r\n$2\r\nno\r\n",
    b"*2\r\n$5\r\ngrant\r\n$1\r\nx\r\n",
    b"*3\r\n$1\r\nx\r\n$1\r\nx\r\n:1\r\n", b"*4\r\n$1\r\nx\r\n:1\r\n:1\r\n$1\r\nx\r\n",
    b"*5\r\n$1\r\nx\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
    b"*5\r\n:1\r\n$1\r\nx\r\n$1\r\ny\r\n$1\r\nz\r\n:2\r\n",
]  # fmt: skip


@asynccontextmanager
async def stranger(answer: bytes) -> AsyncIterator[str]:
    """Gives `answer` to whatever is sent; its address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(2**16):
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(talk, HOST, 0) as listening:
        yield f"redis://{HOST}:{listening.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("answer", ANSWERS)
async def test_an_answer_that_is_none_is_a_failure_at_most(answer: bytes) -> None:
    async with stranger(answer) as url, joined(url) as fleet:
        backoffs, masters = ValkeyBackoffs(fleet, clock=Clock()), ValkeyMasters(fleet)
        assert await backoffs.read(KEY) is None
        assert isinstance(await masters.get(KEY), bytes | None)
        assert isinstance(await masters.put(KEY, b"record", 60), bool)
        async with ValkeyLeases(fleet).lease(KEY, patience=0) as lease:
            assert isinstance(lease.held, bool)
        async with ValkeyLedger(fleet, rate=Rate(1, 60)) as ledger:
            with pytest.raises(FleetFailed):
                await ledger.take(young=3)
            with pytest.raises(FleetFailed):
                await ledger.status()
            assert isinstance(await ledger.may_retry(), bool)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_erasures_go_on_whatever_they_hear(answer: bytes) -> None:
    async with (
        stranger(answer) as url,
        joined(url) as fleet,
        ValkeyErasures(fleet, keep=30, clock=Clock()) as erasures,
    ):
        await erasures.publish(KEY)
        assert isinstance(erasures.lost(), bool)
        assert erasures.erased_after(KEY, time.time() - 1e9)


async def test_a_reason_that_is_none_is_the_upstreams() -> None:
    answer = b"*3\r\n$4\r\nwait\r\n$1\r\n9\r\n$2\r\nno\r\n"
    async with (
        stranger(answer) as url,
        joined(url) as fleet,
        ValkeyLedger(fleet, rate=Rate(1, 60)) as ledger,
    ):
        assert await ledger.take(young=3) == Wait(9, Reason.UPSTREAM)
