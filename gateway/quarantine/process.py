"""A child as the worker sees it: started, talked to over one socket, ended and reaped."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.children import spawn
from gateway.quarantine import frames

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Mapping
    from concurrent.futures import Executor

    from gateway.quarantine.frames import Kind

_BUFFER: Final = 2**18
"""Bytes of an answer that are held beside the frame they belong to."""


class Garbled(Exception):
    """The child said what it may not say."""


class Child:
    """A child process that serves on the other end of a socket.

    `entry` names its main function as ``module:function``; it is called with the descriptor of
    the child's end.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, entry: str) -> Child:
        """Start a child; `hear` its first word before anything is said. Raises `OSError`."""
        ours, theirs = socket.socketpair()
        with theirs:
            ours.settimeout(0)
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_BUFFER)
            # Nothing is waited for after this: a process that is there has somebody to end it.
            try:
                # From the event loop's thread: a child ends with the thread that started it.
                process = spawn(entry, theirs.fileno())
            except BaseException:
                writer.transport.abort()
                raise
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    async def tell(self, frame: bytes) -> None:
        """Send a frame; raises `OSError` if the child is gone."""
        self._writer.write(frame)
        await self._writer.drain()

    async def hear(self, expected: Mapping[Kind, Collection[int]]) -> tuple[Kind, bytes]:
        """Read the next frame, of an `expected` kind and length; `Garbled` if it is another.

        Raises `EOFError` or `OSError` if the child is gone.
        """
        kind, length = frames.head(await self._reader.readexactly(frames.HEAD_SIZE))
        for each, lengths in expected.items():
            if kind == each and length in lengths:
                return each, await self._reader.readexactly(length)
        raise Garbled

    def kill(self) -> None:
        """Kill the child; whoever hears it hears its end. `end` must follow."""
        self._process.kill()

    async def end(self, reaper: Executor) -> int:
        """Kill the child, wait for its end in a thread of `reaper`; its exit status.

        A child that has ended already keeps the status it ended with.
        """
        self._process.kill()
        self._writer.transport.abort()
        status = await asyncio.get_running_loop().run_in_executor(reaper, self._process.wait)
        with suppress(OSError):
            await self._writer.wait_closed()
        return status
