"""Every picture that Pillow tests itself with, through the whole gateway, over real sockets.

All files under ``Tests/images`` of its source distribution count, whatever their names: pictures
of forty formats, broken ones, and those that once crashed a decoder.
"""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections import Counter
from importlib import metadata
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from tests import processes, sources
from tests.gallery import Gallery, showing
from tests.imaging.bombs import scans
from tests.imaging.pictures import encoded, photo

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT: Final = 2 * 1.2
"""Seconds, twice those that any picture may take."""

GROWTH: Final = 64 * 2**20
BOMBS: Final = 20
ROUNDS: Final = 3
HITS: Final = 5000


@pytest.fixture(scope="module")
def pictures() -> list[Path]:
    """The files, fetched through pip from wherever it fetches everything else, and kept."""
    folder = sources.unpacked("pillow") / "Tests" / "images"
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def served(tmp_path: Path, gallery: Gallery) -> Iterator[processes.Running]:
    """A gateway of one worker in front of the gallery."""
    settings = processes.settings_for(gallery.url, tmp_path / "store")
    with processes.gateway(tmp_path, settings, workers=1) as served:
        yield served


def worker(served: processes.Running) -> int:
    """The number of the worker's process."""
    task = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    (pid,) = task.read_text().split()
    return int(pid)


def memory(pid: int, what: str = "VmRSS") -> int:
    """Bytes that are in memory now (``VmRSS``) or were at most (``VmHWM``)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))


def check(response: httpx.Response) -> str:
    """Judge one answer; whether it shows the photo or why it does not."""
    assert response.status_code == 200
    with Image.open(io.BytesIO(response.content)) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (96, 96))
    return str(response.headers.get("avatar-reason", "photo"))


class TestPillowsOwnPictures:
    @pytest.fixture
    def gallery(self, pictures: list[Path]) -> Iterator[Gallery]:
        with showing([encoded(photo("astronaut.png"), "JPEG"), *pictures]) as gallery:
            yield gallery

    def test_each_is_answered_with_an_image_in_time_by_the_same_worker(
        self, served: processes.Running, gallery: Gallery
    ) -> None:
        with httpx.Client(base_url=served.url, timeout=30) as client:
            assert check(client.get(f"/avatar/{gallery.contact(0)}.png?size=96")) == "photo"
            pid = worker(served)
            before = memory(pid)
            outcomes: Counter[str] = Counter()
            times: dict[str, float] = {}
            for number, picture in enumerate(gallery.pictures[1:], start=1):
                begun = time.monotonic()
                answer = client.get(f"/avatar/{gallery.contact(number)}.png?size=96")
                times[str(picture)] = time.monotonic() - begun
                outcomes[check(answer)] += 1
                assert times[str(picture)] <= LIMIT, picture
        assert worker(served) == pid
        growth, peak = memory(pid) - before, memory(pid, "VmHWM") - before
        slowest = max(times, key=times.__getitem__)
        print(f"\n{len(times)} pictures of Pillow {metadata.version('pillow')}: {dict(outcomes)}")
        print(f"slowest {times[slowest] * 1000:.0f} ms: {Path(slowest).name}")
        print(f"median {sorted(times.values())[len(times) // 2] * 1000:.1f} ms")
        print(f"worker {before / 2**20:.0f} MiB, +{growth / 2**20:.1f}, peak +{peak / 2**20:.1f}")
        assert peak <= GROWTH
        assert set(outcomes) <= {"photo", "undecodable"}
        assert len(times) > 1000


class TestTwentyScanBombsAtOnce:
    @pytest.fixture
    def gallery(self) -> Iterator[Gallery]:
        bomb = scans(64)
        # Different bytes and paths, so that none is remembered for another.
        bombs = [bomb + bytes(number) for number in range(BOMBS * ROUNDS)]
        with showing([encoded(photo("astronaut.png"), "JPEG"), *bombs]) as gallery:
            yield gallery

    def test_hits_are_answered_beside_them(
        self, served: processes.Running, gallery: Gallery
    ) -> None:
        hit = f"{served.url}/avatar/{gallery.contact(0)}.png?size=96"
        ratios = []
        assert check(httpx.get(hit, timeout=30)) == "photo"
        for round_ in range(ROUNDS):
            alone = _p99(hit)
            numbers = range(1 + round_ * BOMBS, 1 + (round_ + 1) * BOMBS)
            urls = [f"{served.url}/avatar/{gallery.contact(n)}.png?size=96" for n in numbers]
            with _bombarding(urls):
                beside = _p99(hit)
            ratios.append(beside / alone)
            _wait_for(urls)
            print(f"\np99 of hits {alone:.2f} ms alone, {beside:.2f} beside {BOMBS} bombs")
        print("ratios", [round(ratio, 2) for ratio in sorted(ratios)])


class _bombarding:  # noqa: N801 - used as a statement
    """Ask for all `urls` at once; wait for the answers at the end, and judge them."""

    def __init__(self, urls: list[str]) -> None:
        self._answers: list[tuple[float, httpx.Response]] = []
        self._threads = [threading.Thread(target=self._ask, args=(url,)) for url in urls]

    def _ask(self, url: str) -> None:
        begun = time.monotonic()
        answer = httpx.get(url, timeout=30)
        self._answers.append((time.monotonic() - begun, answer))

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_error: object) -> None:
        for thread in self._threads:
            thread.join()
        assert len(self._answers) == len(self._threads)
        outcomes = Counter(check(answer) for _, answer in self._answers)
        print(f"\nbombs: {dict(outcomes)}, last after {max(self._answers)[0]:.1f} s")


def _wait_for(urls: list[str]) -> None:
    """Look until every photo is there: then nothing of this round is left to do."""
    for url in urls:
        assert any(check(httpx.get(url, timeout=30)) == "photo" for _ in range(10)), url


HITTING: Final = """
import socket, sys, time
host, port, path, number = sys.argv[1:]
request = f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n".encode()
with socket.create_connection((host, int(port)), 30) as connection:
    for _ in range(int(number)):
        begun = time.perf_counter()
        connection.sendall(request)
        head, _, body = connection.recv(2**16).partition(b"\\r\\n\\r\\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\\r\\n")[1:])
        while len(body) < int(fields[b"content-length"]):
            body += connection.recv(2**16)
        print(1000 * (time.perf_counter() - begun))
"""
"""In a process of its own, so that it is the gateway that is measured and not this test."""


def _p99(url: str) -> float:
    """Milliseconds of the slowest of a hundred hits, over `HITS`, one after the other."""
    address = urlsplit(url)
    target = f"{address.path}?{address.query}"
    command = [sys.executable, "-c", HITTING, processes.HOST, str(address.port), target, str(HITS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return quantiles([float(each) for each in done.stdout.split()], n=100)[-1]
