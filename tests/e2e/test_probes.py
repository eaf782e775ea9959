"""What no client of good will sends: each probe gets its status, and nothing behind it is served.

A probe that is refused closes its connection. One that is served leaves the connection in step:
what follows is answered as what it is. The marker behind a probe shows which happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.wire import answers, exchange

if TYPE_CHECKING:
    from tests.processes import Running

MARKER = b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /avatar/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
DIGITS = "15550007777"


def get(*fields: str, target: str = "/healthz", version: str = "HTTP/1.1") -> bytes:
    return "\r\n".join([f"GET {target} {version}", *fields, "", ""]).encode("latin-1")


def post(*fields: str, body: bytes = b"") -> bytes:
    return "\r\n".join(["POST /healthz HTTP/1.1", "Host: x", *fields, "", ""]).encode() + body


CHUNKED = "Transfer-Encoding: chunked"

REFUSED = {
    # Host, RFC 9112 section 3.2
    "no host": (get(), 400),
    "two hosts": (get("Host: a", "Host: b"), 400),
    "two equal hosts": (get("Host: a", "Host: a"), 400),
    "an empty host": (get("Host:"), 400),
    "a host with a path": (get("Host: a/b"), 400),
    "a host with a name before it": (get("Host: me@a"), 400),
    "a host with a space": (get("Host: a b"), 400),
    "a host with a port of letters": (get("Host: a:http"), 400),
    "a host that is half an address": (get("Host: [::1"), 400),
    "a bracketed name": (get("Host: [a.example]"), 400),
    "a bad host in 1.0": (get("Host: a b", version="HTTP/1.0"), 400),
    # Targets, section 3.2
    "a target without a slash": (get("Host: x", target="healthz"), 400),
    "an absolute target without authority": (get("Host: x", target="http:///healthz"), 400),
    "an absolute target with a name": (get("Host: x", target="http://a@b/healthz"), 400),
    "an absolute target of another scheme": (get("Host: x", target="ftp://x/healthz"), 400),
    "a target that hides a scheme": (get("Host: x", target="x/://healthz"), 400),
    "an asterisk with GET": (get("Host: x", target="*"), 400),
    "CONNECT": (b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 501),
    "raw UTF-8": ("GET /avatar/é HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 400),
    "a NUL": (b"GET /avatar/\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an escape": (b"GET /avatar/\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a target of two words": (get("Host: x", target="/a b"), 400),
    "a target that is too long": (get("Host: x", target="/avatar/" + "9" * 9000), 414),
    # Request lines and versions, sections 3 and 2.3
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 400),
    "HTTP/2 without asking": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/2 in the line": (get("Host: x", version="HTTP/2.0"), 505),
    "HTTP/1.9": (get("Host: x", version="HTTP/1.9"), 505),
    "no version at all": (get("Host: x", version="HTTP/"), 400),
    "a version in lower case": (get("Host: x", version="http/1.1"), 400),
    "a method in lower case": (b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a method that is no token": (b"G@T /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "two empty lines first": (b"\r\n\r\n" + get("Host: x"), 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    # Fields, section 5
    "a bare LF": (b"GET /healthz HTTP/1.1\nHost: x\n\n", 400),
    "a bare LF between fields": (b"GET /healthz HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
    "a bare CR in a value": (get("Host: x", "A: b\rC: d"), 400),
    "a NUL in a value": (get("Host: x", "A: b\0"), 400),
    "a space before the colon": (get("Host: x", "Content-Length : 5"), 400),
    "a space before the first field": (get(" Host: x"), 400),
    "a folded field": (get("Host: x", "A: b", " c"), 400),
    "a folded framing": (post("Transfer-Encoding:", " chunked"), 400),
    "a field without a name": (get("Host: x", ": b"), 400),
    "a field without a colon": (get("Host: x", "A"), 400),
    "a name with a bracket": (get("Host: x", "A[b]: c"), 400),
    "a field that is too long": (get("Host: x", "A: " + "b" * 9000), 431),
    "a field that does not end": (b"GET / HTTP/1.1\r\nA: " + b"b" * 9000, 431),
    "too many fields": (get("Host: x", *[f"A{n}: b" for n in range(64)]), 431),
    "a head that is too long": (get("Host: x", *[f"A{n}: {'b' * 8000}" for n in range(5)]), 431),
    # Framing, section 6
    "both lengths": (post("Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED), 400),
    "both lengths, turned": (post(CHUNKED, "Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED), 400),
    "two lengths": (post("Content-Length: 0", "Content-Length: 44", body=SMUGGLED), 400),
    "two equal lengths": (post("Content-Length: 2", "Content-Length: 2", body=b"ab"), 400),
    "a list of lengths": (post("Content-Length: 2, 2", body=b"ab"), 400),
    "a negative length": (post("Content-Length: -1"), 400),
    "a length with a plus": (post("Content-Length: +2", body=b"ab"), 400),
    "a length in hexadecimal": (post("Content-Length: 0x2", body=b"ab"), 400),
    "a length with an underscore": (post("Content-Length: 1_0", body=b"0123456789"), 400),
    "an empty length": (post("Content-Length:"), 400),
    "a length of five thousand digits": (post("Content-Length: " + "9" * 5000), 400),
    "a length past all limits": (post("Content-Length: 18446744073709551617"), 413),
    "a length just too large": (post("Content-Length: 1048577"), 413),
    "chunked twice": (post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), 400),
    "chunked in two fields": (post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunked, then identity": (post(CHUNKED, "Transfer-Encoding: identity"), 400),
    "chunked, then unknown": (post("Transfer-Encoding: chunked, cow"), 501),
    "an unknown coding": (post("Transfer-Encoding: cow", body=b"0\r\n\r\n"), 501),
    "chunked with a tab in it": (post("Transfer-Encoding: chun\tked"), 501),
    "chunked with a vertical tab": (post("Transfer-Encoding: \x0bchunked"), 400),
    "gzip and no end": (post("Transfer-Encoding: gzip", body=b"ab"), 400),
    "chunked in 1.0": (
        b"POST /healthz HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    # Chunks, section 7.1
    "a chunk size with a sign": (post(CHUNKED, body=b"+0\r\n\r\n"), 400),
    "a chunk size in C": (post(CHUNKED, body=b"0x0\r\n\r\n"), 400),
    "a chunk size with a space": (post(CHUNKED, body=b"0 \r\n\r\n"), 400),
    "no chunk size": (post(CHUNKED, body=b"\r\n\r\n"), 400),
    "a negative chunk size": (post(CHUNKED, body=b"-1\r\n\r\n"), 400),
    "a chunk size that does not end": (post(CHUNKED, body=b"0" * 9000), 400),
    "a chunk ended by LF": (post(CHUNKED, body=b"1\r\na\n0\r\n\r\n"), 400),
    "a chunk longer than its size": (post(CHUNKED, body=b"1\r\nabc\r\n0\r\n\r\n"), 400),
    "a bare CR in an extension": (post(CHUNKED, body=b"0;a\rb\r\n\r\n"), 400),
    "an extension that is none": (post(CHUNKED, body=b"0;=\r\n\r\n"), 400),
    "framing in a trailer": (post(CHUNKED, body=b"0\r\nContent-Length: 5\r\n\r\n"), 400),
    "Host in a trailer": (post(CHUNKED, body=b"0\r\nHost: y\r\n\r\n"), 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_malformed_is_refused_in_few_words_and_ends_the_connection(
    served: Running, name: str
) -> None:
    request, status = REFUSED[name]
    # Whether the application or the protocol says it: nothing behind the probe is answered.
    refused, *more = answers(exchange(served.url, request + SMUGGLED + MARKER))
    assert more == []
    assert refused.status == status
    assert refused.headers["connection"] == "close"
    assert refused.headers["server"] == "avatar-gateway"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert refused.headers["cache-control"] == "no-store"
    assert refused.body == b""
    assert len(str(refused.headers)) < 300


SERVED = {
    "HTTP/1.1": (get("Host: x"), [200]),
    "a host with a port": (get("Host: x.example:8080"), [200]),
    "a host that is an address": (get("Host: [::1]:8000"), [200]),
    "one empty line first": (b"\r\n" + get("Host: x"), [200]),
    "spaces around a value": (get("Host:   x  "), [200]),
    "absolute form": (get("Host: y", target="http://x.example/healthz"), [200]),
    "absolute form with a query alone": (get("Host: y", target="HTTP://x?a=b"), [404]),
    "an asterisk with OPTIONS": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
    "an unknown method": (b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", [405]),
    "an upgrade to a websocket": (
        get(
            "Host: x", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ),
        [200],
    ),
    "an upgrade to HTTP/2": (
        get("Host: x", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"),
        [200],
    ),
    "two requests at once": (get("Host: x") + get("Host: x", target="/nowhere"), [200, 404]),
    "a GET with a body": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 42\r\n\r\n" + SMUGGLED,
        [200],
    ),
    "a body of no length": (post("Content-Length: 0"), [405]),
    "a body nobody reads": (post("Content-Length: 42", body=SMUGGLED), [405]),
    "a chunked body": (post(CHUNKED, body=b"2a\r\n" + SMUGGLED + b"\r\n0\r\n\r\n"), [405]),
    "a chunk with an extension": (post(CHUNKED, body=b"1;a=b\r\nx\r\n0\r\n\r\n"), [405]),
    "a trailer": (post(CHUNKED, body=b"0\r\nA: b\r\n\r\n"), [405]),
    "codings in odd letters": (post("transfer-encoding: CHUNKED", body=b"0\r\n\r\n"), [405]),
    "an expectation with its body": (
        post("Expect: 100-continue", "Content-Length: 2", body=b"ab"),
        [405],
    ),
    "forwarded fields": (get("Host: x", "X-Forwarded-Proto: https", "Forwarded: for=y"), [200]),
}  # fmt: skip


@pytest.mark.parametrize("name", SERVED)
def test_what_is_sound_is_served_and_leaves_the_connection_in_step(
    served: Running, name: str
) -> None:
    assert len(SMUGGLED) == 42
    request, statuses = SERVED[name]
    *found, marked = answers(exchange(served.url, request + MARKER))
    assert [each.status for each in found] == statuses
    assert marked.body.startswith(b"User-agent")


def test_a_head_after_a_head_has_no_body(served: Running) -> None:
    heads = get("Host: x").replace(b"GET", b"HEAD") * 2
    found = answers(exchange(served.url, heads + MARKER), heads=frozenset({0, 1}))
    assert [each.status for each in found] == [200, 200, 200]
    assert int(found[0].headers["content-length"]) > 0


CLOSING = {
    "HTTP/1.0": get(version="HTTP/1.0"),
    "HTTP/1.0 with a host": get("Host: x", version="HTTP/1.0"),
    "close": get("Host: x", "Connection: close"),
    "a body that is announced and held back": post("Expect: 100-continue", "Content-Length: 5"),
    "a body that is cut short": post("Content-Length: 1000", body=b"ab"),
    "a chunk size beyond all memory": post(CHUNKED, body=b"f" * 16 + b"\r\nab"),
    "gzip, then chunked": post("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
}


@pytest.mark.parametrize("name", CLOSING)
def test_what_ends_the_connection_is_answered_once(served: Running, name: str) -> None:
    [only] = answers(exchange(served.url, CLOSING[name]))
    assert only.status in {200, 405}
    assert only.headers["connection"] == "close"


def test_who_has_closed_its_half_is_answered(served: Running) -> None:
    assert answers(exchange(served.url, get("Host: x"), half_close=True))[0].status == 200
    assert exchange(served.url, b"GET /healthz HTTP/1.1\r\n", half_close=True) == b""


def test_a_probe_behind_a_sound_request_is_refused_as_well(served: Running) -> None:
    found = answers(exchange(served.url, get("Host: x") + get("Host: a b") + MARKER))
    assert [each.status for each in found] == [200, 400]


@pytest.mark.parametrize("size", [1024, 1024 * 1024 + 1, 3 * 1024 * 1024])
def test_a_large_body_is_refused_and_not_read(served: Running, size: int) -> None:
    chunks = b"".join(b"8000\r\n" + b"a" * 0x8000 + b"\r\n" for _ in range(size // 0x8000))
    [only] = answers(exchange(served.url, post(CHUNKED, body=chunks)))
    assert only.status in {405, 413}
    assert only.headers["connection"] == "close"


HOSTILE_IDS = {
    "a line break": "15550007777%0d%0aX: y",
    "a line feed": "15550007777%0A",
    "a NUL": "15550007777%00",
    "an escape": "%1b[31m15550007777",
    "a line separator": "15550007777%E2%80%A8",
    "full-width digits": "%EF%BC%91%EF%BC%95%EF%BC%95%EF%BC%95%EF%BC%90%EF%BC%90%EF%BC%90",
    "the way up": "..%2f..%2f15550007777",
    "4 KB of digits": "15550007777" * 380,
    "a broken sequence": "15550007777%ff",
}


@pytest.mark.parametrize("name", HOSTILE_IDS)
def test_a_hostile_id_is_a_silhouette_and_no_line_of_its_own(served: Running, name: str) -> None:
    before = len(served.log.read_bytes())
    target = f"/avatar/{HOSTILE_IDS[name]}.png".replace(" ", "%20")
    [refused] = answers(exchange(served.url, get("Host: x", "Connection: close", target=target)))
    assert refused.status == 400
    assert refused.headers["content-type"] == "image/png"
    assert refused.headers["avatar-reason"] == "invalid"
    said = served.log.read_bytes()[before:]
    assert said.count(b"\n") <= 1
    assert not any(byte < 32 and byte != 10 for byte in said)
    assert DIGITS.encode() not in said
