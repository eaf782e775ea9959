"""The runtime directory: where the workers of one machine meet."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.errors import SharingFailed

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_FORGOTTEN: Final = 30 * 86_400.0


def open_runtime(store: Path | None, *, namespace: str) -> Path:
    """Return a directory for this user alone, shared by all workers with the same `namespace`.

    It lies below ``run/`` in `store`, the directory of the portraits; without one, below
    ``$XDG_RUNTIME_DIR`` or the directory for temporary files. Its name is a hash of `namespace`,
    which names store, API and instance, and of what tells this boot of this machine: machines that
    mount one store share nothing by accident, and no file outlives the clocks it was dated by.
    0700, files in it 0600. Raises `SharingFailed`, in one line, for a directory that is a link,
    somebody else's or cannot be written.
    """
    name = hashlib.sha256(f"{namespace}|{_boot()}".encode()).hexdigest()[:16]
    try:
        if store is not None:
            (store / "run").mkdir(mode=0o700, exist_ok=True)
            _require_own(store / "run")
            path = store / "run" / name
        else:
            path = _base() / f"avatar-gateway-{os.geteuid()}-{name}"
        path.mkdir(mode=0o700, exist_ok=True)
        _require_own(path)
        _require_writable(path)
    except OSError as error:
        raise SharingFailed(
            f"the runtime directory cannot be used ({type(error).__name__})"
        ) from None
    if store is not None:
        _remove_forgotten(store / "run", but=name)
    return path


def _boot() -> str:
    """What tells this boot of this machine, in all of its containers."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return socket.gethostname()


def _base() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(runtime if runtime.startswith("/") else tempfile.gettempdir())


def _require_own(path: Path) -> None:
    """Refuse what somebody else put there: they would count, lock and erase in our place."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise SharingFailed("the runtime directory is a link or a file")
    if found.st_uid != os.geteuid():
        raise SharingFailed("the runtime directory belongs to another user")
    path.chmod(0o700)


def _require_writable(path: Path) -> None:
    with tempfile.TemporaryFile(dir=path) as probe:
        probe.write(b"\0")
    os.utime(path)


def _remove_forgotten(parent: Path, *, but: str) -> None:
    """Remove what earlier boots left; whoever lives touches their directory at each start."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if entry.name != but and age > _FORGOTTEN:
                shutil.rmtree(entry.path, ignore_errors=True)
