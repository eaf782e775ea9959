"""nginx with the configuration that is shipped, in front of gateways of this machine."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import httpx

from tests.processes import HOST, ROOT, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CONFIGURATION: Final = ROOT / "deploy" / "nginx.conf"
_PATIENCE: Final = 30.0

_AROUND: Final = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/default.conf;
}}
"""


def adapted(folder: Path, port: int, gateways: Sequence[str]) -> str:
    """The shipped configuration with this machine's places and addresses, else unchanged."""
    text = CONFIGURATION.read_text()
    changes = {
        "listen 80;": f"listen {HOST}:{port};",
        "/var/cache/nginx/avatars": f"{folder}/cache",
        "/dev/stdout": f"{folder}/access.log",
        "/dev/stderr": f"{folder}/nginx.log",
    } | {
        f"server gateway-{number}:8000": f"server {address}"
        for number, address in enumerate(gateways, 1)
    }
    for ours, theirs in changes.items():
        assert text.count(ours) == 1, ours
        text = text.replace(ours, theirs)
    return text


@contextmanager
def edge(program: str, folder: Path, gateways: Sequence[str]) -> Iterator[str]:
    """Run nginx in front of two `gateways` (``host:port``); the URL it answers at."""
    folder.mkdir()
    port = free_port()
    (folder / "default.conf").write_text(adapted(folder, port, gateways))
    (folder / "nginx.conf").write_text(_AROUND.format(folder=folder))
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(folder / "nginx.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://{HOST}:{port}"
    try:
        _wait(process, url, folder)
        yield url
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _wait(process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit and process.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(f"{url}/none", timeout=5)
            return
        time.sleep(0.02)
    message = f"nginx did not start:\n{(folder / 'nginx.log').read_text()}"
    raise AssertionError(message)
