"""Which origins a picture may be fetched from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

MAX_URL_LENGTH: Final = 4096
"""Longest picture URL taken; real ones are around 300 characters."""

_PORTS: Final = {"https": 443, "http": 80}
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\]"
# Read by a grammar of our own and not by `urlsplit`, which forgives brackets in the middle of a
# host. User information, a trailing dot and an empty port do not fit; so nothing that another
# reader could take for another host passes.
_ORIGIN: Final = re.compile(rf"(https?)://((?:\*\.)?(?:{_HOST}))(?::([0-9]{{1,5}}))?/?")
# After the host: printable ASCII without space, quotes, backslash and the like.
_URL: Final = re.compile(
    rf"(?i:(https?)://({_HOST}))(?::([0-9]{{1,5}}))?(?:[/?][A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]*)?"
)


@dataclass(frozen=True, slots=True)
class OriginPattern:
    """A scheme, a host or ``*.`` + domain, and a port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``https://*.whatsapp.net`` or ``http://127.0.0.1:9000``; `ValueError` if neither."""
        match = _ORIGIN.fullmatch(text.strip().lower())
        if match is None:
            raise ValueError(text)
        return cls(*_split(match))

    def admits(self, url: str) -> bool:
        """Whether `url` lies on this origin, judged on the text alone.

        Refused whatever the origin: user information, white space, control or non-ASCII
        characters, over-long URLs, fragments, a host with a trailing dot.
        """
        match = None if len(url) > MAX_URL_LENGTH else _URL.fullmatch(url)
        if match is None:
            return False
        try:
            scheme, host, port = _split(match)
        except ValueError:
            return False
        if (scheme, port) != (self.scheme, self.port):
            return False
        if self.host.startswith("*."):
            # On the dot boundary: evilwhatsapp.net is not whatsapp.net.
            return host.endswith(self.host[1:])
        return host == self.host


def _split(match: re.Match[str]) -> tuple[str, str, int]:
    """Scheme, host and port, in lower case; `ValueError` for a port that is none."""
    scheme, host = match[1].lower(), match[2].lower()
    port = int(match[3]) if match[3] else _PORTS[scheme]
    if not 0 < port < 2**16:
        raise ValueError(port)
    return scheme, host, port
