"""``python -m tests.proof.vary URL RATE SECONDS``: no two requests for the same picture.

Sizes, backgrounds and names are drawn anew each time, of a contact with a photo, of contacts
without one, and of fallbacks that are asked for. Tells at the end how many answers of each kind
came, as JSON; whoever finds no free connection drops its request, and that is told too.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections import Counter
from contextlib import suppress
from typing import Final
from urllib.parse import quote, urlsplit

from gateway.children import lent, processors

CONNECTIONS: Final = 128
MAYA, HIDDEN = "15551234567@c.us", "15555550110@c.us"
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜ\u05d0\u05d1\u05d2\u3042\u3044\u3046\u0431\u0432"


def target(dice: random.Random) -> str:
    """What is asked for next."""
    size, colour = dice.randrange(16, 1025), f"{dice.randrange(2**24):06x}"
    name = quote(" ".join("".join(dice.choices(LETTERS, k=6)) for _ in range(2)))
    form = dice.choice(("png", "jpg", "webp"))
    shape = dice.choice(("square", "circle", "rounded"))
    options = f"size={size}&shape={shape}&bg={colour}&ring={colour}"
    return dice.choice((
        f"/avatar/{MAYA}.{form}?{options}",
        f"/avatar/{HIDDEN}.{form}?{options}",
        f"/avatar/{HIDDEN}.{form}?{options}&fallback=initials&name={name}",
        f"/avatar/{MAYA}.{form}?{options}&force=y&fallback=identicon",
    ))  # fmt: skip


class Attacker:
    """So many connections, and what came over them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._free = CONNECTIONS
        self.answers: Counter[str] = Counter()

    async def attack(self, rate: float, seconds: float) -> None:
        dice = random.Random(12)  # noqa: S311 - the same attack each time
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
                if self._free:
                    group.create_task(self._ask(target(dice)))
                else:
                    self.answers["dropped"] += 1

    async def _ask(self, wanted: str) -> None:
        self._free -= 1
        try:
            async with asyncio.timeout(60):
                self.answers[await self._exchange(wanted)] += 1
        except (OSError, EOFError, TimeoutError) as error:
            self.answers[type(error).__name__] += 1
        finally:
            self._free += 1

    async def _exchange(self, wanted: str) -> str:
        reader, writer = await asyncio.open_connection(*self._address)
        writer.write(f"GET {wanted} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        await reader.readexactly(length)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        reason = head.partition("avatar-reason: ")[2].partition("\r\n")[0]
        return f"{head.split()[1]} {reason or 'photo'}"


if __name__ == "__main__":
    # It stands for somebody on another machine: it leaves to others what drawing leaves to them.
    os.nice(10)
    os.sched_setaffinity(0, lent(processors()))
    attacker = Attacker(sys.argv[1])
    asyncio.run(attacker.attack(float(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(attacker.answers))
