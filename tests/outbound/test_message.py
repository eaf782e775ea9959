"""The grammar of an answer: what passes, what is refused, and that no cut changes the reading."""

from __future__ import annotations

import pytest
from httpx import RemoteProtocolError
from hypothesis import given
from hypothesis import strategies as st

from gateway.outbound.message import MAX_FIELDS, MAX_FRAMING, Chunked, Head, Rest, Sized, read_head


def head(*lines: str, status: str = "HTTP/1.1 200 OK") -> Head:
    return read_head("\r\n".join((status, *lines)).encode("latin-1"))


# ---- the status line ----


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("HTTP/1.1 200 OK", 200),
        ("HTTP/1.1 200 ", 200),
        ("HTTP/1.1 404", 404),
        ("HTTP/1.0 503 Not \xfcberall", 503),
        ("HTTP/1.1 100 Continue", 100),
    ],
)
def test_a_status_line_is_read(line: str, status: int) -> None:
    assert head(status=line).status == status


@pytest.mark.parametrize(
    "line",
    [
        "", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1  200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK",
        "HTTP/1.1 OK 200", "HTTP/2 200 OK", "HTTP/1.2 200 OK", "HTTP/0.9 200 OK", "http/1.1 200 OK",
        " HTTP/1.1 200 OK", "HTTP/1.1 200OK", "HTTP/1.1 600 X", "HTTP/1.1 000 X", "HTTP/1.1 -20 X",
        "HTTP/1.1 200 O\x00K", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 O\nK", "HTTP/1.1\t200 OK",
        "HTTP/1.1 \xb2\xb2\xb2 X", "HTTP/1.1 200 OK\x7f", "ICY 200 OK", "SSH-2.0-OpenSSH_9.6",
        "HTTP/1.1 101 Switching Protocols",
    ],
)  # fmt: skip
def test_another_status_line_is_refused(line: str) -> None:
    with pytest.raises(RemoteProtocolError):
        head(status=line)


# ---- fields ----


def test_fields_come_as_they_were_sent_without_white_space_around() -> None:
    fields = head("X-One: 1", "x-one:2", "Empty:", "Padded: \t a b\t ", "H: \xe9").fields
    assert list(fields) == [
        (b"X-One", b"1"), (b"x-one", b"2"), (b"Empty", b""), (b"Padded", b"a b"), (b"H", b"\xe9"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "", ":", ": x", "X", "X : 1", " X: 1", "\tX: 1", "X\t: 1", "X: a\x00b", "X: a\rb",
        "X: a\nb", "X: a\x1fb", "X: a\x7fb", "X\x00: 1", "X(: 1", "\xe9: 1", "X Y: 1", "@: 1",
    ],
)  # fmt: skip
def test_a_line_that_is_no_field_is_refused(line: str) -> None:
    with pytest.raises(RemoteProtocolError):
        head("Before: 1", line, "After: 1")


def test_a_head_has_so_many_fields_and_no_more() -> None:
    assert len(head(*["X: 1"] * MAX_FIELDS).fields) == MAX_FIELDS
    with pytest.raises(RemoteProtocolError, match="too many"):
        head(*["X: 1"] * (MAX_FIELDS + 1))


def test_a_head_shows_nothing_of_its_fields() -> None:
    assert "s3cret" not in repr(head("Location: https://x.example/?s3cret"))


# ---- the body's end ----


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["Content-Length: 5"], Sized),
        (["content-length: 0"], Sized),
        (["Content-Length: 00000000000000000005"], Sized),
        (["Transfer-Encoding: chunked"], Chunked),
        (["TRANSFER-ENCODING:  ChunkeD "], Chunked),
        ([], Rest),
    ],
)
def test_a_body_ends_by_length_by_chunks_or_with_the_connection(
    lines: list[str], kind: type
) -> None:
    assert type(head(*lines).body) is kind


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", "content-length: 5"],
        ["Content-Length: 5, 5"],
        ["Content-Length: +5"],
        ["Content-Length: -5"],
        ["Content-Length: 5 5"],
        ["Content-Length: 0x5"],
        ["Content-Length: 5_0"],
        ["Content-Length: 5.0"],
        ["Content-Length: \xb2"],
        ["Content-Length:"],
        ["Content-Length: " + "9" * 21],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked, chunked"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: gzip"],
        ["Transfer-Encoding: identity"],
        ["Transfer-Encoding: chunked;x=1"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding:"],
    ],
)
@pytest.mark.parametrize("status", ["HTTP/1.1 200 OK", "HTTP/1.1 204 X", "HTTP/1.1 103 X"])
def test_a_length_that_two_readers_could_read_differently_is_refused(
    lines: list[str], status: str
) -> None:
    with pytest.raises(RemoteProtocolError):
        head(*lines, status=status)


def test_an_older_protocol_knows_no_chunks() -> None:
    with pytest.raises(RemoteProtocolError):
        head("Transfer-Encoding: chunked", status="HTTP/1.0 200 OK")


