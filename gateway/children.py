"""Child processes that make pictures: started with nothing of ours, and giving up what they can.

Both ends talk over connected stream sockets. A child ends when the other ends of its own are
closed, whatever closed them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMMAND: Final = (
    "import sys;"
    "sys.path[:] = sys.argv[2:];"
    "from {module} import {function} as main;"
    "main(*map(int, sys.argv[1].split(',')))"
)

_LARGEST_PIECE: Final = 8 * 2**20
"""Bytes; a piece of more is given back as soon as it is free. Profile pictures need two MiB."""

_KEPT: Final = 384 * 2**20
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_PIECE: Final = 2**18


def spawn(entry: str, *descriptors: int) -> subprocess.Popen[bytes]:
    """Exec a child with nothing of ours but `descriptors` and the places to import from.

    `entry` is its main function as ``module:function``, which is called with the descriptors.
    Raises `OSError`.
    """
    module, _, function = entry.partition(":")
    places = [os.path.abspath(place) for place in sys.path]  # noqa: PTH100 - not to be resolved
    return subprocess.Popen(  # noqa: S603 - our own code, and no word of input
        [
            *(sys.executable, "-I", "-S", "-c"),
            _COMMAND.format(module=module, function=function),
            ",".join(map(str, descriptors)),
            *places,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        pass_fds=descriptors,
        # Ctrl-C at the terminal is for the worker alone. No session of their own: Linux shares the
        # processor out between sessions first, and there their niceness would count for little.
        process_group=0,
    )


def processors() -> list[int]:
    """The processors that this process may use, by number."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def lent(ours: list[int]) -> list[int]:
    """The processors that children may use: half of `ours`, rounded up.

    The others stay free for answers. Niceness alone does not keep them so: whoever wakes up waits
    now and then for the next tick of the clock (4 ms), however little is due to who runs.
    """
    return ours[: (1 + len(ours)) // 2]


def confine(limits: Mapping[int, int], *, nice: int) -> None:
    """Give up for good, in this process, what no picture needs; `limits` are by resource."""
    import resource  # noqa: PLC0415 - only where there are children, which is not everywhere

    for what, most in limits.items():
        resource.setrlimit(what, (most, most))
    os.nice(nice)
    if hasattr(os, "sched_setaffinity"):
        with suppress(OSError):  # a sandbox may forbid it, and pictures can be made without
            os.sched_setaffinity(0, lent(processors()))


def trimmer() -> Callable[[], object]:
    """Keep freed memory for the next picture; return what gives it back to the system (glibc).

    Left to itself the C library gives most of it back at once and asks for it again, which takes a
    third of the time of a picture; and keeps what happens to lie below something else.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where there is this call

        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim"):
            library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
            library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_PIECE)
            return partial(library.malloc_trim, 0)
    return lambda: None


def read(descriptor: int, count: int) -> bytes | None:
    """Exactly `count` bytes; None if the other end is closed before."""
    held = bytearray()
    while len(held) < count:
        part = os.read(descriptor, min(count - len(held), _PIECE))
        if not part:
            return None
        held += part
    return bytes(held)


def write(descriptor: int, data: bytes) -> None:
    """Write all of `data`; raises `OSError` if nobody takes it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
