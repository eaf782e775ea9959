"""The path of an avatar as values: whose picture, and in which format."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.model import Format
from gateway.web.negotiation import image_format

if TYPE_CHECKING:
    from starlette.types import Scope

PREFIX: Final = b"/avatar/"

_EXTENSION = re.compile(r"(.*)(?:\.|%2e)(png|jpe?g|webp|avif|json)", re.IGNORECASE | re.DOTALL)
# A document tells of a picture in PNG.
_FORMATS: Final = {"jpeg": Format.JPEG, "json": Format.PNG} | {str(fmt): fmt for fmt in Format}


@dataclass(frozen=True, slots=True)
class Target:
    """The last part of the path: the contact as sent, and the format.

    `negotiated` says that the format was chosen by ``Accept`` and not by an extension, `document`
    that not the picture is wanted but what is known of it.
    """

    text: str = field(repr=False)
    format: Format
    negotiated: bool
    document: bool = False

    @classmethod
    def of(cls, scope: Scope) -> Target | None:
        """Read the path of `scope`; None if it has more parts than ``/avatar/`` and one.

        The path is taken as it was sent: after decoding, ``..%2f`` would look like two parts, and
        a second decoding would turn ``%252f`` into a slash.
        """
        text = raw_path(scope).removeprefix(PREFIX).decode("latin-1")
        if not text or "/" in text:
            return None
        match = _EXTENSION.fullmatch(text)
        if match is not None:
            kind = match[2].lower()
            return cls(match[1], _FORMATS[kind], negotiated=False, document=kind == "json")
        return cls(text, image_format(header(scope, b"accept")), negotiated=True)


def raw_path(scope: Scope) -> bytes:
    """The path as it was sent."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw


def request_line(scope: Scope) -> bytes:
    """How HTTP/1.1 asks for what `scope` does, with GET and as it was spelt."""
    query: bytes = scope["query_string"]
    return b"GET " + raw_path(scope) + (b"?" + query if query else b"") + b" HTTP/1.1"


def header(scope: Scope, name: bytes) -> str:
    """All values of the header `name` (lower-case), joined by commas."""
    return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)
