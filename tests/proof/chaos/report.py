"""What a proof has found, printed and written down for whoever reads it later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER: Final = ROOT / "proof-report"
LISTED: Final = 20
"""Of a list of what went wrong, so many are shown; all are in the JSON."""


def publish(name: str, title: str, found: Mapping[str, object], diary: Sequence[str] = ()) -> None:
    """Print it, and write it as Markdown and as JSON; the diary is in the latter alone."""
    FOLDER.mkdir(exist_ok=True)
    text = markdown(title, found)
    (FOLDER / f"{name}.md").write_text(text)
    (FOLDER / f"{name}.json").write_text(
        json.dumps({**found, "diary": list(diary)}, indent=2) + "\n"
    )
    print(f"\n{text}")


def markdown(title: str, found: Mapping[str, object]) -> str:
    """A table of what was found; what has parts has a row for each."""
    lines = [f"# {title}", "", "| | |", "|---|---|"]
    for name, value in found.items():
        if isinstance(value, dict):
            lines += [f"| {name}: {part} | {_cell(each)} |" for part, each in value.items()]
        else:
            lines.append(f"| {name} | {_cell(value)} |")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    if not value:
        return "none"
    more = f" … and {len(value) - LISTED} more" if len(value) > LISTED else ""
    return ", ".join(str(each).replace("|", "\\|") for each in value[:LISTED]) + more
