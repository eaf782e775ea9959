"""Lists of contacts that users have: one id a line, or CSV with a header."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.errors import InvalidContact, InvalidOption
from gateway.model import ContactId

if TYPE_CHECKING:
    from collections.abc import Sequence

STDIN: Final = Path("-")

_COLUMNS: Final = (
    "contact", "contact_id", "contactid", "id", "jid", "wa_id", "whatsapp", "phone", "phone_number",
    "phonenumber", "number", "mobile", "lid",
)  # fmt: skip
_COMMENT: Final = "#"


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts in their order, each once, and the numbers of the lines that hold none."""

    known: tuple[ContactId, ...]
    bad_lines: tuple[int, ...]


def read_contacts(source: Path) -> Contacts:
    """Read the file `source`, or standard input; raises `InvalidOption` for what is no list."""
    try:
        text = sys.stdin.read() if source == STDIN else source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidOption("the list of contacts is no text in UTF-8") from None
    except OSError as error:
        raise InvalidOption(f"the list of contacts cannot be read: {error.strerror}") from None
    return parse_contacts(text.removeprefix("\ufeff"))


def parse_contacts(text: str) -> Contacts:
    """Read one contact a line, or the column of them in a CSV with a header.

    Empty lines and those that begin with ``#`` are passed over.
    """
    lines = text.splitlines()
    column, start, delimiter = _layout(lines)
    found: dict[ContactId, None] = {}
    bad = []
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip() or line.lstrip().startswith(_COMMENT):
            continue
        try:
            found[ContactId.parse(_cell(line, column, delimiter))] = None
        except InvalidContact:
            bad.append(number)
    return Contacts(tuple(found), tuple(bad))


def _layout(lines: Sequence[str]) -> tuple[int, int, str]:
    """Which column holds the contacts, the first line of them, and what parts the columns."""
    for number, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith(_COMMENT):
            delimiter = max(",;\t", key=line.count)
            names = [each.strip().lower().replace(" ", "_") for each in _cells(line, delimiter)]
            column = next((names.index(each) for each in _COLUMNS if each in names), None)
            if column is not None:
                return column, number + 1, delimiter
            return 0, 0, delimiter if delimiter in line else ""
    return 0, 0, ""


def _cell(line: str, column: int, delimiter: str) -> str:
    if not delimiter:
        return line.strip()
    cells = _cells(line, delimiter)
    return cells[column].strip() if column < len(cells) else ""


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
