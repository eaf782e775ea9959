"""R8: what is sent to a worker to fill its memory does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests import processes
from tests.processes import ROOT, environment
from tests.workers import memory, workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.processes import Control, Running

GROWTH: Final = 8 * 2**20
MEMORY: Final = 200 * 2**20

BOMBS: Final[dict[str, tuple[dict[str, object], str]]] = {
    "gzip of 100 MB by the API": ({"api": "gzip_bomb", "params": {"megabytes": 100}}, "upstream"),
    "JSON of 100 MB": ({"api": "huge_30mb", "params": {"megabytes": 100}}, "upstream"),
    "nested JSON": ({"api": "deeply_nested", "params": {"depth": 30_000}}, "upstream"),
    "endless JSON": ({"api": "endless"}, "upstream"),
    "endless chunks of JSON": ({"api": "endless", "params": {"chunked": True}}, "upstream"),
    "200 KB of headers": ({"api": "huge_headers_200kb"}, "upstream"),
    "gzip of 100 MB by the CDN": (
        {"cdn": "gzip_bomb", "params": {"megabytes": 100}},
        "undecodable",
    ),
    "picture of 20 MB": ({"cdn": "big_20mb"}, "undecodable"),
    "picture that says 10 GB": ({"cdn": "lying_huge_length"}, "undecodable"),
    "endless picture": ({"cdn": "endless"}, "upstream"),
    "pixels": ({"cdn": "pixel_bomb"}, "undecodable"),
    "scans": ({"cdn": "scan_bomb"}, "undecodable"),
}


@pytest.fixture(scope="module")
def alone(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway of one worker, which has done all that it does once."""
    folder = tmp_path_factory.mktemp("alone")
    settings = processes.settings_for(upstream.url, folder / "store", GATEWAY_DEADLINE="10s")
    with processes.gateway(folder, settings, workers=1) as served:
        for number in range(20):
            httpx.get(f"{served.url}/avatar/1555762{number:03}1.png", timeout=30)
        yield served


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_takes_little_memory(alone: Running, control: Control, bomb: str) -> None:
    scenario, reason = BOMBS[bomb]
    contact = f"1555761{list(BOMBS).index(bomb):03}1@c.us"
    control.set(contact, **scenario)
    [worker] = workers(alone)
    before = memory(worker)
    # The most that was ever in memory is from now on the most since now.
    Path(f"/proc/{worker}/clear_refs").write_text("5")
    answer = httpx.get(f"{alone.url}/avatar/{contact}.png", timeout=30)
    assert answer.headers["avatar-reason"] == reason
    assert memory(worker, "VmHWM") - before <= GROWTH


def test_strangers_take_no_more_memory_than_a_worker_may_have(
    upstream: Running, tmp_path: Path
) -> None:
    """A small crowd; a million of them are among the proofs."""
    command = [sys.executable, "-m", "tests.strangers", str(tmp_path), upstream.url, "5000"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    taken = [int(line) for line in done.stdout.splitlines()]
    assert len(taken) == 10
    assert max(taken) <= MEMORY
