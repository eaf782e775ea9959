"""The quarantine: pictures come out of it, and nothing that is done in it does any harm."""

from __future__ import annotations

import asyncio
import os
import resource
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Busy, Rejected
from gateway.imaging.rendering import finish, render
from gateway.model import Canvas
from gateway.quarantine.frames import MAX_DATA, MAX_MASTER, MAX_SMALL, Kind, frame
from gateway.quarantine.keeper import Patience, Quarantine
from tests.fakes import settle
from tests.imaging.pictures import decoded, encoded, photo, pixels, png, psnr, quarters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.model import Sample

HOSTILE = "tests.quarantine.hostile:main"
QUICK = "tests.quarantine.quick:main"
GOOD = encoded(quarters(), "PNG")
SIDE = 32

TOO_LONG = "the picture took too long to decode"
CRASHED = "the decoder crashed on the picture"
MEMORY = "the picture needed too much memory"
UNREADABLE = "the picture cannot be decoded"


on_both_loops = pytest.mark.parametrize(
    "anyio_backend",
    [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)


@pytest.fixture
async def hostile() -> AsyncIterator[Quarantine]:
    async with Quarantine(entry=HOSTILE) as quarantine:
        yield quarantine


async def develop(
    quarantine: Quarantine, data: bytes = GOOD, side: int = SIDE
) -> tuple[Sample, bytes]:
    sample, master = await quarantine.develop(data, side, until=time.monotonic() + 30)
    return sample, (await master).whole


async def failure(quarantine: Quarantine, data: bytes) -> str:
    """What is said of a picture that is rejected."""
    with pytest.raises(Rejected) as caught:
        await develop(quarantine, data)
    return str(caught.value)


def process(quarantine: Quarantine) -> int:
    pid = quarantine.child
    assert pid is not None
    return pid


async def ended(pid: int) -> bool:
    """Wait until the process has ended; False if that takes too long."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool((await asyncio.to_thread(select.select, [descriptor], [], [], 20))[0])
    finally:
        os.close(descriptor)


# Pictures


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "GIF", "WEBP"])
async def test_a_picture_gives_a_sample_and_then_a_master(fmt: str) -> None:
    async with Quarantine() as quarantine:
        for _ in range(2):
            sample, master = await develop(quarantine, encoded(photo("astronaut.png"), fmt), 64)
            assert (sample.side, sample.mode) == (64, "RGB")
            seen = pixels(decoded(finish(sample, Canvas(64))))
            assert psnr(seen, pixels(decoded(render(master, Canvas(64))))) > 30


@on_both_loops
async def test_one_child_serves_many_pictures_one_after_the_other() -> None:
    async with Quarantine() as quarantine:
        await develop(quarantine)
        first = process(quarantine)
        results = await asyncio.gather(*(develop(quarantine, side=side) for side in range(16, 32)))
        assert [sample.side for sample, _ in results] == list(range(16, 32))
        assert process(quarantine) == first


async def test_a_transparent_picture_keeps_its_alpha() -> None:
    async with Quarantine() as quarantine:
        data = encoded(quarters().convert("P"), "PNG", transparency=bytes([90] * 256))
        sample, _ = await develop(quarantine, data)
        assert (sample.mode, len(sample.pixels)) == ("RGBA", 4 * SIDE**2)


async def test_the_next_picture_does_not_wait_for_the_caller_of_the_last() -> None:
    async with Quarantine() as quarantine:
        _, master = await quarantine.develop(GOOD, SIDE, until=time.monotonic() + 30)
        await develop(quarantine)
        assert master.done()


# What is done to the child


SAYS = {
    "an unknown kind": b"\xff\x00\x00\x00\x00",
    "a sample of one byte": frame(Kind.SAMPLE, b"?"),
    "a sample that is too small": frame(Kind.SAMPLE, bytes(3 * SIDE**2 - 1)),
    "a sample of grey": frame(Kind.SAMPLE, bytes(SIDE**2)),
    "a sample of gigabytes": b"\x03\xff\xff\xff\xff",
    "a master of gigabytes": b"\x04\xff\xff\xff\xff",
    "a job": frame(Kind.JOB, bytes(99)),
    "ready": frame(Kind.READY),
    "an unknown refusal": frame(Kind.REFUSED, b"\x63"),
    "a refusal that explains itself": frame(Kind.REFUSED, b"\x01because"),
    "an HTTP response": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("when", [b"", b"later: "], ids=["at once", "after the sample"])
@pytest.mark.parametrize(
    ("deed", "text"),
    [
        (b"abort", CRASHED),
        (b"read nowhere", CRASHED),
        (b"exit", CRASHED),
        (b"bug", CRASHED),
        (b"recurse", CRASHED),
        (b"fill", MEMORY),
        (b"fill inside", MEMORY),
        (b"refuse", UNREADABLE),
    ],
    ids=str,
)
async def test_a_deed_costs_one_picture(
    hostile: Quarantine, deed: bytes, text: str, when: bytes
) -> None:
    assert await failure(hostile, when + deed) == text
    await develop(hostile)


@on_both_loops
@pytest.mark.parametrize("when", [b"", b"later: "], ids=["at once", "after the sample"])
async def test_a_picture_that_hangs_is_ended_by_the_clock(when: bytes) -> None:
    patience = Patience(sample=1.0, master=0.5)
    async with Quarantine(entry=HOSTILE, patience=patience) as hostile:
        await develop(hostile)
        child, begun = process(hostile), time.monotonic()
        assert await failure(hostile, when + b"hang") == TOO_LONG
        assert time.monotonic() - begun < 2 * 1.2
        assert await ended(child)
        await develop(hostile)


@pytest.mark.parametrize("when", [b"", b"later: "], ids=["at once", "after the sample"])
async def test_a_picture_that_burns_processor_time_is_ended_by_the_kernel(when: bytes) -> None:
    async with Quarantine(entry=HOSTILE, patience=Patience(sample=30, master=30)) as hostile:
        begun = time.monotonic()
        assert await failure(hostile, when + b"spin") == TOO_LONG
        assert time.monotonic() - begun < 15
        await develop(hostile)


@pytest.mark.parametrize("name", SAYS)
async def test_what_does_not_fit_ends_the_child(hostile: Quarantine, name: str) -> None:
    await develop(hostile)
    child = process(hostile)
    assert await failure(hostile, b"say " + SAYS[name]) == CRASHED
    assert await ended(child)
    await develop(hostile)


@pytest.mark.parametrize(
    "said",
    [
        b"master of text",
        b"no master",
        b"say " + frame(Kind.SAMPLE, bytes(3 * SIDE**2)),
        b"say " + frame(Kind.MASTER, png(50_000, 50_000)),
        b"say " + frame(Kind.MASTER, encoded(quarters(), "JPEG")[:40]),
        b"say " + b"\x04" + (MAX_MASTER + 1).to_bytes(4, "big"),
        b"say " + frame(Kind.SMALL),
        b"say " + frame(Kind.MASTER, GOOD) + frame(Kind.MASTER, GOOD),
        b"say " + frame(Kind.MASTER, GOOD) + frame(Kind.SMALL, b"<html>"),
        b"say " + frame(Kind.MASTER, GOOD) + frame(Kind.SMALL, png(50_000, 50_000)),
        b"say " + frame(Kind.MASTER, GOOD) + b"\x06" + (MAX_SMALL + 1).to_bytes(4, "big"),
    ],
)
async def test_a_master_is_judged_like_a_stranger(hostile: Quarantine, said: bytes) -> None:
    assert await failure(hostile, b"later: " + said) == CRASHED
    await develop(hostile)


async def test_a_large_picture_has_a_small_copy() -> None:
    async with Quarantine() as quarantine:
        for side, size in ((320, (160, 160)), (319, None)):
            data = encoded(photo("astronaut.png").resize((side, 400)), "JPEG")
            _, master = await quarantine.develop(data, 64, until=time.monotonic() + 30)
            small = (await master).small
            assert (decoded(small).size if small else None) == size


@on_both_loops
async def test_a_refusal_leaves_the_child_alone(hostile: Quarantine) -> None:
    await develop(hostile)
    first = process(hostile)
    for deed in (b"refuse", b"later: refuse", b"fill", b"no picture at all"):
        await failure(hostile, deed)
    await develop(hostile)
    assert process(hostile) == first


@on_both_loops
async def test_a_child_that_died_in_its_sleep_is_no_fault_of_the_next_picture() -> None:
    async with Quarantine(entry=QUICK) as quarantine:
        await develop(quarantine)
        os.kill(process(quarantine), 9)
        assert await ended(process(quarantine))
        await develop(quarantine)


async def test_a_picture_that_is_too_large_never_reaches_the_child() -> None:
    async with Quarantine(entry=QUICK) as quarantine:
        assert (
            await failure(quarantine, bytes(MAX_DATA + 1)) == "the picture is larger than we take"
        )
        assert quarantine.child is None


# Waiting


async def test_who_waits_too_long_for_a_turn_is_told_so(hostile: Quarantine) -> None:
    task = asyncio.create_task(develop(hostile, b"hang"))
    await settle()
    with pytest.raises(Busy):
        await hostile.develop(GOOD, SIDE, until=time.monotonic() + 0.01)
    with pytest.raises(Rejected):
        await task
    await develop(hostile)


async def test_a_queue_that_is_full_refuses_at_once() -> None:
    async with Quarantine(entry=QUICK, queue=3) as quarantine:
        tasks = [asyncio.create_task(develop(quarantine)) for _ in range(4)]
        await settle()  # one is with the child, three wait
        with pytest.raises(Busy):
            await develop(quarantine)
        await asyncio.gather(*tasks)
        await develop(quarantine)


async def test_who_leaves_while_waiting_takes_no_turn(hostile: Quarantine) -> None:
    first = asyncio.create_task(develop(hostile))
    await settle()
    waiting = [asyncio.create_task(develop(hostile, b"hang")) for _ in range(5)]
    await settle()
    for task in waiting:
        task.cancel()
    await first
    await develop(hostile)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert all(task.cancelled() for task in waiting)


@on_both_loops
async def test_who_leaves_takes_the_picture_out_of_the_child(hostile: Quarantine) -> None:
    await develop(hostile)
    child = process(hostile)
    task = asyncio.create_task(develop(hostile, b"hang"))
    await settle()
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()
    assert await ended(child)
    await develop(hostile)


@on_both_loops
@pytest.mark.parametrize("begun", [False, True])
async def test_a_master_that_is_not_wanted_frees_the_child(
    hostile: Quarantine,
    begun: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    _, master = await hostile.develop(b"later: hang", SIDE, until=time.monotonic() + 30)
    child = process(hostile)
    if begun:
        await settle()
    master.cancel()
    await asyncio.wait((master,))
    assert await ended(child)
    await develop(hostile)


# Starting and ending


@pytest.mark.parametrize(
    "entry",
    ["gateway.nowhere:main", "tests.quarantine.hostile:mute", "tests.quarantine.hostile:wrong"],
)
async def test_a_child_that_does_not_start_makes_us_busy(entry: str) -> None:
    async with Quarantine(entry=entry, patience=Patience(start=1.0)) as quarantine:
        for _ in range(2):
            with pytest.raises(Busy):
                await develop(quarantine)
            assert quarantine.child is None


@on_both_loops
async def test_who_leaves_while_the_child_starts_takes_it_along() -> None:
    async with Quarantine(entry="tests.quarantine.hostile:mute") as quarantine:
        task = asyncio.create_task(develop(quarantine))
        await settle()
        child = process(quarantine)
        task.cancel()
        await asyncio.wait((task,))
        assert quarantine.child is None
        assert await ended(child)


@pytest.mark.parametrize("spare", [0, 2], ids=["no socket", "no process"])
async def test_without_descriptors_we_are_busy_and_recover(spare: int) -> None:
    async with Quarantine(entry=QUICK) as quarantine:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = [os.dup(0) for _ in range(spare + 1)]
        for descriptor in free:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], hard))
        try:
            with pytest.raises(Busy):
                await develop(quarantine)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await develop(quarantine)


@on_both_loops
async def test_an_idle_child_goes_away_and_comes_back() -> None:
    async with Quarantine(entry=QUICK, patience=Patience(idle=0.05)) as quarantine:
        for _ in range(3):
            await develop(quarantine)
            assert await ended(process(quarantine))
            await settle()
            assert quarantine.child is None


async def test_a_child_at_work_is_not_idle() -> None:
    patience = Patience(idle=0.05, sample=0.5)
    async with Quarantine(entry=HOSTILE, patience=patience) as quarantine:
        await develop(quarantine)
        assert await failure(quarantine, b"hang") == TOO_LONG


@on_both_loops
@pytest.mark.parametrize("deed", [GOOD, b"hang", b"later: hang"], ids=str)
async def test_closing_ends_the_child_and_whoever_waits(deed: bytes) -> None:
    async with Quarantine(entry=HOSTILE) as quarantine:
        await develop(quarantine)
        child = process(quarantine)
        tasks = [asyncio.create_task(develop(quarantine, deed)) for _ in range(3)]
        await settle()
    assert await ended(child)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, Busy) or deed == GOOD for result in results)
    with pytest.raises(Busy):
        await develop(quarantine)


async def test_a_quarantine_that_was_never_used_starts_nothing() -> None:
    async with Quarantine() as quarantine:
        assert quarantine.child is None


def held() -> tuple[int, int]:
    """How many descriptors and threads this process has."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


@on_both_loops
async def test_fifty_rounds_leave_nothing_behind() -> None:
    async def round_(number: int) -> None:
        async with Quarantine(entry=QUICK) as quarantine:
            await develop(quarantine)
            if number % 2:
                await failure(quarantine, b"exit")
                await develop(quarantine)

    await round_(1)
    before = held()
    for number in range(50):
        await round_(number)
    assert held() == before
    assert zombies() == []


def zombies() -> list[str]:
    """Children of this process that have ended and were not reaped."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            found += [pid] if state == "Z" else []
    return found


# What the child may do


def facts(pid: int) -> Path:
    return Path(f"/proc/{pid}")


async def test_the_child_has_nothing_but_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAWP_ACCESS_TOKEN", "a-secret")
    ours = Path(__file__).open()  # noqa: ASYNC230, SIM115 - a descriptor that must not be inherited
    os.set_inheritable(ours.fileno(), True)  # noqa: FBT003 - the standard library's signature
    async with Quarantine() as quarantine:
        await develop(quarantine)
        proc = facts(process(quarantine))
        assert (proc / "environ").read_bytes() == b""
        assert b"a-secret" not in (proc / "cmdline").read_bytes()
        open_files = sorted(str(each.readlink()) for each in (proc / "fd").iterdir())
        assert open_files[:3] == ["/dev/null"] * 3
        assert [name.partition(":")[0] for name in open_files[3:]] == ["socket"]
    ours.close()


async def test_the_child_is_limited() -> None:
    async with Quarantine() as quarantine:
        await develop(quarantine)
        proc = facts(process(quarantine))
        limits = {
            line[:26].strip(): line[26:].split()[:2]
            for line in (proc / "limits").read_text().splitlines()
        }
        assert limits["Max core file size"] == ["0", "0"]
        assert limits["Max file size"] == ["0", "0"]
        assert limits["Max open files"] == ["16", "16"]
        assert int(limits["Max address space"][1]) <= 512 * 2**20
        assert int(limits["Max cpu time"][0]) < 20
        assert (proc / "stat").read_text().rpartition(")")[2].split()[16] == str(
            min(os.nice(0) + 10, 19)
        )


def pss(pid: int) -> int:
    """The share of memory that is this process's, in bytes."""
    lines = (facts(pid) / "smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


async def test_the_child_is_small_even_after_the_largest_picture() -> None:
    large = encoded(photo("coffee.png").resize((2048, 2048)), "JPEG", quality=60)
    clear = photo("coffee.png").resize((2048, 2048)).convert("RGBA")
    clear.putalpha(200)
    async with Quarantine(patience=Patience(sample=30, master=30)) as quarantine:
        for data in (large, encoded(clear, "WEBP", quality=50), large):
            await develop(quarantine, data, 256)
            await develop(quarantine)
            child = process(quarantine)
            async with asyncio.timeout(20):
                while pss(child) > 30 * 2**20:  # noqa: ASYNC110 - the system has no gate for that
                    await asyncio.sleep(0.05)


PARENT = """
import asyncio, sys, time
from gateway.quarantine.keeper import Quarantine

async def main():
    async with Quarantine(entry="tests.quarantine.hostile:main") as quarantine:
        sample, master = await quarantine.develop({data!r}, 16, until=time.monotonic() + 30)
        print(quarantine.child, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def parents() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for parent in started:
        parent.kill()
        parent.communicate()


@pytest.mark.parametrize("data", [GOOD, b"later: hang"], ids=["idle", "at work"])
async def test_the_child_dies_with_its_parent(
    data: bytes, parents: list[subprocess.Popen[str]]
) -> None:
    command = [sys.executable, "-c", PARENT.format(data=data)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - short
    parents.append(parent)
    assert parent.stdout is not None
    child = int(await asyncio.to_thread(parent.stdout.readline))
    parent.kill()
    assert await ended(child)
