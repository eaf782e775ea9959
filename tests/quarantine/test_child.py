"""The child's side, in this process: what it answers, and when it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.children import lent, processors
from gateway.errors import Undecodable
from gateway.model import Master, Sample
from gateway.quarantine.child import serve
from gateway.quarantine.frames import HEAD_SIZE, Kind, Refusal, frame, head, job, parse_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.quarantine.child import Develop


def develop(data: bytes, side: int) -> tuple[Sample, Callable[[], Master]]:
    return Sample(side, "RGB", data * side), lambda: Master(b"master of " + data, data[:1])


@contextmanager
def served(develop: Develop, **more: object) -> Iterator[socket.socket]:
    """The worker's end of a child that runs as a thread; it must end when that is closed."""
    ours, theirs = socket.socketpair()
    child = threading.Thread(
        target=serve, args=(theirs.fileno(), develop), kwargs={"cpu": 10**6} | more
    )
    with theirs:
        with ours:
            child.start()
            yield ours
        child.join(20)
        assert not child.is_alive()


def hear(ours: socket.socket) -> tuple[int, bytes]:
    kind, length = head(ours.recv(HEAD_SIZE, socket.MSG_WAITALL))
    return kind, ours.recv(length, socket.MSG_WAITALL) if length else b""


def test_a_job_is_a_job_on_the_other_side() -> None:
    written = job(b"data", 1024)
    assert head(written[:HEAD_SIZE]) == (Kind.JOB, len(written) - HEAD_SIZE)
    assert parse_job(written[HEAD_SIZE:]) == (b"data", 1024)


def test_every_job_is_answered_by_a_sample_and_a_master() -> None:
    with served(develop) as ours:
        assert hear(ours) == (Kind.READY, b"")
        for data in (b"a", b"b" * 100_000, b""):
            ours.sendall(job(data, 3))
            assert hear(ours) == (Kind.SAMPLE, data * 3)
            assert hear(ours) == (Kind.MASTER, b"master of " + data)
            assert hear(ours) == (Kind.SMALL, data[:1])


def refusing(error: Exception) -> Develop:
    def refuse(data: bytes, side: int) -> tuple[Sample, Callable[[], Master]]:
        del data, side
        raise error

    return refuse


def out_of_memory() -> Undecodable:
    error = Undecodable("as the wall says it")
    error.__cause__ = MemoryError()
    return error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Undecodable("broken"), Refusal.UNREADABLE),
        (MemoryError(), Refusal.MEMORY),
        (out_of_memory(), Refusal.MEMORY),
    ],
)
def test_a_refusal_says_why_in_one_byte(error: Exception, why: Refusal) -> None:
    with served(refusing(error)) as ours:
        hear(ours)
        for _ in range(2):
            ours.sendall(job(b"data", 3))
            assert hear(ours) == (Kind.REFUSED, bytes([why]))


@pytest.mark.parametrize("said", [b"", b"\x01", frame(Kind.JOB, bytes(99))[:50]])
def test_it_ends_when_the_other_end_is_closed(said: bytes) -> None:
    with served(develop) as ours:
        hear(ours)
        ours.sendall(said)


def test_it_rests_when_there_is_nothing_to_do() -> None:
    rested = threading.Event()
    with served(develop, rest=rested.set, quiet=0.01) as ours:
        hear(ours)
        assert rested.wait(20)


def test_it_does_not_rest_between_jobs() -> None:
    rests: list[None] = []
    with served(develop, rest=lambda: rests.append(None), quiet=20, kept=2**40) as ours:
        hear(ours)
        for _ in range(3):
            ours.sendall(job(b"a", 3))
            for _ in (Kind.SAMPLE, Kind.MASTER, Kind.SMALL):
                hear(ours)
        assert not rests


def test_it_rests_at_once_if_much_is_kept() -> None:
    rested = threading.Event()
    with served(develop, rest=rested.set, quiet=20, kept=-1) as ours:
        hear(ours)
        assert rested.wait(10)


CONFINED = """
import os, resource
from gateway.children import confine
confine({resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: 50}, nice=3)
print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE))
print(os.nice(0))
print(sorted(os.sched_getaffinity(0)))
"""


FORBIDDEN = """
import errno, os
from gateway.children import confine
def forbid(*_):
    raise PermissionError(errno.EPERM, "a sandbox")
os.sched_setaffinity = forbid
confine({}, nice=0)
print("goes on")
"""


def test_where_processors_may_not_be_chosen_pictures_are_made_all_the_same() -> None:
    command = [sys.executable, "-c", FORBIDDEN]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "goes on\n"


def test_what_is_given_up_is_given_up_for_good() -> None:
    nice = os.nice(0)
    done = subprocess.run(
        [sys.executable, "-c", CONFINED], capture_output=True, text=True, check=True
    )
    half = str(lent(processors()))
    assert done.stdout.splitlines() == ["(0, 0) (50, 50)", str(nice + 3), half]


@pytest.mark.parametrize(("ours", "count"), [(1, 1), (2, 1), (3, 2), (4, 2), (7, 4), (8, 4)])
def test_half_of_the_processors_stay_free_for_answers(ours: int, count: int) -> None:
    assert lent(list(range(3, 3 + ours))) == list(range(3, 3 + count))
