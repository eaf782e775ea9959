"""A line: whole answers come over it, in pieces of any size; anything else ends it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.darkroom.line import Line
from gateway.darkroom.wire import ANSWER, LARGEST, LENGTH, Word
from tests.fakes import settle

if TYPE_CHECKING:
    import socket

BODY = bytes(range(256))


async def test_an_answer_comes_in_pieces_of_any_size() -> None:
    line, theirs = await Line.open()
    with theirs:
        for size in (1, 3, 5, 6, 99, 999):
            asking = asyncio.create_task(line.ask(b"a job"))
            await settle()
            assert theirs.recv(99) == LENGTH.pack(5) + b"a job"
            said = ANSWER.pack(Word.FAILED, len(BODY)) + BODY
            for start in range(0, len(said), size):
                theirs.sendall(said[start : start + size])
                if size < 6:
                    await settle()
            word, body = await asking
            assert (word, body.tobytes()) == (Word.FAILED, BODY)
        line.close()


async def test_an_answer_may_be_empty() -> None:
    line, theirs = await Line.open()
    with theirs:
        for _ in range(3):
            asking = asyncio.create_task(line.ask(b"a job"))
            await settle()
            theirs.sendall(ANSWER.pack(Word.UNDECODABLE, 0))
            assert await asking == (Word.UNDECODABLE, memoryview(b""))
        line.close()


@pytest.mark.parametrize(
    "said",
    [ANSWER.pack(Word.DONE, LARGEST + 1), ANSWER.pack(Word.DONE, 9) + b"cut", b"\1", b""],
    ids=["too long", "cut", "cut in the head", "nothing"],
)
async def test_what_is_no_answer_ends_the_line(said: bytes) -> None:
    line, theirs = await Line.open()
    asking = asyncio.create_task(line.ask(b"a job"))
    await settle()
    theirs.sendall(said)
    if len(said) != ANSWER.size:
        theirs.close()
    with pytest.raises(EOFError):
        await asking
    await refused(line)
    theirs.close()


@pytest.mark.parametrize("said", [b"\1", ANSWER.pack(Word.DONE, 1) + b"x"])
async def test_what_comes_unasked_ends_the_line(said: bytes) -> None:
    line, theirs = await Line.open()
    with theirs:
        theirs.sendall(said)
        await hung_up(theirs)
        await refused(line)


@pytest.mark.parametrize("said", [0, 3, 5, 7])
async def test_who_leaves_before_the_answer_ends_the_line(said: int) -> None:
    """The answer would be taken for the next one's."""
    line, theirs = await Line.open()
    with theirs:
        asking = asyncio.create_task(line.ask(b"a job"))
        await settle()
        theirs.sendall((ANSWER.pack(Word.DONE, 5) + b"first")[:said])
        await settle()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await refused(line)
        assert theirs.recv(99) == LENGTH.pack(5) + b"a job"
        await hung_up(theirs)


async def test_who_waits_when_it_is_closed_is_told_so() -> None:
    line, theirs = await Line.open()
    with theirs:
        asking = asyncio.create_task(line.ask(b"a job"))
        await settle()
        line.close()
        line.close()
        with pytest.raises(EOFError):
            await asking


async def refused(line: Line) -> None:
    with pytest.raises(EOFError):
        await line.ask(b"another")


async def hung_up(theirs: socket.socket) -> None:
    """Wait until the other end is closed."""
    theirs.settimeout(0)
    async with asyncio.timeout(20):
        while True:
            try:
                if theirs.recv(1) == b"":
                    return
            except BlockingIOError:
                await asyncio.sleep(0)
            except ConnectionResetError:
                return
