"""The child: decodes one picture after the other, and has nothing that is worth stealing.

It is exec'd with an empty environment and one descriptor, gives up what it could do beyond that,
and ends with whoever holds the other end.
"""

from __future__ import annotations

import os
import resource
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
    """Return what gives freed memory back to the system, where the C library keeps it (glibc).

    How much it keeps depends on where its blocks happen to lie: up to a whole picture.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where there is this call

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            return partial(trim, 0)
    return lambda: None


def serve(
    descriptor: int,
    develop: Develop,
    *,
    cpu: int = CPU,
    rest: Callable[[], object] = lambda: None,
) -> None:
    """Answer jobs until the other end is closed; each may use up `cpu` seconds, and a bit more.

    `rest` is called after each answer.
    """
    _write(descriptor, frame(Kind.READY))
    while (said := _read(descriptor, HEAD_SIZE)) is not None:
        _, length = head(said)
        body = _read(descriptor, length)
        if body is None:
            return
        _arm(cpu)
        _answer(descriptor, body, develop)
        del body
        rest()


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
