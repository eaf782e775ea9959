"""The peers' table in ``docs/comparison.md``: ``python -m tests.bench.summary`` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench.report import rounded

if TYPE_CHECKING:
    from collections.abc import Iterable

BEGIN: Final = "<!-- from benchmarks.json -->\n"
END: Final = "<!-- until here -->\n"
OURS: Final = "avatar-gateway"

_WORK: Final = (
    ("hits", "200, 1 worker, 32 connections", "from its cache"),
    ("renditions", "96 px, PNG", "cut from a picture that it has"),
    ("cold", "96 px, PNG", "from a source that it has never seen"),
)
"""The part of the results, the case in it, and what that is called here."""


def write(results: dict[str, Any], folder: Path) -> None:
    """Put the table into the comparison, if `folder` has one."""
    page = folder / "comparison.md"
    if page.exists():
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        text = f"{before}{BEGIN}\n{table(results)}\n{END}{after}"
        page.write_text(text, encoding="utf-8")


def table(results: dict[str, Any]) -> str:
    """Microseconds of CPU for an answer: a row for each server, a column for each kind of work."""
    columns = [_cpu(results.get(part, []), case) for part, case, _ in _WORK]
    servers = dict.fromkeys([OURS, *(server for column in columns for server in column)])
    lines = [
        _line(["CPU of an answer, µs", *(name for _, _, name in _WORK)]),
        "|" + "---|" * (len(_WORK) + 1),
        *(_line(_row(server, columns)) for server in servers),
    ]
    return "\n".join(lines) + "\n"


def _cpu(rows: Iterable[dict[str, Any]], case: str) -> dict[str, float]:
    """Server → microseconds; our own with its parts switched off are no peers."""
    return {
        row["server"]: row["cpu"]
        for row in rows
        if row["case"] == case and not row["server"].startswith(f"{OURS},")
    }


def _row(server: str, columns: list[dict[str, float]]) -> list[str]:
    mark = "**" if server == OURS else ""
    figures = [rounded(column[server]) if server in column else "–" for column in columns]
    return [f"{mark}{server}{mark}", *figures]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    docs = Path("docs")
    write(json.loads((docs / "benchmarks.json").read_text(encoding="utf-8")), docs)
