"""The SQLite file that the workers of one machine count in; the only module that knows sqlite3.

Nothing in it is worth a flush to the disk: it survives the death of any process, and after a power
cut it may be damaged. A damaged file is replaced, and whoever has the old one open notices.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self, TypeVar

from gateway.aside import PATIENCE, Aside
from gateway.budget.tables import SCHEMA, TableRecords
from gateway.errors import SharingFailed
from gateway.flocks import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

_T = TypeVar("_T")
_SWEEP: Final = 60.0
# Whatever else goes wrong is the file's own fault.
_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_AUTH,
    }
)  # fmt: skip


class Database:
    """The file at `path`, made if missing, used in a thread of its own.

    `clock` gives Unix seconds, `ticks` monotonic ones: all times in the file follow a clock that
    is moved. A call takes at most `patience` seconds. Open it with ``async with``.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._path = path
        self._clock = clock
        self._ticks = ticks
        self._patience = patience
        self._aside = Aside("budget", patience=patience)
        self._connection: sqlite3.Connection | None = None
        self._file: os.stat_result | None = None
        self._sweep_at = 0.0

    @property
    def folder(self) -> Path:
        """The runtime directory."""
        return self._path.parent

    async def __aenter__(self) -> Self:
        await self._aside.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._aside.later(self._close)
        await self._aside.__aexit__(kind, error, trace)

    async def run(self, work: Callable[[TableRecords, float], _T]) -> _T:
        """Return what `work` makes of the records and the time, all of it or nothing.

        Only one process at a time is inside. Raises `SharingFailed`.
        """
        return await self._aside(lambda: self._run(work))

    def _run(self, work: Callable[[TableRecords, float], _T]) -> _T:
        with self._translated():
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                wall, ticks = self._clock(), self._ticks()
                records = TableRecords(connection)
                records.align(wall, ticks)
                self._sweep(records, wall, ticks)
                result = work(records, wall)
                records.save(wall, ticks)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            return result

    def _sweep(self, records: TableRecords, wall: float, ticks: float) -> None:
        if ticks >= self._sweep_at:
            self._sweep_at = ticks + _SWEEP
            records.sweep(wall)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The wall: SQLite's errors pass it by their names; a file that is no good is replaced."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code not in _PASSING:
                self._replace()
            if code != sqlite3.SQLITE_BUSY:
                self._close()
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise SharingFailed(f"the budget's file failed ({name})") from None
        except (TypeError, ValueError) as error:  # not one of ours wrote this
            self._replace()
            self._close()
            raise SharingFailed(
                f"the budget's file holds nonsense ({type(error).__name__})"
            ) from None

    def _connected(self) -> sqlite3.Connection:
        """The connection, to the file that bears the name now."""
        if self._connection is not None and self._is_current():
            return self._connection
        self._close()
        lock = self._lock()
        try:
            self._connection = self._open()
            self._file = self._path.stat()
        finally:
            os.close(lock)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            # SQLite gives its other files this one's mode. Never done to a file that is there:
            # whoever closes any descriptor of it loses the locks of the whole process.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            self._path, timeout=self._patience * 0.75, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_current(self) -> bool:
        with suppress(FileNotFoundError):
            return self._file is not None and os.path.samestat(self._path.stat(), self._file)
        return False

    def _replace(self) -> None:
        """Remove the file, unless somebody has done so already."""
        with suppress(OSError):
            lock = self._lock()
            try:
                if self._file is None or self._is_current():
                    # A journal that outlived its file would be taken for the next one's.
                    for suffix in ("-wal", "-shm", ""):
                        self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            finally:
                os.close(lock)

    def _lock(self) -> int:
        return wait_for(self._path.with_name(self._path.name + ".lock"))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._file = None
