"""The darkroom: what comes out of it is what would be drawn here, whatever becomes of the child."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.children import lent, processors
from gateway.darkroom.child import NICE
from gateway.darkroom.keeper import Darkroom
from gateway.errors import Busy, Undecodable
from gateway.imaging.cleaning import clean
from gateway.imaging.jobs import Draw, Finish, Job, Plan, Print
from gateway.imaging.making import make as here
from gateway.model import Canvas, Fallback, Format, Kind, Rendition, Sample, Shape
from tests.fakes import settle
from tests.imaging.pictures import encoded, quarters

if TYPE_CHECKING:
    from collections.abc import Iterator

CANVAS = Canvas(40, Format.PNG, Shape.CIRCLE)
MASTER = clean(encoded(quarters(), "PNG"))
JOBS: dict[str, Job] = {
    "print": Print(MASTER, CANVAS),
    "finish": Finish(Sample(40, "RGB", quarters((40, 40)).tobytes()), CANVAS),
    "initials": Draw(Plan(CANVAS, Fallback.INITIALS, letters=("A", "L"), tint=3)),
    "identicon": Draw(Plan(CANVAS, Fallback.IDENTICON, seed=b"0123456789abcdef")),
    "blank": Draw(Plan(CANVAS, Fallback.BLANK)),
    "silhouette": Draw(Plan(CANVAS, Fallback.SILHOUETTE, kind=Kind.GROUP)),
    "custom": Draw(Plan(CANVAS, Fallback.SILHOUETTE), MASTER),
}
GOOD = JOBS["print"]
ODD = "tests.darkroom.odd"


def elsewhere(_: Job) -> bytes:
    """Stands for this process, so that it can be told from the child."""
    return b"here"


async def ask(darkroom: Darkroom, job: Job = GOOD) -> bytes:
    return (await darkroom(job)).body


@pytest.mark.parametrize("name", JOBS)
async def test_what_comes_out_is_what_would_be_drawn_here(name: str) -> None:
    expected = Rendition.of(here(JOBS[name]), CANVAS.format)
    async with Darkroom(elsewhere, lines=1) as darkroom:
        assert await darkroom(JOBS[name]) == expected
    async with Darkroom(here, lines=1, entry=f"{ODD}:stumbling") as darkroom:
        assert await darkroom(JOBS[name]) == expected


async def test_one_child_does_job_after_job() -> None:
    async with Darkroom(elsewhere, lines=1) as darkroom:
        child = darkroom.child
        bodies = [await ask(darkroom, job) for job in JOBS.values()]
        assert bodies == [here(job) for job in JOBS.values()]
        assert darkroom.child == child


async def test_what_is_broken_is_undecodable_and_costs_no_child() -> None:
    async with Darkroom(elsewhere, lines=1) as darkroom:
        child = darkroom.child
        for broken in (b"", b"no picture", MASTER[: len(MASTER) // 2]):
            with pytest.raises(Undecodable):
                await ask(darkroom, Print(broken, CANVAS))
        assert await ask(darkroom) == here(GOOD)
        assert darkroom.child == child


async def test_as_many_jobs_are_done_at_a_time_as_there_are_lines() -> None:
    async with Darkroom(elsewhere, lines=3, entry=f"{ODD}:meeting") as darkroom:
        assert await asyncio.gather(*(ask(darkroom) for _ in range(3))) == [b"met"] * 3


async def test_a_child_that_was_killed_is_replaced() -> None:
    async with Darkroom(elsewhere, lines=1) as darkroom:
        assert await ask(darkroom) == here(GOOD)
        killed = darkroom.child
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert await ask(darkroom) == here(GOOD)
        assert darkroom.child not in (killed, None)


async def test_a_picture_that_kills_is_given_up_and_never_drawn_here() -> None:
    async with Darkroom(elsewhere, lines=2, entry=f"{ODD}:dying") as darkroom:
        for _ in range(3):
            with pytest.raises(Busy, match="failed on the picture"):
                await ask(darkroom)


async def test_a_picture_that_hangs_is_given_up() -> None:
    async with Darkroom(elsewhere, lines=1, entry=f"{ODD}:hanging", patience=0.5) as darkroom:
        hung = darkroom.child
        began = time.monotonic()
        with pytest.raises(Busy):
            await ask(darkroom)
        assert time.monotonic() - began < 2 * 2 * 0.5
        assert gone(hung)


async def test_a_child_that_stumbles_leaves_the_job_to_the_worker() -> None:
    async with Darkroom(elsewhere, lines=1, entry=f"{ODD}:stumbling") as darkroom:
        child = darkroom.child
        assert await ask(darkroom) == b"here"
        assert darkroom.child == child


def descriptors() -> int:
    """How many file descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextmanager
