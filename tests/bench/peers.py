"""Programs that others use for the same, each in an environment of its own beside the project.

They come from their registries once and are kept in the user's cache. What cannot be installed is
`Missing`, with the reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench import machine
from tests.bench.servers import Missing, Server, started
from tests.processes import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON: Final = ("thumbor==7.8.0", "pyvips==3.2.0", "pyvips-binary==8.18.7")
NODE: Final = ("ipx@3.1.1", "sharp@0.35.5")

_PATIENCE: Final = 300
_THUMBOR: Final = """
LOADER = "thumbor.loaders.{loader}"
FILE_LOADER_ROOT_PATH = "{root}"
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = {results}
RESULT_STORAGE_FILE_STORAGE_ROOT_PATH = "{folder}/results"
RESULT_STORAGE_STORES_UNSAFE = True
ALLOWED_SOURCES = [r".+"]
"""


def _place() -> Path:
    cached = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cached) / "avatar-gateway-bench"


@cache
def python() -> Path:
    """The interpreter of thumbor and pyvips; raises `Missing`."""
    place = _place() / "python"
    interpreter = place / "bin" / "python"
    if not (place / "done").exists():
        _run([sys.executable, "-m", "venv", str(place)])
        _run([str(interpreter), "-m", "pip", "install", "--quiet", *PYTHON])
        (place / "done").touch()
    return interpreter


@cache
def node() -> Path:
    """The folder of ipx and sharp; raises `Missing`."""
    place = _place() / "node"
    if not (place / "done").exists():
        place.mkdir(parents=True, exist_ok=True)
        _run(["npm", "install", "--prefix", str(place), "--no-audit", "--no-fund", *NODE])
        (place / "done").touch()
    return place


@contextmanager
def thumbor(folder: Path, *, root: Path | None = None, results: bool = False) -> Iterator[Server]:
    """thumbor, with the pictures under `root` or from anywhere; `results` are kept if wanted."""
    port, conf = free_port(), folder / "thumbor.conf"
    conf.write_text(
        _THUMBOR.format(
            loader="file_loader" if root else "http_loader",
            root=root,
            results='"thumbor.result_storages.file_storage"' if results else None,
            folder=folder,
        )
    )
    command = [str(python().parent / "thumbor"), "-p", str(port), "-i", HOST, "-c", str(conf)]
    pinned = machine.pinned([machine.SERVED], command)
    with started("thumbor", pinned, folder, port=port) as server:
        yield server


@contextmanager
def ipx(folder: Path, root: Path) -> Iterator[Server]:
    """Ipx, with the pictures under `root` or on this machine."""
    port = free_port()
    script = node() / "node_modules" / "ipx" / "bin" / "ipx.mjs"
    command = [
        *("node", str(script), "serve", "--dir", str(root), "--host", HOST, "--port", str(port)),
        *("--domains", f"http://{HOST}"),
    ]
    # One thread draws: its core is one, as everybody's.
    env = os.environ | {"UV_THREADPOOL_SIZE": "1", "NODE_ENV": "production"}
    with started(
        "ipx", machine.pinned([machine.SERVED], command), folder, port=port, env=env
    ) as server:
        yield server


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except FileNotFoundError:
        raise Missing(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"its installation takes longer than {_PATIENCE} s") from None
    except subprocess.CalledProcessError as failure:
        said = (failure.stderr or "").strip().splitlines()
        raise Missing(f"it cannot be installed: {said[-1][:160] if said else '?'}") from None
