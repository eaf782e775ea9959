"""Servers that are compared: started on a core of their own, ended with the block."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from tests import processes
from tests.bench import machine
from tests.processes import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE: Final = Path(__file__).parent
_PATIENCE: Final = 30.0

_NGINX: Final = """
{modules}{user}daemon off; worker_processes {workers}; pid nginx.pid; error_log nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;
  scgi_temp_path t5; types {{ image/png png; image/jpeg jpg; }}
  proxy_cache_path cache levels=1:2 keys_zone=faces:32m max_size=1g inactive=1h;
  server {{ listen {host}:{port} backlog=4096; root .; {locations} }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers at `url`; `pid` is the process above all of its own."""

    name: str
    url: str
    pid: int


class Missing(Exception):
    """A peer that is not on this machine, and why."""


@contextmanager
def started(
    name: str, command: list[str], folder: Path, *, port: int, env: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a server of many cores and wait for its port; raises `Missing` if it does not come."""
    program = command[3] if command[0] == "taskset" else command[0]
    if shutil.which(program) is None:
        raise Missing(f"{program} is not installed")
    log = folder / f"{name.replace(' ', '-')}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait(process, port, log)
        yield Server(name, f"http://{HOST}:{port}", process.pid)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        process.kill()
        process.wait()


@contextmanager
def upstream(folder: Path, pictures: Path) -> Iterator[Server]:
    """The API and the CDN, beside whoever asks."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.upstream", str(port), str(pictures)]
    pinned = machine.pinned([machine.ASKING], command)
    with started("upstream", pinned, folder, port=port, env=processes.environment()) as server:
        yield server


@contextmanager
def gateway(
    folder: Path, api: Server, *, workers: int = 1, name: str = "avatar-gateway", **settings: str
) -> Iterator[Server]:
    """Ours, with its store in `folder`."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    command = processes.command("serve", "--port", str(port), "--workers", str(workers))
    env = processes.environment(processes.settings_for(api.url, folder / "store", **settings))
    with started(name, _place(workers, command), folder, port=port, env=env) as server:
        yield server


@contextmanager
def nginx(
    folder: Path, locations: str, *, workers: int = 1, name: str = "nginx", module: str = ""
) -> Iterator[Server]:
    """Debian's nginx; `module` is the file of one that `locations` need."""
    place, port = folder / name.replace(" ", "-"), free_port()
    place.mkdir()
    modules = f"load_module {module};\n" if module else ""
    (place / "nginx.conf").write_text(
        _NGINX.format(
            modules=modules,
            # A master that is root gives its workers away, who then could not read the pictures.
            user="user root;\n" if os.geteuid() == 0 else "",
            workers=workers,
            host=HOST,
            port=port,
            locations=locations,
        )
    )
    command = ["nginx", "-p", str(place), "-c", "nginx.conf", "-e", "nginx.log"]
    with started(name, _place(workers, command), place, port=port) as server:
        yield server


@contextmanager
def image_filter(folder: Path, source: str, side: int) -> Iterator[Server]:
    """Nginx that scales what comes from `source`, a directive; it writes the format it reads."""
    module = Path("/usr/lib/nginx/modules/ngx_http_image_filter_module.so")
    if not module.exists():
        raise Missing("libnginx-mod-http-image-filter is not installed")
    locations = (
        f"location / {{ {source} image_filter crop {side} {side}; image_filter_buffer 8M; "
        "image_filter_jpeg_quality 85; }"
    )
    name = "nginx image_filter"
    with nginx(folder, locations, name=name, module=str(module)) as server:
        yield Server(f"{name} (JPEG)", server.url, server.pid)


@contextmanager
def caching_nginx(folder: Path, behind: Server, *, workers: int = 1) -> Iterator[Server]:
    """Nginx that keeps what the server behind it answers, headers and all, in its cache."""
    locations = f"location / {{ proxy_pass {behind.url}; proxy_cache faces; }}"
    with nginx(folder, locations, workers=workers, name=f"nginx proxy_cache {workers}") as server:
        yield Server("nginx proxy_cache", server.url, server.pid)


@contextmanager
def varnish(folder: Path, behind: Server) -> Iterator[Server]:
    """Debian's Varnish in front of another server."""
    port, place = free_port(), folder / "varnish"
    command = [
        *("varnishd", "-F", "-n", str(place), "-a", f"{HOST}:{port}", "-s", "malloc,512m"),
        *("-b", behind.url.removeprefix("http://")),
    ]
    with started("Varnish", _place(1, command), folder, port=port) as server:
        yield server


def _place(workers: int, command: list[str]) -> list[str]:
    """One worker gets a core to itself; several take what there is."""
    cores = [machine.SERVED] if workers == 1 else machine.CORES
    return machine.pinned(cores, command)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit and process.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(f"http://{HOST}:{port}/healthz", timeout=5)
            return
        time.sleep(0.02)
    last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
    raise Missing(f"it does not start: {last[0][:200]}")