def spare_descriptors(count: int) -> Iterator[None]:
    """This process may open so many more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(each.name) for each in Path("/proc/self/fd").iterdir()}
    free = [number for number in range(soft) if number not in taken]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[count], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_a_child_the_worker_draws() -> None:
    with spare_descriptors(0):
        darkroom = await Darkroom(elsewhere, lines=1).__aenter__()
    assert darkroom.child is None
    with spare_descriptors(0):
        assert await ask(darkroom) == b"here"
    assert await ask(darkroom) == here(GOOD)
    await darkroom.__aexit__(None, None, None)


async def test_a_start_that_fails_half_way_leaves_nothing_open() -> None:
    async with Darkroom(elsewhere, lines=1):
        pass  # the loop keeps a descriptor of its own from the first time on
    await settle()
    before = descriptors()
    with spare_descriptors(3):
        darkroom = await Darkroom(elsewhere, lines=8).__aenter__()
        assert darkroom.child is None
    await settle()
    assert descriptors() == before
    await darkroom.__aexit__(None, None, None)


async def test_who_leaves_takes_the_picture_out_of_the_child() -> None:
    async with Darkroom(elsewhere, lines=1, entry=f"{ODD}:hanging") as darkroom:
        hung = darkroom.child
        waiting = asyncio.create_task(ask(darkroom))
        await settle()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert gone(hung)


async def test_who_asks_when_it_closes_is_told_so() -> None:
    async with Darkroom(elsewhere, lines=1, entry=f"{ODD}:hanging") as darkroom:
        child = darkroom.child
        waiting = asyncio.create_task(ask(darkroom))
        await asyncio.sleep(0)
    with pytest.raises(Busy):
        await waiting
    with pytest.raises(Busy, match="closes"):
        await ask(darkroom)
    assert gone(child)


def gone(pid: int | None) -> bool:
    """Whether there is no such process any more; one that ends has a moment."""
    assert pid is not None
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True
        if stat.rpartition(")")[2].split()[0] == "Z":
            return True  # ended, and its parent, who was killed, will not look any more
        time.sleep(0.01)
    return False


HOLDER = """
import asyncio, sys
from gateway.darkroom.keeper import Darkroom
async def hold():
    async with Darkroom(lambda job: b"", lines=2) as darkroom:
        print(darkroom.child, flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(hold())
"""


def test_the_child_ends_with_a_worker_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        holder.kill()
    assert gone(child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it in this way")
async def test_it_is_told_nothing_and_yields_to_all_others() -> None:
    async with Darkroom(elsewhere, lines=1) as darkroom:
        await ask(darkroom)
        process = Path(f"/proc/{darkroom.child}")
        assert (process / "environ").read_bytes() == b""
        child, nice = darkroom.child or 0, min(os.nice(0) + NICE, 19)
        assert os.getpriority(os.PRIO_PROCESS, child) == nice
        # Niceness counts within a session only, where Linux shares out between sessions first.
        assert os.getsid(child) == os.getsid(0)
        assert os.getpgid(child) != os.getpgid(0)
        assert os.sched_getaffinity(child) == set(lent(processors()))
        links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        assert sum(link.startswith("socket:") for link in links) == 1
