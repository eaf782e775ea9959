"""URLs that a hostile or broken upstream might answer: none of them may be fetched."""

from __future__ import annotations

from typing import Final

__all__ = ["HOSTILE_URLS"]

HOSTILE_URLS: Final[dict[str, str]] = {
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "loopback": "http://127.0.0.1/",
    "loopback_name": "https://localhost/a.jpg",
    "loopback_short": "https://127.1/a.jpg",
    "loopback_decimal": "https://2130706433/a.jpg",
    "loopback_hex": "https://0x7f000001/a.jpg",
    "loopback_octal": "https://0177.0.0.1/a.jpg",
    "loopback_ipv6": "https://[::1]/a.jpg",
    "loopback_mapped": "https://[::ffff:127.0.0.1]/a.jpg",
    "loopback_nat64": "https://[64:ff9b::7f00:1]/a.jpg",
    "unspecified": "https://0.0.0.0/a.jpg",
    "private_10": "https://10.0.0.5/a.jpg",
    "private_172": "https://172.16.0.1/a.jpg",
    "private_192": "https://192.168.0.1/a.jpg",
    "plain_http": "http://pps.whatsapp.net/v/a.jpg",
    "ftp": "ftp://pps.whatsapp.net/v/a.jpg",
    "file": "file:///etc/passwd",
    "data": "data:image/png;base64,iVBORw0KGgo=",
    "javascript": "javascript:alert(1)",
    "userinfo": "https://pps.whatsapp.net@evil.example/a.jpg",
    "userinfo_password": "https://pps.whatsapp.net:443@evil.example/a.jpg",
    "suffix": "https://pps.whatsapp.net.evil.example/a.jpg",
    "prefix": "https://evilwhatsapp.net/a.jpg",
    "backslash": "https://evil.example\\@pps.whatsapp.net/a.jpg",
    "fragment": "https://evil.example#@pps.whatsapp.net/a.jpg",
    "other_port": "https://pps.whatsapp.net:8443/a.jpg",
    "idn": "https://pps.whatsapp\u3002net.evil.example/a.jpg",
    "homograph": "https://pps.wh\u0430tsapp.net/a.jpg",
    "crlf": "https://pps.whatsapp.net/a.jpg\r\nX-Injected: yes",
    "nul": "https://pps.whatsapp.net/a\x00.jpg",
    "leading_space": " http://127.0.0.1/",
    "no_host": "https:///a.jpg",
    "relative": "/v/a.jpg",
    "scheme_relative": "//evil.example/a.jpg",
    "ten_kb": "https://pps.whatsapp.net/" + "a" * 10_000,
    "not_a_url": "not a url",
}
