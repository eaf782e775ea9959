"""What a contact takes: in the store, and in a worker's memory."""

from __future__ import annotations

import asyncio
import time
from statistics import mean
from typing import Any, Final

from gateway.model import Absence, Photo, PhotoUrl, version_of
from gateway.portraits import record
from gateway.quarantine.keeper import Quarantine
from gateway.renditions import COMPANION_OVERHEAD, ENTRY_OVERHEAD, RENDITION_OVERHEAD
from tests.bench import pictures
from tests.fakes import DAY, T0

SIDE: Final = 96
"""Pixels of the picture that the first viewer wants: it is stored too."""

_PATIENCE: Final = 30.0
_DIGEST: Final = "0" * 64
# As long as WhatsApp's are.
_URL: Final = (
    "https://pps.whatsapp.net/v/t61.24694-24/{name}_n.jpg?ccb=11-4&oh=01_{sign}&oe={oe:08X}"
)


def measure() -> dict[str, Any]:
    """Bytes of records of photographs of 640 px, as the quarantine and the store make them."""
    records = asyncio.run(_records(pictures.originals()))
    none = record.encode(Absence(T0, certain=True), _DIGEST)
    return {
        "photo": mean(map(len, records)),
        "photo_least": min(map(len, records)),
        "photo_most": max(map(len, records)),
        "none": len(none),
        "entry": ENTRY_OVERHEAD,
        "rendition": RENDITION_OVERHEAD,
        "line": COMPANION_OVERHEAD,
    }


async def _records(originals: list[bytes]) -> list[bytes]:
    async with Quarantine() as quarantine:
        return [await _record(quarantine, original) for original in originals]


async def _record(quarantine: Quarantine, data: bytes) -> bytes:
    until = time.monotonic() + _PATIENCE
    sample, coming = await quarantine.develop(data, SIDE, until=until)
    master = await coming
    url = _URL.format(name="4" * 40, sign="A" * 40, oe=int(T0 + 10 * DAY))
    return record.encode(
        Photo(
            source=PhotoUrl(url),
            fetched=T0,
            since=T0,
            confirmed=T0,
            version=version_of(data),
            sample=sample,
            master=master.whole,
            small=master.small,
        ),
        _DIGEST,
    )
