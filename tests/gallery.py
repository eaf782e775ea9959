"""An upstream that shows whatever it is given: every contact's photo is a file from a list.

Who has none there hides it.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Gallery:
    """Wawp and its CDN at `url`; `counts` tells how often ``api`` and ``cdn`` were asked."""

    def __init__(self, pictures: Sequence[bytes | Path | None]) -> None:
        self.pictures = pictures
        self.counts: Counter[str] = Counter()
        self.url = ""

    @staticmethod
    def contact(number: int) -> str:
        """The id of the contact who has the picture at `number`."""
        return f"1555{number:07d}@c.us"

    def answer(self, target: str) -> tuple[int, str, bytes]:
        """Status, media type and body."""
        address = urlsplit(target)
        if address.path == "/v2/contacts/profile-picture":
            self.counts["api"] += 1
            contact = parse_qs(address.query)["contactId"][0]
            number = int(contact.removeprefix("1555").removesuffix("@c.us"))
            url = f"{self.url}/v/{number}.jpg?oh=01&oe=FFFFFFFF"
            named = {"id": contact, "url": None if self.pictures[number] is None else url}
            return 200, "application/json", json.dumps(named).encode()
        if address.path.startswith("/v/"):
            self.counts["cdn"] += 1
            picture = self.pictures[int(address.path[3:-4])]
            body = picture.read_bytes() if isinstance(picture, Path) else picture
            return 200, "image/jpeg", body or b""
        return 404, "application/json", b'{"message": "no such thing"}'


@contextmanager
def showing(pictures: Sequence[bytes | Path | None]) -> Iterator[Gallery]:
    """Serve `pictures` on 127.0.0.1."""
    gallery = Gallery(pictures)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, body = gallery.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:  # whoever asked has seen enough
                self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        gallery.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield gallery
        server.shutdown()
        thread.join()
