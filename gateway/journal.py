"""A file in which the workers of one machine tell each other who was erased.

::

    offset   0  magic, 8 bytes
             8  capacity: records in the ring (uint64)
            16  generation: records ever written (uint64); record n lies in slot n % capacity
          4096  slots of 40 bytes: the contact's digest, 32 bytes, and Unix seconds (float64)

Native byte order: the file never leaves its machine. A ring needs no rotation that a reader could
miss, and all of it is allocated when it is made, so a full disk keeps no erasure from being told.
Writers hold the file's lock; a record counts once the generation says so, so a writer that is
killed before has told nothing. Readers hold no lock: they map the first page and read on while it
changes; who is further behind than the ring is long knows that they missed something. A damaged
file is replaced, never cut: others have it mapped.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from typing import TYPE_CHECKING, Final

from gateway.flocks import is_at, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_MAGIC: Final = b"erased-1"
_HEAD: Final = struct.Struct("=8sQQ")
_GENERATION: Final = struct.Struct("=Q")
_RECORD: Final = struct.Struct("=32sd")
_GENERATION_AT: Final = 16
_PAGE: Final = 4096

Record = tuple[str, float]
"""A contact's key, 64 hexadecimal digits, and when it was erased."""


class Journal:
    """The file at `path`, opened; made or replaced if it is missing or damaged.

    `generation[0]` is how many records were ever written, for the price of a look into memory.
    Opening and appending wait for the lock; they, and reading, raise `OSError`.
    """

    def __init__(self, path: Path, *, capacity: int) -> None:
        self._path = path
        self._capacity = capacity
        self._file = _locked(path, capacity)
        fcntl.flock(self._file, fcntl.LOCK_UN)
        page = mmap.mmap(self._file, _PAGE, access=mmap.ACCESS_READ)
        self.generation: Sequence[int] = memoryview(page)[
            _GENERATION_AT : _GENERATION_AT + _GENERATION.size
        ].cast("Q")

    def close(self) -> None:
        """Give up the file; the generation stands still from now on."""
        self.generation = (self.generation[0],)
        os.close(self._file)

    def is_current(self) -> bool:
        """Whether whoever opens the file now gets this one."""
        return is_at(self._file, self._path)

    def append(self, records: Iterable[Record]) -> None:
        """Tell all workers, also those that have a newer file open than this one."""
        file = _locked(self._path, self._capacity)
        try:
            for number, (key, when) in enumerate(records, _generation(file)):
                record = _RECORD.pack(bytes.fromhex(key), when)
                os.pwrite(file, record, _slot(number, self._capacity))
                os.pwrite(file, _GENERATION.pack(number + 1), _GENERATION_AT)
        finally:
            os.close(file)

    def read(self, start: int, end: int) -> Sequence[Record] | None:
        """Return the records from number `start` up to `end`; None if some are lost."""
        if not 0 <= end - start < self._capacity:
            return None
        turn = min(end, start + self._capacity - start % self._capacity)
        data = self._slots(start, turn) + self._slots(turn, end)
        # A writer is at most one record ahead of the generation that it has shown.
        if (
            self.generation[0] - start >= self._capacity
            or len(data) != (end - start) * _RECORD.size
        ):
            return None
        return [(key.hex(), when) for key, when in _RECORD.iter_unpack(data)]

    def _slots(self, start: int, end: int) -> bytes:
        """The records from `start` to `end`, which lie in one piece."""
        return os.pread(self._file, (end - start) * _RECORD.size, _slot(start, self._capacity))


def _slot(number: int, capacity: int) -> int:
    return _PAGE + number % capacity * _RECORD.size


def _locked(path: Path, capacity: int) -> int:
    """Return a descriptor of a sound file at `path`, locked."""
    while True:
        file = wait_for(path)
        try:
            if _is_sound(file, capacity):
                return file
            _replace(path, capacity)
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _is_sound(file: int, capacity: int) -> bool:
    length = _PAGE + capacity * _RECORD.size
    head = os.pread(file, _HEAD.size, 0)
    return os.fstat(file).st_size == length and _HEAD.unpack(head)[:2] == (_MAGIC, capacity)


def _generation(file: int) -> int:
    (generation,) = _GENERATION.unpack(os.pread(file, _GENERATION.size, _GENERATION_AT))
    return int(generation)


def _replace(path: Path, capacity: int) -> None:
    """Put a new file in the place of `path`, whose lock is held."""
    fresh = path.with_name(path.name + ".new")
    file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        length = _PAGE + capacity * _RECORD.size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, length)
        os.truncate(file, length)
        os.pwrite(file, _HEAD.pack(_MAGIC, capacity, 0), 0)
    finally:
        os.close(file)
    fresh.replace(path)
