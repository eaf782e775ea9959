"""Ways through all of a store, for the sweeper: a directory's, and any other's."""

from __future__ import annotations

import asyncio
import fcntl
import functools
import itertools
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import obstore
from obstore.store import LocalStore

from gateway.portraits.places import translated
from gateway.portraits.record import HEAD
from gateway.portraits.store import key_at

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
    from concurrent.futures import Executor

    from obstore import ObjectMeta
    from obstore.store import ObjectStore

SLICE: Final = 64
"""Most records that are looked at in one go, and so held in memory."""

LEFTOVER_AGE: Final = 3600.0
"""Seconds after which an unfinished file is nobody's any more; a write takes one at most."""

_AT_ONCE: Final = 8
_PORTRAIT: Final = re.compile(r"v1/[0-9a-f]{2}/[0-9a-f]{62}")
# obstore writes beside the file, under its name, "#" and a number.
_LEFTOVER: Final = re.compile(r"[0-9a-z]+#[0-9]+")


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that a walk came by: whose, last written when, and its first `HEAD` bytes."""

    key: str
    modified: float
    head: bytes


class Walk(Protocol):
    """A way through all records of a store."""

    def slices(self, *, before: float, now: float) -> AsyncGenerator[list[Seen]]:
        """Give the records last written before `before`, at most `SLICE` at a time.

        What crashed writes left behind long before `now` is removed on the way. Times are Unix
        seconds. Raises `StoreFailed`.
        """


@asynccontextmanager
async def walking(objects: ObjectStore) -> AsyncIterator[Walk | None]:
    """Enter the way through `objects`; None if somebody on this machine is on it already.

    In an object store nobody can be kept away, but two at once do no harm. Raises `StoreFailed`.
    """
    if not isinstance(objects, LocalStore) or objects.prefix is None:
        yield ObjectWalk(objects)
        return
    root = Path(objects.prefix) / "v1"
    # Of ordinary priority: of a lower one, it could be left waiting while it holds the
    # interpreter's lock, and everybody with it. Small slices with pauses make it give way.
    thread = ThreadPoolExecutor(1, "sweeper")
    try:
        with translated():
            lock = await asyncio.get_running_loop().run_in_executor(thread, _lock, root)
        if lock is None:
            yield None
            return
        try:
            yield DirectoryWalk(root, thread)
        finally:
            os.close(lock)
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


class ObjectWalk:
    """By listing; a record is read only if the time of its writing calls for it."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def slices(self, *, before: float, now: float) -> AsyncGenerator[list[Seen]]:
        """See `Walk`; a write to an object store leaves nothing behind when it crashes."""
        del now
        listing = aiter(obstore.list(self._objects, "v1", chunk_size=SLICE))
        while True:
            with translated():
                entries = await anext(listing, None)
                seen = None if entries is None else await self._seen(entries, before)
            if seen is None:
                return
            yield seen

    async def _seen(self, entries: Sequence[ObjectMeta], before: float) -> list[Seen]:
        old = [
            entry
            for entry in entries
            if entry["last_modified"].timestamp() < before and _PORTRAIT.fullmatch(entry["path"])
        ]
        seen: list[Seen | None] = []
        for start in range(0, len(old), _AT_ONCE):
            few = old[start : start + _AT_ONCE]
            seen += await asyncio.gather(*(self._look(entry) for entry in few))
        return [each for each in seen if each is not None]

    async def _look(self, entry: ObjectMeta) -> Seen | None:
        path, head = entry["path"], b""
        if entry["size"]:  # of nothing there is no first byte to ask for
            try:
                found = await obstore.get_range_async(self._objects, path, start=0, length=HEAD)
            except FileNotFoundError:  # gone since it was listed
                return None
            head = bytes(found)
        return Seen(key_at(path), entry["last_modified"].timestamp(), head)


class DirectoryWalk:
    """Folder by folder below `root`, in a `thread` of its own."""

    def __init__(self, root: Path, thread: Executor) -> None:
        self._root = root
        self._thread = thread

    async def slices(self, *, before: float, now: float) -> AsyncGenerator[list[Seen]]:
        """See `Walk`."""
        run = functools.partial(asyncio.get_running_loop().run_in_executor, self._thread)
        with translated():
            folders = await run(_folders, self._root)
        for folder in folders:
            with translated():
                entries = await run(os.scandir, folder)
            try:
                seen: list[Seen] | None = []
                while seen is not None:
                    yield seen
                    with translated():
                        seen = await run(_look, entries, before, now)
            finally:
                await run(entries.close)


def _lock(root: Path) -> int | None:
    """Lock the way for this process; the lock ends with it. None if another has it."""
    root.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(root / "sweeping", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _folders(root: Path) -> list[Path]:
    """The folders of portraits, after the one they lie in."""
    with os.scandir(root) as entries:
        return [root, *(root / each.name for each in entries if each.is_dir())]


def _look(entries: Iterator[os.DirEntry[str]], before: float, now: float) -> list[Seen] | None:
    """Take the next few of a folder's entries; None after the last.

    Old leftovers are removed, and the portraits last written before `before` returned.
    """
    few = list(itertools.islice(entries, SLICE))
    seen = []
    for path in map(Path, few):
        with suppress(FileNotFoundError):  # gone since it was listed
            modified = path.lstat().st_mtime
            if _PORTRAIT.fullmatch(f"v1/{path.parent.name}/{path.name}"):
                if modified < before:
                    seen.append(Seen(path.parent.name + path.name, modified, _head(path)))
            elif _LEFTOVER.fullmatch(path.name) and modified < now - LEFTOVER_AGE:
                path.unlink()
    return seen if few else None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(HEAD)
    except FileNotFoundError:
        raise
    except OSError:  # one file that cannot be read must not keep the others
        return b""
