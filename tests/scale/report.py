"""The figures as tables, put between marks in the document; its prose is written by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tests.scale.tables import TABLES

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT: Final = "scaling.md"
_MARKED: Final = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write(results: dict[str, Any], folder: Path) -> None:
    """Put all tables into the document."""
    document = folder / DOCUMENT
    text = document.read_text(encoding="utf-8")
    document.write_text(filled(text, results), encoding="utf-8")


def filled(text: str, results: dict[str, Any]) -> str:
    """Return the document with its tables as the figures have them."""

    def table(mark: re.Match[str]) -> str:
        rows = list(TABLES[mark[2]](results, results["benchmarks"]))
        return f"{mark[1]}\n" + "\n".join(rows) + f"\n\n{mark[3]}"

    return _MARKED.sub(table, text)
