"""The child: decodes one picture after the other, and has nothing that is worth stealing.

It is exec'd with an empty environment and one descriptor, gives up what it could do beyond that,
and ends with whoever holds the other end.
"""

from __future__ import annotations

import os
import resource
import select
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

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
    from collections.abc import Callable, Mapping

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

_LARGEST_PIECE: Final = 8 * 2**20
"""Bytes; a piece of more is given back as soon as it is free. Profile pictures need two MiB."""

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_NICE: Final = 10
_PR_SET_PDEATHSIG: Final = 1
_SIGKILL: Final = 9


def main(descriptor: int) -> None:
    """Serve on `descriptor`, a connected stream socket, until the other end is closed."""
    confine(LIMITS, nice=_NICE)
    serve(descriptor, develop, rest=trimmer())


def confine(limits: Mapping[int, int], *, nice: int) -> None:
    """Give up for good what no picture needs; end with the parent, whatever ends it."""
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))
    os.nice(nice)
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where there is this call

        # A parent that is gone by now has closed the socket, and that ends us as well.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def trimmer() -> Callable[[], object]:
    """Keep freed memory for the next picture; return what gives it back to the system (glibc).

    Left to itself the C library gives most of it back at once and asks for it again, which takes a
    third of the time of a picture; and keeps what happens to lie below something else.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where there is this call

        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim"):
            library.mallopt(_M_TRIM_THRESHOLD, LIMITS[resource.RLIMIT_AS])
            library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_PIECE)
            return partial(library.malloc_trim, 0)
    return lambda: None


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
    _write(descriptor, frame(Kind.READY))
    while True:
        if _size() - base > kept or not ready.poll(1000 * quiet):
            rest()
            base = _size()
        said = _read(descriptor, HEAD_SIZE)
        body = None if said is None else _read(descriptor, head(said)[1])
        if body is None:
            return
        _arm(cpu)
        _answer(descriptor, body, develop)
        del body


def _answer(descriptor: int, body: bytes, develop: Develop) -> None:
    data, side = parse_job(body)
    try:
        sample, master = develop(data, side)
        _write(descriptor, frame(Kind.SAMPLE, sample.pixels))
        del sample
        whole, small = master()
        _write(descriptor, frame(Kind.MASTER, whole) + frame(Kind.SMALL, small))
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
    _write(descriptor, frame(Kind.REFUSED, bytes([why])))


def _size() -> int:
    """Bytes of address space that this process has; 0 where that is not told."""
    try:
        with open("/proc/self/statm", "rb") as told:  # noqa: PTH123 - pathlib is another MiB
            return int(told.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _read(descriptor: int, count: int) -> bytes | None:
    """Exactly `count` bytes; None if the other end is closed before."""
    held = bytearray()
    while len(held) < count:
        part = os.read(descriptor, min(count - len(held), 2**18))
        if not part:
            return None
        held += part
    return bytes(held)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