@pytest.mark.parametrize("status", ["204 X", "304 X", "103 X"])
@pytest.mark.parametrize("lines", [[], ["Content-Length: 5"], ["Transfer-Encoding: chunked"]])
def test_some_answers_never_have_a_body(status: str, lines: list[str]) -> None:
    assert head(*lines, status=f"HTTP/1.1 {status}").body.done


@pytest.mark.parametrize(
    ("lines", "status", "lasting"),
    [
        (["Content-Length: 5"], "HTTP/1.1 200 OK", True),
        (["Transfer-Encoding: chunked"], "HTTP/1.1 200 OK", True),
        (["Content-Length: 5", "Connection: keep-alive"], "HTTP/1.1 200 OK", True),
        (["Content-Length: 5", "Connection: closed"], "HTTP/1.1 200 OK", True),
        (["Content-Length: 5", "Connection: close"], "HTTP/1.1 200 OK", False),
        (["Content-Length: 5", "connection: x, CLOSE ,y"], "HTTP/1.1 200 OK", False),
        (["Content-Length: 5", "Connection: x", "Connection: close"], "HTTP/1.1 200 OK", False),
        (["Content-Length: 5", "Connection: keep-alive"], "HTTP/1.0 200 OK", False),
        ([], "HTTP/1.1 200 OK", False),
    ],
)
def test_a_connection_lasts_unless_something_speaks_against_it(
    lines: list[str],
    status: str,
    lasting: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert head(*lines, status=status).lasting is lasting


# ---- chunks ----


def read(raw: bytes, *, cuts: int = 10**9) -> tuple[bytes, bytes]:
    """Content and what is left over, when `raw` comes in pieces of `cuts` bytes."""
    body, buffer, content = Chunked(), bytearray(), bytearray()
    for start in range(0, len(raw), cuts):
        buffer += raw[start : start + cuts]
        content += body.take(buffer)
    if not body.done:
        body.end()
    return bytes(content), bytes(buffer)


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (b"0\r\n\r\n", b""),
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"3\r\nabc\r\nA\r\n0123456789\r\n00\r\n\r\n", b"abc0123456789"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
        (b"3;a=b;c\r\nabc\r\n0;x\r\n\r\n", b"abc"),
        (b'3 ; a="b"\r\nabc\r\n0\r\nTrailer: 1\r\nT2: 2\r\n\r\n', b"abc"),
    ],
)
@pytest.mark.parametrize("cuts", [1, 2, 3, 7, 1000])
def test_chunks_are_read_however_they_arrive(raw: bytes, content: bytes, cuts: int) -> None:
    assert read(raw, cuts=cuts) == (content, b"")


def test_what_follows_the_last_chunk_is_left_alone() -> None:
    assert read(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK") == (b"a", b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n", b"x\r\n", b"-1\r\n", b"+1\r\na\r\n", b"0x1\r\na\r\n", b"1 \r\na\r\n",
        b" 1\r\na\r\n", b"1\na\r\n0\r\n\r\n", b"1_0\r\n", b"1" * 16 + b"\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nabc0\r\n\r\n", b"1;\x00\r\na\r\n0\r\n\r\n",
        b"1\r\na\r\n0\r\nno field\r\n\r\n",
        b"1\r\na\r\n0\r\n folded: 1\r\n\r\n", b"1\r\na\r\n", b"5\r\nabc", b"1\r\na\r\n0\r\n",
        b"1\r\na\r\n0\r\nX: 1\r\n", b"", b"1;" + b"x" * 4096, b"1;" + b"x" * 4096 + b"\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("cuts", [1, 1000])
def test_other_chunks_are_refused(raw: bytes, cuts: int) -> None:
    with pytest.raises(RemoteProtocolError):
        read(raw, cuts=cuts)


@pytest.mark.parametrize(
    "raw",
    [
        b"1\r\na\r\n" * (MAX_FRAMING // 5 + 1),
        b"0\r\n" + b"X: 1\r\n" * (MAX_FRAMING // 6 + 1),
        (b"1;" + b"x" * 4000 + b"\r\na\r\n") * 20,
    ],
)
def test_framing_has_an_end(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="too many chunks"):
        read(raw)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=10), st.integers(1, 20))
def test_any_content_survives_being_chunked_and_cut(parts: list[bytes], cuts: int) -> None:
    raw = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    assert read(raw, cuts=cuts) == (b"".join(parts), b"")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    for reader in (read_head, read):
        try:
            reader(raw)
        except RemoteProtocolError as error:
            assert error.__context__ is None  # noqa: PT017 - the other outcome is no error


# ---- other bodies ----


def test_a_sized_body_takes_its_length_and_no_more() -> None:
    body, buffer = Sized(5), bytearray(b"abc")
    assert (body.take(buffer), body.done) == (b"abc", False)
    buffer += b"defg"
    assert (body.take(buffer), body.done, bytes(buffer)) == (b"de", True, b"fg")


def test_a_sized_body_that_ends_before_is_cut_short() -> None:
    with pytest.raises(RemoteProtocolError, match="cut short"):
        Sized(5).end()


def test_the_rest_is_all_that_comes() -> None:
    body, buffer = Rest(), bytearray(b"abc")
    assert (body.take(buffer), bytes(buffer), body.done) == (b"abc", b"", False)
    body.end()
    assert body.done
