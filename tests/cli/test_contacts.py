"""Lists as users have them: one id a line, or a table with a header."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.contacts import STDIN, parse_contacts, read_contacts
from gateway.errors import InvalidOption

if TYPE_CHECKING:
    from pathlib import Path

ANA, BEN = "15551234567@c.us", "4915112345678@c.us"


@pytest.mark.parametrize(
    ("text", "found", "bad"),
    [
        ("", [], []),
        ("\n\n  \n", [], []),
        (f"{ANA}\n{BEN}\n", [ANA, BEN], []),
        ("+1 (555) 123-4567\r\n4915112345678", [ANA, BEN], []),
        (f"# the team\n{ANA}\n\n# others\n{BEN}", [ANA, BEN], []),
        (f"{ANA}\n15551234567\n00 1 555 123 4567", [ANA], []),
        (f"{ANA}\nnonsense\n{BEN}\n@", [ANA, BEN], [2, 4]),
        ("name,phone\nAna,15551234567\nBen,+49 151 12345678\n", [ANA, BEN], []),
        ("Name;Phone Number\nAna;15551234567\n", [ANA], []),
        ("name\tjid\nAna\t15551234567@s.whatsapp.net\n", [ANA], []),
        ('id,name\n15551234567,"López, Ana"\n', [ANA], []),
        ('name,phone\n"Ana, ""la jefa""",15551234567\nBen\n', [ANA], [3]),
        ("phone\n15551234567\n4915112345678\n", [ANA, BEN], []),
        ("15551234567,Ana\n4915112345678,Ben\n", [ANA, BEN], []),
        ("\ufeffphone,name\n15551234567,Ana\n", [ANA], []),
        ("me\nstatus@broadcast\n", ["me", "status@broadcast"], []),
    ],
)
def test_a_list_is_read_as_it_is_meant(text: str, found: list[str], bad: list[int]) -> None:
    contacts = parse_contacts(text.removeprefix("\ufeff"))
    assert [each.value for each in contacts.known] == found
    assert list(contacts.bad_lines) == bad


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("\ufeffphone,name\n15551234567,Ana\n".encode())
    assert [each.value for each in read_contacts(path).known] == [ANA]


def test_standard_input_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{ANA}\n"))
    assert [each.value for each in read_contacts(STDIN).known] == [ANA]


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read"), (b"\xff\xfe\x00", "no text in UTF-8")]
)
def test_a_file_that_is_no_list_is_told_in_one_line(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidOption, match=told):
        read_contacts(path)


@given(st.text())
def test_any_text_is_a_list(text: str) -> None:
    contacts = parse_contacts(text)
    assert all(0 < number <= len(text.splitlines()) for number in contacts.bad_lines)
