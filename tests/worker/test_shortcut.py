"""The short cut alone: what it takes for a request, and how much it remembers."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.worker.shortcut import MAX_BLOCK, MAX_FIELDS, MAX_REMEMBERED, Shortcut

LINE: Final = b"GET /a HTTP/1.1"
HEAD: Final = b"HEAD /a HTTP/1.1"
HOST: Final = b"\r\nHost: x"
END: Final = b"\r\n\r\n"


class FakeReady:
    """Says what it was asked for; the client holds the picture if its tag is ``held``."""

    def __init__(self) -> None:
        self.conditions: list[tuple[str, str]] = []

    def whole(self) -> bytes:
        return b"whole"

    def head(self) -> bytes:
        return b"head"

    def unmodified(self, *, if_none_match: str, if_modified_since: str) -> bytes | None:
        self.conditions.append((if_none_match, if_modified_since))
        return b"unmodified" if if_none_match == "held" else None


class FakeTable:
    """Knows one line."""

    def __init__(self) -> None:
        self.ready = FakeReady()
        self.asked: list[bytes] = []

    def get(self, line: bytes) -> FakeReady | None:
        self.asked.append(line)
        return self.ready if line == LINE else None

    def flush(self) -> int:
        return 7


@pytest.fixture
def table() -> FakeTable:
    return FakeTable()


@pytest.fixture
def ask(table: FakeTable) -> Shortcut:
    return Shortcut(table)


def test_a_known_line_is_answered(ask: Shortcut) -> None:
    assert ask(LINE + HOST + END) == b"whole"
    assert ask(HEAD + HOST + END) == b"head"


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n", END, LINE, LINE + b"\r", LINE + b"\r\n", LINE + HOST, HEAD + HOST, b"GET", HOST],
)
def test_what_is_not_whole_is_not_answered(ask: Shortcut, data: bytes) -> None:
    assert ask(data) is None


def test_nothing_else_of_a_request_is_read_unless_its_line_is_known(
    ask: Shortcut, table: FakeTable
) -> None:
    assert ask(b"GET /b HTTP/1.1" + HOST + END) is None
    assert table.asked == [b"GET /b HTTP/1.1"]


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        (b"If-None-Match: a", ("a", "")),
        (b"IF-NONE-MATCH:\t a \t", ("a", "")),
        (b"If-None-Match: a\r\nIf-None-Match:b", ("a, b", "")),
        (b"If-None-Match:\r\nIf-None-Match:", (", ", "")),
        (b"If-Modified-Since: a", ("", "a")),
        (b"If-Modified-Since: a\r\nA: b\r\nIf-None-Match: c", ("c", "a")),
    ],
)
def test_conditions_are_read_as_the_application_reads_them(
    ask: Shortcut, table: FakeTable, fields: bytes, read: tuple[str, str]
) -> None:
    for _ in range(2):
        assert ask(LINE + HOST + b"\r\n" + fields + END) == b"whole"
    assert table.ready.conditions == [read, read]


def test_who_holds_the_picture_is_told(ask: Shortcut) -> None:
    condition = b"\r\nIf-None-Match: held"
    assert ask(LINE + HOST + condition + END) == b"unmodified"
    assert ask(HEAD + HOST + condition + END) == b"unmodified"


def test_without_a_condition_nothing_is_compared(ask: Shortcut, table: FakeTable) -> None:
    for fields in (b"", b"\r\nIf-None-Match:", b"\r\nIf-None-Match: \r\nAccept: */*"):
        assert ask(LINE + HOST + fields + END) == b"whole"
    assert table.ready.conditions == []


def test_a_block_has_a_size_and_a_number_of_fields(ask: Shortcut) -> None:
    longest = b"\r\nA: " + b"a" * (MAX_BLOCK - len(HOST + b"\r\nA: " + END))
    assert ask(LINE + HOST + longest + END) == b"whole"
    assert ask(LINE + HOST + longest + b"a" + END) is None
    most = b"\r\nA: b" * (MAX_FIELDS - 1)
    assert ask(LINE + HOST + most + END) == b"whole"
    assert ask(LINE + HOST + most + b"\r\nA: b" + END) is None


def test_what_is_remembered_is_bounded(ask: Shortcut) -> None:
    for number in range(2 * MAX_REMEMBERED):
        assert ask(LINE + HOST + b"\r\nA: %d" % number + END) == b"whole"
    for number in range(2 * MAX_REMEMBERED):
        assert ask(LINE + b"\r\nA: %d" % number + END) is None
    assert len(ask._blocks) == MAX_REMEMBERED  # noqa: SLF001 - nothing else shows it


def test_the_worker_has_accounts_settled(ask: Shortcut) -> None:
    assert ask.flush() == 7


@given(st.binary(max_size=80))
def test_no_bytes_do_harm(tail: bytes) -> None:
    ask = Shortcut(FakeTable())
    for data in (tail, LINE + tail, LINE + HOST + tail, LINE + HOST + END + tail):
        answer = ask(data)
        # One Host, and an end that comes once and last.
        assert answer is None or (data.count(END) == 1 and data.endswith(END))
