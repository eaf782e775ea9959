"""Origins: a picture is fetched from nowhere but where the operator allows it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model import OriginPattern

WHATSAPP = OriginPattern.parse("https://*.whatsapp.net")
LOCAL = OriginPattern.parse("http://127.0.0.1:9000")

ADMITTED = [
    "https://pps.whatsapp.net/v/t61.24694-24/1_2_3_n.jpg?ccb=11-4&oh=01_x&oe=66BC702E",
    "https://media-del1-2.cdn.whatsapp.net/v/x.jpg",
    "https://mmg.whatsapp.net/m1/v/t24/An8?x=%20y",
    "https://pps.whatsapp.net:443/x",
    "https://PPS.WhatsApp.NET/x",
    "HTTPS://pps.whatsapp.net/x",
    "https://pps.whatsapp.net/@evil.example/",
    "https://pps.whatsapp.net/?next=https://evil.example/",
    "https://pps.whatsapp.net",
]

REFUSED = [
    "",
    "pps.whatsapp.net/x",
    "//pps.whatsapp.net/x",
    "https:/pps.whatsapp.net/x",
    "https:///pps.whatsapp.net/x",
    "https:pps.whatsapp.net/x",
    "http://pps.whatsapp.net/x",
    "ftp://pps.whatsapp.net/x",
    "file:///etc/passwd",
    "file://pps.whatsapp.net/etc/passwd",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "gopher://pps.whatsapp.net/",
    "https://evil.example/x",
    "https://whatsapp.net/x",
    "https://evilwhatsapp.net/x",
    "https://pps.whatsapp.net.evil.example/x",
    "https://pps.whatsapp.net-evil.example/x",
    "https://pps.whatsapp.net@evil.example/x",
    "https://pps.whatsapp.net:443@evil.example/x",
    "https://user@pps.whatsapp.net/x",
    "https://user:pass@pps.whatsapp.net/x",
    "https://@pps.whatsapp.net/x",
    "https://evil.example@pps.whatsapp.net/x",
    "https://evil.example#.whatsapp.net/x",
    "https://evil.example?.whatsapp.net/x",
    "https://evil.example/.whatsapp.net/x",
    "https://evil.example\\.whatsapp.net/x",
    "https://pps.whatsapp.net\\@evil.example/x",
    "https:\\\\pps.whatsapp.net\\x",
    "https://pps.whatsapp.net:8443/x",
    "https://pps.whatsapp.net:80/x",
    "https://pps.whatsapp.net:0/x",
    "https://pps.whatsapp.net:x/x",
    "https://pps.whatsapp.net:65536/x",
    "https://pps.whatsapp.net:-443/x",
    "https://pps.whatsapp.net:４４３/x",  # noqa: RUF001 - full-width digits
    "https://pps.whatsapp.net./x",
    "https://.whatsapp.net/x",
    "https://..whatsapp.net/x",
    "https://pps..whatsapp.net/x",
    "https://-.whatsapp.net/x",
    "https://-pps.whatsapp.net/x",
    "https://pps-.whatsapp.net/x",
    "https://*.whatsapp.net/x",
    "https://p_s.whatsapp.net/x",
    "https://pps%2ewhatsapp.net/x",
    "https://evil.example%2f.whatsapp.net/x",
    "https://pps\u3002whatsapp.net/x",
    "https://pps.whats\u0430pp.net/x",
    "https://\u24c5ps.whatsapp.net/x",
    "https://pps.whatsapp.net\u2100.evil.example/",
    "https://pps.whatsapp.net/\u00e9",
    "https://pps.whatsapp.net/\r\nHost: evil.example",
    "https://pps.whatsapp.net\r\n/x",
    "https://pps.whatsapp.net\n.evil.example/x",
    "https://pps.whatsapp.net\t/x",
    "https://pps.whatsapp.net/ x",
    " https://pps.whatsapp.net/x",
    "https://pps.whatsapp.net/x ",
    "https://pps.whatsapp.net/\x00",
    "https://pps.whatsapp.net/\x7f",
    'https://pps.whatsapp.net/"x',
    "https://pps.whatsapp.net/<x>",
    "https://pps.whatsapp.net/\ud800",
    "https://pps.whatsapp.net/" + "a" * 10_000,
    "https://" + "a." * 5_000 + "whatsapp.net/",
    "https://" + "a" * 64 + ".whatsapp.net/",
    "https://127.0.0.1/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://0177.0.0.1/x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::1].whatsapp.net/x",
    "https://[::1/x",
    "https://[pps.whatsapp.net]/x",
    "https://localhost/x",
]


@pytest.mark.parametrize("url", ADMITTED)
def test_pictures_of_the_cdn_are_admitted(url: str) -> None:
    assert WHATSAPP.admits(url)


@pytest.mark.parametrize("url", REFUSED)
def test_every_other_url_is_refused(url: str) -> None:
    assert not WHATSAPP.admits(url)


def test_a_named_private_origin_admits_itself_and_no_neighbour() -> None:
    assert LOCAL.admits("http://127.0.0.1:9000/v/x.jpg")
    for url in (
        "http://127.0.0.1/v/x.jpg",
        "http://127.0.0.1:9001/x",
        "https://127.0.0.1:9000/x",
        "http://127.0.0.2:9000/x",
        "http://0127.0.0.1:9000/x",
        "http://2130706433:9000/x",
        "http://x.127.0.0.1:9000/x",
        "http://localhost:9000/x",
        "http://127.0.0.1:9000@evil.example/x",
    ):
        assert not LOCAL.admits(url)


def test_an_exact_host_admits_no_subdomain() -> None:
    exact = OriginPattern.parse("https://pps.whatsapp.net")
    assert exact.admits("https://pps.whatsapp.net/x")
    assert not exact.admits("https://x.pps.whatsapp.net/x")
    assert not exact.admits("https://whatsapp.net/x")


@pytest.mark.parametrize(
    "url", ["http://evil.example[::1]:9000/x", "http://[::1]evil.example:9000/x"]
)
def test_brackets_hide_no_other_host(url: str) -> None:
    pattern = OriginPattern.parse("http://[::1]:9000")
    assert pattern.admits("http://[::1]:9000/x")
    assert not pattern.admits(url)


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port"),
    [
        ("https://*.whatsapp.net", "https", "*.whatsapp.net", 443),
        ("  https://PPS.WhatsApp.net/ ", "https", "pps.whatsapp.net", 443),
        ("http://127.0.0.1:9000", "http", "127.0.0.1", 9000),
        ("http://[::1]:9000", "http", "[::1]", 9000),
        ("http://cdn.example", "http", "cdn.example", 80),
    ],
)
def test_an_origin_is_read(text: str, scheme: str, host: str, port: int) -> None:
    pattern = OriginPattern.parse(text)
    assert (pattern.scheme, pattern.host, pattern.port) == (scheme, host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "whatsapp.net",
        "*.whatsapp.net",
        "https://",
        "https://*",
        "https://*.*.whatsapp.net",
        "https://w*.whatsapp.net",
        "ftp://whatsapp.net",
        "https://user@whatsapp.net",
        "https://whatsapp.net/path",
        "https://whatsapp.net?x",
        "https://whatsapp.net#x",
        "https://whatsapp.net:x",
        "https://whatsapp.net:99999",
        "https://whats app.net",
        "https://whatsapp.net\\evil",
        "https://w\u0430tsapp.net",
        "https://[::1",
        "file:///etc",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text reaches nobody
        OriginPattern.parse(text)


@given(st.text() | st.from_regex(r"https?://[\[\]a-z0-9.@:%*-]{0,40}(/[!-~]*)?", fullmatch=True))
@example("https://[::1")
@example("https://[v1.x]/")
@example("https://pps.whatsapp.net:" + "9" * 5000)
def test_judging_a_url_never_fails(url: str) -> None:
    if WHATSAPP.admits(url):
        host = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
        assert host.lower().removesuffix(":443").removesuffix(":").endswith(".whatsapp.net")


@given(st.text())
@example("https://[::1")
def test_reading_an_origin_fails_in_one_way_only(text: str) -> None:
    try:
        pattern = OriginPattern.parse(text)
    except ValueError:
        return
    assert pattern.scheme in {"http", "https"}
