"""R12: whoever varies sizes, colours and names 200 times a second takes little from others."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.e2e.load import Load
from tests.processes import ROOT, settings_for

if TYPE_CHECKING:
    from pathlib import Path

URL = "/avatar/15551234567@c.us.png?size=96"
RATE, SECONDS = 200, 20


async def attack(url: str) -> Counter[str]:
    """What the attacker got, by status and reason."""
    attacker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.proof.vary", url, str(RATE), str(SECONDS)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    said, _ = await attacker.communicate()
    return Counter(json.loads(said))


@pytest.mark.anyio
async def test_who_varies_everything_takes_little_from_who_looks(tmp_path: Path) -> None:
    """Attacker, viewers and upstream share the machine with what is attacked.

    So a neighbour is attacked first, in just the same way: what that takes from the viewers is the
    machine's. What it takes beyond that, if their own gateway is attacked, is ours.
    """
    (home, neighbour) = (tmp_path / "home", tmp_path / "neighbour")
    home.mkdir()
    neighbour.mkdir()
    with (
        processes.sandbox(tmp_path) as upstream,
        processes.gateway(home, settings_for(upstream.url, home / "store")) as served,
        processes.gateway(neighbour, settings_for(upstream.url, neighbour / "store")) as other,
    ):
        load = Load(served.url, URL, kept=10, fresh=0, pace=0.1)
        async with load.going_on():
            await load.answered(200)  # the first ones drew the picture
            del load.seconds[:]
            await load.answered(1_000)
            calm = told(load, "nobody attacked")
            found = await attack(other.url)
            beside = told(load, f"a neighbour attacked, {RATE} varied requests/s")
            found += await attack(served.url)
        under = told(load, "their own gateway attacked")
        assert (served.stop(), other.stop()) == (0, 0)
    print(f"p99: {under / beside:.2f} x the neighbour's, {under / calm:.2f} x nobody's; {found}")
    assert load.lost == []
    assert [each for each in found if not each.startswith("200 ") and each != "dropped"] == []


def told(load: Load, when: str) -> float:
    """Tell of the hits since the last time; return their p99 in seconds."""
    half, most = load.quantile(0.5), load.quantile(0.99)
    print(f"hits, {when}: {len(load.seconds)}, p50 {1e3 * half:.2f} ms, p99 {1e3 * most:.2f} ms")
    del load.seconds[:]
    return most
