"""Pictures that are weapons, in the real child: refused or shown, in time, and harmless."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Rejected
from gateway.imaging.rendering import finish
from gateway.model import Canvas
from gateway.quarantine.keeper import Patience, Quarantine
from tests.imaging.bombs import oddities, scans, weapons
from tests.imaging.pictures import decoded, encoded, quarters
from tests.imaging.test_clean import shows_quarters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.model import Sample

GOOD = encoded(quarters(), "PNG")
LIMIT = 2 * 1.2
"""Seconds, twice those that any picture may take."""


@pytest.fixture
async def quarantine() -> AsyncIterator[Quarantine]:
    """A quarantine whose child has begun."""
    async with Quarantine() as quarantine:
        await develop(quarantine, GOOD)
        yield quarantine


async def develop(quarantine: Quarantine, data: bytes) -> Sample:
    sample, master = await quarantine.develop(data, 64, until=time.monotonic() + 30)
    await master
    return sample


async def test_weapons_are_refused_in_time_and_the_next_picture_is_shown(
    quarantine: Quarantine,
) -> None:
    for name, data in weapons().items():
        begun = time.monotonic()
        with pytest.raises(Rejected):
            await develop(quarantine, data)
        assert time.monotonic() - begun < LIMIT, name
        await develop(quarantine, GOOD)


async def test_what_lies_beside_a_picture_is_not_looked_at(quarantine: Quarantine) -> None:
    for name, data in oddities().items():
        begun = time.monotonic()
        sample = await develop(quarantine, data)
        assert time.monotonic() - begun < LIMIT, name
        assert shows_quarters(decoded(finish(sample, Canvas(64))), by=16), name


async def test_as_many_scans_as_we_take_are_decoded_in_time(quarantine: Quarantine) -> None:
    data = scans(64)
    begun = time.monotonic()
    await develop(quarantine, data)
    assert time.monotonic() - begun < LIMIT


async def test_a_decoder_at_work_is_ended_by_the_clock() -> None:
    async with Quarantine(patience=Patience(sample=0.02)) as quarantine:
        with pytest.raises(Rejected, match="took too long"):
            await develop(quarantine, scans(64))


async def test_a_row_of_weapons_takes_none_of_our_memory(quarantine: Quarantine) -> None:
    data = weapons()["half a PNG"]

    async def attack() -> int:
        for _ in range(40):
            with pytest.raises(Rejected):
                await develop(quarantine, data)
        return resident()

    before = await attack()
    assert await attack() <= before + 8 * 2**20


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - a file of the kernel, not one to be found
        return int(file.read().split()[1]) * 4096
