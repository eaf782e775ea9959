"""A crowd that looks at contacts of different colours, and often leaves in the middle."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from tests.e2e.album import COLOURS, colour_of, picture_in, seen_in, shows
from tests.e2e.readers import PATIENCE, receive
from tests.gallery import Gallery

if TYPE_CHECKING:
    from tests.processes import Running

CROWD: Final = 24
ABORTS: Final = 0.2
ERASURES: Final = 0.002
TOKEN: Final = "marked-admin-token"

SETTINGS: Final = {
    "GATEWAY_ADMIN_TOKEN": TOKEN,
    "GATEWAY_CACHE_SIZE": "1MiB",
    "GATEWAY_PHOTO_TTL": "5s",
    "GATEWAY_STALE_TTL": "48h",
}
"""Little is held, and soon it is due: so whatever can be mixed up is drawn and asked for anew."""


def pictures() -> list[bytes]:
    """The photos of as many contacts as there are colours, by their number."""
    return [picture_in(colour_of(number)) for number in range(COLOURS)]


async def leave(
    chance: random.Random,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: bytes,
) -> None:
    """Go before the request has gone, as soon as it has, or within the answer."""
    match chance.randrange(3):
        case 0:
            writer.write(request[: chance.randrange(len(request))])
        case 1:
            writer.write(request)
        case _:
            writer.write(request)
            await reader.read(chance.randrange(1, 1000))


class Crowd:
    """`seen` counts answers by what they show; `wrong` tells of those that show somebody else."""

    def __init__(self, served: Running, *, seed: int) -> None:
        parts = urlsplit(served.url)
        self._url = served.url
        self._address = (parts.hostname, parts.port)
        self._chance = random.Random(seed)  # noqa: S311 - traffic, no secret
        self._left = 0
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def look(self, requests: int) -> None:
        """So many requests, each on a connection that is kept unless somebody left it."""
        self._left = requests
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            httpx.AsyncClient(base_url=self._url, headers=headers, timeout=PATIENCE) as admin,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(CROWD):
                group.create_task(self._view(admin))

    async def _view(self, admin: httpx.AsyncClient) -> None:
        reader, writer = await asyncio.open_connection(*self._address)
        while self._left > 0:
            self._left -= 1
            number = self._chance.randrange(COLOURS)
            if self._chance.random() < ERASURES:
                await admin.delete(f"/avatar/{Gallery.contact(number)}")
                self.seen["erased"] += 1
            async with asyncio.timeout(PATIENCE):
                stays = await self._ask(reader, writer, number)
            if not stays:
                writer.transport.abort()
                reader, writer = await asyncio.open_connection(*self._address)
        writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        """Ask, and leave somewhere in the middle or judge the answer."""
        target = self._target(number)
        request = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        if self._chance.random() < ABORTS:
            self.seen["left"] += 1
            await leave(self._chance, reader, writer, request)
            return False
        writer.write(request)
        answer = await receive(reader)
        shown = answer.headers.get("avatar-reason", "photo")
        self.seen[f"{answer.status} {shown}"] += 1
        if shown == "photo" and not shows(answer.body, number):
            self.wrong.append(f"{target} shows {seen_in(answer.body) or 'nobody'}, not {number}")
        return answer.headers.get("connection", "").lower() != "close"

    def _target(self, number: int) -> str:
        chance = self._chance
        size, extension = chance.randrange(16, 49), chance.choice(("png", "jpg", "webp"))
        shape = chance.choice(("square", "circle", "rounded"))
        return f"/avatar/{Gallery.contact(number)}.{extension}?size={size}&shape={shape}"
