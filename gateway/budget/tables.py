"""A ledger's records as tables."""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from typing import TYPE_CHECKING, Final

from gateway.budget.records import Condition

if TYPE_CHECKING:
    import sqlite3

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS condition (
    id INTEGER PRIMARY KEY CHECK (id = 1), wall REAL, ticks REAL, paused_at REAL, paused_until REAL,
    throttled INTEGER, troubles INTEGER, open_since REAL, open_until REAL, reason TEXT, probe TEXT);
CREATE TABLE IF NOT EXISTS queries (put REAL NOT NULL, retry INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS queries_by_time ON queries (put, retry);
CREATE TABLE IF NOT EXISTS flights (
    grant_id TEXT PRIMARY KEY, owner TEXT NOT NULL, since REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS backoffs (
    key TEXT PRIMARY KEY, until REAL NOT NULL, reason TEXT NOT NULL, failures INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS backoffs_by_time ON backoffs (until);
"""

_NAMES: Final = ", ".join(each.name for each in fields(Condition))
_MARKS: Final = ", ".join("?" for _ in fields(Condition))
_KINDS: Final = tuple(type(value) for value in astuple(Condition()))
_A_DAY: Final = 86_400.0


class TableRecords:
    """Records in a database, inside one transaction; `owner` is whose flights are begun."""

    owner = ""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        row = self._execute(f"SELECT {_NAMES} FROM condition").fetchone()  # noqa: S608 - our own names
        values = (kind(value) for kind, value in zip(_KINDS, row, strict=True)) if row else ()
        self.condition = Condition(*values)
        self._before = replace(self.condition)

    def align(self, wall: float, ticks: float) -> None:
        """Move all times with a clock that was moved."""
        jump = self.condition.jump(wall, ticks)
        if jump:
            self.condition.shift(jump)
            self._execute("UPDATE queries SET put = put + ?", (jump,))
            self._execute("UPDATE flights SET since = since + ?", (jump,))
            self._execute("UPDATE backoffs SET until = until + ?", (jump,))
        elif not self.condition.wall:
            self.condition.wall, self.condition.ticks = wall, ticks

    def save(self, wall: float, ticks: float) -> None:
        """Write the condition if it has changed."""
        if self.condition != self._before:
            self.condition.wall, self.condition.ticks = wall, ticks
            self._execute(
                f"INSERT OR REPLACE INTO condition (id, {_NAMES}) VALUES (1, {_MARKS})",  # noqa: S608 - our own names
                astuple(self.condition),
            )

    def sweep(self, now: float) -> None:
        """Forget back-offs that are long over."""
        self._execute("DELETE FROM backoffs WHERE until < ?", (now - _A_DAY,))

    def newest(self, number: int) -> float | None:
        """See `Records`."""
        return self._number(
            "SELECT put FROM queries ORDER BY put DESC LIMIT 1 OFFSET ?", number - 1
        )

    def count(self, after: float, *, retries: bool = False) -> int:
        """See `Records`."""
        text = "SELECT count(*) FROM queries WHERE put > ? AND retry >= ?"
        return int(self._number(text, after, retries) or 0)

    def put(self, when: float, *, retry: bool = False) -> None:
        """See `Records`."""
        self._execute("INSERT INTO queries VALUES (?, ?)", (when, retry))

    def unput(self, when: float) -> None:
        """See `Records`."""
        self._execute(
            "DELETE FROM queries WHERE rowid IN"
            " (SELECT rowid FROM queries WHERE put = ? AND NOT retry LIMIT 1)",
            (when,),
        )

    def forget(self, before: float, after: float) -> None:
        """See `Records`."""
        self._execute("DELETE FROM queries WHERE put < ? OR put > ?", (before, after))

    def begin(self, grant: str, when: float) -> None:
        """See `Records`."""
        self._execute("INSERT INTO flights VALUES (?, ?, ?)", (grant, self.owner, when))

    def end(self, grant: str) -> float | None:
        """See `Records`."""
        since = self._number("SELECT since FROM flights WHERE grant_id = ?", grant)
        self._execute("DELETE FROM flights WHERE grant_id = ?", (grant,))
        return since

    def is_flying(self, grant: str) -> bool:
        """See `Records`."""
        return self._number("SELECT 1 FROM flights WHERE grant_id = ?", grant) is not None

    def flying(self, after: float) -> tuple[int, int]:
        """See `Records`."""
        young = int(self._number("SELECT count(*) FROM flights WHERE since > ?", after) or 0)
        return young, int(self._number("SELECT count(*) FROM flights") or 0) - young

    def owners(self) -> list[str]:
        """Who has queries in flight."""
        return [str(owner) for (owner,) in self._execute("SELECT DISTINCT owner FROM flights")]

    def disown(self, owner: str, *, but: frozenset[str] = frozenset()) -> None:
        """End the queries of `owner`, except those."""
        rows = self._execute("SELECT grant_id FROM flights WHERE owner = ?", (owner,)).fetchall()
        for row in rows:
            if row[0] not in but:
                self._execute("DELETE FROM flights WHERE grant_id = ?", row)

    def backoff(self, key: str) -> tuple[float, str, int] | None:
        """The last back-off of a contact: until when, for which reason, after how many failures."""
        row = self._execute("SELECT until, reason, failures FROM backoffs WHERE key = ?", (key,))
        found = row.fetchone()
        return None if found is None else (float(found[0]), str(found[1]), int(found[2]))

    def put_backoff(self, key: str, until: float, reason: str, failures: int) -> None:
        """Replace the contact's back-off."""
        row = (key, until, reason, failures)
        self._execute("INSERT OR REPLACE INTO backoffs VALUES (?, ?, ?, ?)", row)

    def drop_backoff(self, key: str) -> None:
        """Forget the contact's back-off."""
        self._execute("DELETE FROM backoffs WHERE key = ?", (key,))

    def _number(self, text: str, *values: float | str) -> float | None:
        row = self._execute(text, values).fetchone()
        return None if row is None else float(row[0])
