"""The child: decodes one picture after the other, and has nothing that is worth stealing.

It is exec'd with an empty environment and one descriptor, gives up what it could do beyond that,
and ends with whoever holds the other end.
"""

from __future__ import annotations

import resource
import select
import sys
from typing import TYPE_CHECKING, Final

from gateway.children import confine, read, trimmer, write
from gateway.errors import Undecodable
from gateway.imaging.cleaning import develop
from gateway.quarantine.frames import (
    HEAD_SIZE,
    Kind,
    Refusal,
    frame,
    head,
    parse_job,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import Master, Sample

    Develop = Callable[[bytes, int], tuple[Sample, Callable[[], Master]]]

CPU: Final = 3
"""Seconds of processor time for one picture: as many as the worker waits for it."""

MEMORY: Final = 384 * 2**20
"""Bytes of address space; the greediest picture that we take needs three quarters of it."""

LIMITS: Final = {
    resource.RLIMIT_AS: MEMORY,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 16,
}
KEPT: Final = 8 * 2**20
"""Bytes of freed memory that may stay from one job to the next; a profile picture leaves seven."""

QUIET: Final = 0.2
"""Seconds without a job after which memory is given back; doing so takes as long as decoding."""

_NICE: Final = 10
_PR_SET_PDEATHSIG: Final = 1
_SIGKILL: Final = 9


def main(descriptor: int) -> None:
    """Serve on `descriptor`, a connected stream socket, until the other end is closed."""
    confine(LIMITS, nice=_NICE)
    end_with_parent()
    serve(descriptor, develop, rest=trimmer())


def end_with_parent() -> None:
    """Let the kernel end this process with the thread that started it (Linux)."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where there is this call

        # A parent that is gone by now has closed the socket, and that ends us as well.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def serve(
    descriptor: int,
    develop: Develop,
    *,
    cpu: int = CPU,
    rest: Callable[[], object] = lambda: None,
    quiet: float = QUIET,
    kept: int = KEPT,
) -> None:
    """Answer jobs until the other end is closed; each may use up `cpu` seconds, and a bit more.

    `rest` is called when there was none for `quiet` seconds, and at once when more than `kept`
    bytes are still held.
    """
    ready = select.poll()  # which takes any number of a descriptor
    ready.register(descriptor, select.POLLIN)
    base = _size()
    write(descriptor, frame(Kind.READY))
    while True:
        if _size() - base > kept or not ready.poll(1000 * quiet):
            rest()
            base = _size()
        said = read(descriptor, HEAD_SIZE)
        body = None if said is None else read(descriptor, head(said)[1])
        if body is None:
            return
        _arm(cpu)
        _answer(descriptor, body, develop)
        del body


def _answer(descriptor: int, body: bytes, develop: Develop) -> None:
    data, side = parse_job(body)
    try:
        sample, master = develop(data, side)
        write(descriptor, frame(Kind.SAMPLE, sample.pixels))
        del sample
        whole, small = master()
        write(descriptor, frame(Kind.MASTER, whole) + frame(Kind.SMALL, small))
    except MemoryError:
        _refuse(descriptor, Refusal.MEMORY)
    except Undecodable as refusal:
        memory = isinstance(refusal.__cause__, MemoryError)
        _refuse(descriptor, Refusal.MEMORY if memory else Refusal.UNREADABLE)


def _arm(seconds: int) -> None:
    """Let the kernel end us once this picture has used up its processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _refuse(descriptor: int, why: Refusal) -> None:
    write(descriptor, frame(Kind.REFUSED, bytes([why])))


def _size() -> int:
    """Bytes of address space that this process has; 0 where that is not told."""
    try:
        with open("/proc/self/statm", "rb") as told:  # noqa: PTH123 - pathlib is another MiB
            return int(told.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
