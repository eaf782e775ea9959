"""A sweep of a large store: it takes what is due and no more, in little memory."""

from __future__ import annotations

import asyncio
import hashlib
import time
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.portraits import Sweeper, open_objects, record
from gateway.portraits.store import path_of
from gateway.telemetry import Telemetry
from tests.fakes import DAY, Clock
from tests.portraits.places import portrait_store
from tests.portraits.test_store_contract import PHOTO

if TYPE_CHECKING:
    from pathlib import Path

PORTRAITS = 100_000
MAX_MEMORY = 8 * 2**20
RETENTION = 7 * DAY


def filled(folder: Path) -> None:
    """Write many portraits, every second one past its retention."""
    now = time.time()
    for number in range(PORTRAITS):
        key = hashlib.sha256(number.to_bytes(4, "big")).hexdigest()
        photo = replace(PHOTO, confirmed=now - (8 * DAY if number % 2 else 0), master=bytes(1000))
        file = folder / path_of(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(record.encode(photo, key))


def test_a_hundred_thousand_portraits_are_swept_in_little_memory(tmp_path: Path) -> None:
    filled(tmp_path)
    objects = open_objects(tmp_path.as_uri())
    sweeper = Sweeper(
        objects,
        retention=RETENTION,
        erase=portrait_store(objects).erase,
        telemetry=Telemetry(pseudonym=lambda _: "someone"),
        clock=(clock := Clock(time.time())),
    )

    async def sweep_twice() -> list[int]:
        removed = [await sweeper.sweep()]
        clock.advance(3700)
        return [*removed, await sweeper.sweep()]

    tracemalloc.start()
    try:
        assert asyncio.run(sweep_twice()) == [PORTRAITS // 2, 0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= MAX_MEMORY
    assert sum(len(list(folder.iterdir())) for folder in tmp_path.glob("v1/??")) == PORTRAITS // 2
