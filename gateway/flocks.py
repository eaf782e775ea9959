"""Files that a process holds for as long as it lives: the kernel frees them with their holder.

A lock belongs to an open file description. Descriptors close on exec, so a child that is exec'd
holds nothing of its parent's; a bare fork would, and must not happen while something is held.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_at(descriptor: int, path: Path) -> bool:
    """Whether `path` still names the open file `descriptor`."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def hold(path: Path) -> int | None:
    """Return a descriptor that holds `path` alone; None if somebody else does.

    Never waits. The file is made if missing. Raises `OSError`.
    """
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = is_at(descriptor, path)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if held:
            return descriptor
        # Its last holder removed the file between our opening and our locking it.
        os.close(descriptor)


def wait_for(path: Path) -> int:
    """Return a descriptor that holds `path` alone, whoever must end first; raises `OSError`."""
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            held = is_at(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        if held:
            return descriptor
        os.close(descriptor)


def let_go(descriptor: int, path: Path) -> None:
    """Give up what `hold` gave, and remove its file; never raises."""
    with suppress(OSError):
        # Removed while it is held, so nobody can hold a file that has no name. A file that took
        # its name meanwhile is somebody else's.
        if is_at(descriptor, path):
            path.unlink()
    os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
