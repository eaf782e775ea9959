"""A restart with ten thousand portraits asks nobody."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.e2e.album import contact_of, fill
from tests.e2e.test_restart import see_all

if TYPE_CHECKING:
    from pathlib import Path

PORTRAITS: Final = 10_000


@pytest.mark.anyio
async def test_a_restart_with_ten_thousand_portraits_asks_nobody(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    contacts = [contact_of(each) for each in range(PORTRAITS)]
    with processes.sandbox(tmp_path) as upstream:
        control = processes.Control(upstream.url)
        settings = processes.settings_for(upstream.url, tmp_path / "store")
        await fill(settings, PORTRAITS)
        seconds = []
        for size in (16, 24):
            with processes.gateway(tmp_path, settings) as served:
                began = time.monotonic()
                await see_all(served, contacts, size=size)
                seconds.append(time.monotonic() - began)
                assert served.stop() == 0
        counts = control.counts()
    print(f"\n{PORTRAITS} photos after each of two starts, in {seconds[0]:.0f} and", end=" ")
    print(f"{seconds[1]:.0f} s; questions {counts['picture']}, downloads {counts['cdn']}")
    assert (counts["picture"], counts["cdn"]) == (0, 0)
