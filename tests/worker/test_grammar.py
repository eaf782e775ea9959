"""Targets and hosts, as RFC 9112 and RFC 3986 write them."""

from __future__ import annotations

import pytest

from gateway.worker.grammar import check_host, is_authority, target_of
from gateway.worker.refusals import PHRASES, Refused, refusal

AUTHORITIES = [
    b"x", b"example.org", b"example.org:", b"example.org:80", b"EXAMPLE.org:65535", b"127.0.0.1",
    b"127.0.0.1:8000", b"[::1]", b"[::1]:8000", b"[::ffff:127.0.0.1]", b"a_b", b"a-b", b"a%20b",
    b"a;b=c", b"a~b",
]  # fmt: skip

NO_AUTHORITIES = [
    b"", b":", b":80", b"a b", b"a/b", b"a?b", b"a#b", b"a@b", b"a:b", b"a:80:80", b"a:123456",
    b"a:-1", b"[::1", b"::1", b"[]", b"[a]", b"[::1]x", b"[::1]:x", b"[1:2]", b"a%2", b"a%zz",
    b"a\tb", b"a\xff", b"a\\b", b"a\nb", b"a\n", b'a"b', b"<a>", b"a,b c",
]  # fmt: skip


@pytest.mark.parametrize("text", AUTHORITIES)
def test_these_are_authorities(text: bytes) -> None:
    assert is_authority(text)
    check_host((1, 1), [(b"accept", b"*/*"), (b"host", text)])


@pytest.mark.parametrize("text", NO_AUTHORITIES)
@pytest.mark.parametrize("version", [(1, 0), (1, 1)])
def test_these_are_none(text: bytes, version: tuple[int, int]) -> None:
    assert not is_authority(text)
    with pytest.raises(Refused, match="400"):
        check_host(version, [(b"host", text)])


def test_a_host_must_be_there_once() -> None:
    check_host((1, 0), [])
    for fields in ([], [(b"host", b"a"), (b"host", b"a")]):
        with pytest.raises(Refused, match="400"):
            check_host((1, 1), fields)


@pytest.mark.parametrize(
    ("target", "path", "authority"),
    [
        (b"/a?b=http://c", b"/a?b=http://c", None),
        (b"//a/b", b"//a/b", None),
        (b"*", b"*", None),
        (b"http://x/a?b", b"/a?b", b"x"),
        (b"HTTPS://x:1/a", b"/a", b"x:1"),
        (b"http://x", b"/", b"x"),
        (b"http://x?a=/b", b"/?a=/b", b"x"),
        (b"http://[::1]:1/", b"/", b"[::1]:1"),
    ],
)
def test_a_target_in_any_form_is_a_path(
    target: bytes, path: bytes, authority: bytes | None
) -> None:
    assert target_of(b"GET", target) == (path, authority)


@pytest.mark.parametrize(
    "target", [b"a", b"x:80", b"http:/a", b"http://", b"http:///a", b"ftp://x/a", b"http://x/a#b"]
)
def test_what_is_no_target_is_refused(target: bytes) -> None:
    with pytest.raises(Refused, match="400"):
        target_of(b"GET", target)


def test_nobody_gets_a_tunnel() -> None:
    with pytest.raises(Refused, match="501"):
        target_of(b"CONNECT", b"x:80")


@pytest.mark.parametrize("status", PHRASES)
def test_a_refusal_is_small_and_says_nothing(status: int) -> None:
    head, end, body = refusal(status).partition(b"\r\n\r\n")
    assert end
    assert body == b""
    assert head.startswith(f"HTTP/1.1 {status} {PHRASES[status]}\r\n".encode())
    assert b"\r\nContent-Length: 0\r\n" in head
    assert head.endswith(b"\r\nConnection: close")
    assert len(head) < 300
