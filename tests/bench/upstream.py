"""The API and the CDN without latency, in a process of its own; counts what it is asked.

    python -m tests.bench.upstream PORT FOLDER

Every contact has a photo of its own: `n` shows the picture `n` modulo how many FOLDER holds.
What stands under ``/bomb`` is the file ``bomb``.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvloop

_ID: Final = re.compile(r"contactId=(\d+)")
_PHOTO: Final = re.compile(r"/v/(\d+)\.jpg")
BOMBS: Final = 15_559_000_000
"""Contacts from here on have a bomb for a picture."""


class Upstream:
    """Answers of the API and the CDN at `base`."""

    def __init__(self, base: str, folder: Path) -> None:
        self._base = base
        self._pictures = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
        self._bomb = (folder / "bomb").read_bytes()
        self._calls: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                kind, body = self._answer(head.split(b" ", 2)[1].decode())
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
                    % (kind, len(body), body)
                )
        writer.close()

    def _answer(self, target: str) -> tuple[bytes, bytes]:
        if (photo := _PHOTO.match(target)) is not None:
            number = int(photo[1])
            self._calls["cdn"] += 1
            if number >= BOMBS:
                return b"image/jpeg", self._bomb
            return b"image/jpeg", self._pictures[number % len(self._pictures)]
        if (contact := _ID.search(target)) is not None:
            self._calls["api"] += 1
            url = f"{self._base}/v/{contact[1]}.jpg?ccb=11-4&oh=01_a&oe=7FFFFFF0"
            return b"application/json", json.dumps({"url": url}).encode()
        if target == "/calls":
            return b"application/json", json.dumps(self._calls).encode()
        return b"application/json", b'{"status":"WORKING","me":{"id":"15550000000@c.us"}}'


async def main(port: int, folder: Path) -> None:
    """Serve until the process is ended."""
    upstream = Upstream(f"http://127.0.0.1:{port}", folder)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
