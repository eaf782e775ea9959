"""An exchange as a strict reader of the standards sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from httplint import HttpRequestLinter, HttpResponseLinter
from httplint.note import levels

EXEMPT: Final = {
    ("400", "STATUS_BAD_REQUEST"): "said of every 400, whatever it holds",
    ("414", "STATUS_URI_TOO_LONG"): "said of every 414",
    ("200", "CONTENT_TYPE_MISMATCH", "image/avif"): "AVIF is not among the formats it knows",
}


@dataclass(frozen=True)
class Request:
    """A request, as a client sends it."""

    target: str
    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def raw(self, host: str) -> bytes:
        """All of its bytes, as one who closes afterwards."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.sent(host)]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def sent(self, host: str) -> list[tuple[str, str]]:
        """Its fields, those that every client sends too."""
        length = [("Content-Length", str(len(self.body)))] if self.body else []
        ours = [("Host", host), ("User-Agent", "lint"), ("Connection", "close")]
        return [*ours, *self.fields, *length]


@dataclass(frozen=True)
class Response:
    """An answer, taken apart."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, raw: bytes) -> Response:
        head, _, body = raw.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        pairs = [(name, value) for name, _, value in (each.partition(": ") for each in fields)]
        return cls(int(line.split()[1]), pairs, body)

    def get(self, name: str) -> str:
        return ", ".join(value for each, value in self.fields if each.lower() == name)


def complaints(request: Request, response: Response, *, now: float | None = None) -> list[str]:
    """What httplint calls bad, or warns of; `now` is when it happened, in Unix seconds."""
    host, now = "faces.example", time.time() if now is None else now
    url = f"http://{host}{request.target}"
    asked = HttpRequestLinter(start_time=now)
    asked.process_request_topline(request.method.encode(), url.encode(), b"1.1")
    asked.process_headers([(k.encode(), v.encode()) for k, v in request.sent(host)])
    asked.feed_content(request.body)
    asked.finish_content(complete=True)
    said = HttpResponseLinter(start_time=now)
    said.request, said.base_uri = asked, url
    said.is_head_response = request.method == "HEAD"
    said.process_response_topline(b"1.1", str(response.status).encode(), b"")
    said.process_headers([(k.encode(), v.encode("latin-1")) for k, v in response.fields])
    said.feed_content(response.body)
    said.finish_content(complete=True)
    about = (str(response.status), response.get("content-type"))
    return [
        f"{note.level.name} {type(note).__name__}: {note.summary}"
        for note in said.notes
        if note.level in {levels.BAD, levels.WARN} and not _exempt(type(note).__name__, *about)
    ]


def _exempt(note: str, status: str, media: str) -> bool:
    return (status, note) in EXEMPT or (status, note, media) in EXEMPT
