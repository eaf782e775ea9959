"""Questions one by one: to warm, to count, and to take the time of each."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_REQUEST: Final = "GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its head in lower case, its body, and how long it took, in milliseconds."""

    head: str
    body: bytes
    ms: float

    @property
    def is_photo(self) -> bool:
        """Whether it is what was wanted, and no fallback."""
        return self.head.startswith("http/1.1 200") and "avatar-source: photo" in self.head

    def field(self, name: str) -> str:
        """The value of a field of the head."""
        return self.head.partition(f"\r\n{name}: ")[2].partition("\r\n")[0]


async def ask(url: str, targets: Sequence[str], *, at_once: int = 1) -> list[Reply]:
    """Ask for every target over `at_once` kept connections; the replies in the order asked."""
    replies: list[Reply | None] = [None] * len(targets)
    todo = iter(enumerate(targets))

    async def go_on() -> None:
        reader, writer = await _connect(url)
        for place, target in todo:
            replies[place] = await _once(reader, writer, target)
        writer.close()

    await asyncio.gather(*(go_on() for _ in range(min(at_once, len(targets)))))
    return [reply for reply in replies if reply is not None]


async def keep_asking(url: str, targets: Iterable[str], *, rate: float) -> list[Reply]:
    """Ask for one target after the other, `rate` a second, until that is cancelled."""
    replies: list[Reply] = []
    asked: set[asyncio.Task[None]] = set()

    async def one(target: str) -> None:
        reader, writer = await _connect(url)
        replies.append(await _once(reader, writer, target))
        writer.close()

    began = time.monotonic()
    try:
        for place, target in enumerate(targets):
            await asyncio.sleep(max(began + place / rate - time.monotonic(), 0))
            task = asyncio.create_task(one(target))
            asked.add(task)
            task.add_done_callback(asked.discard)
    except asyncio.CancelledError:
        await asyncio.gather(*asked)
    return replies


def require_photos(replies: list[Reply]) -> None:
    """Raise unless every answer is a photo: what is not would be faster to give."""
    wrong = next((reply for reply in replies if not reply.is_photo), None)
    if wrong is not None:
        raise AssertionError(wrong.head)


def calls(upstream: str) -> dict[str, int]:
    """How many questions the API and the CDN have got."""
    counted: dict[str, Any] = httpx.get(f"{upstream}/calls").json()
    return {name: int(counted.get(name, 0)) for name in ("api", "cdn")}


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> Reply:
    began = time.perf_counter()
    writer.write(_REQUEST.format(target=target, host="127.0.0.1").encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = head.partition("content-length: ")[2].partition("\r\n")[0]
    body = await reader.readexactly(int(length or 0))
    return Reply(head, body, 1000 * (time.perf_counter() - began))
