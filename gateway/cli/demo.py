"""The demo: a sandbox and a gateway as two processes of this one, gone together."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.examples import write
from gateway.errors import InvalidSettings
from gateway.sandbox import ACCESS_TOKEN, API_KEY, CAST, EVOLUTION_INSTANCE, INSTANCE_ID
from gateway.sandbox import run as serve_sandbox
from gateway.server import require_free
from gateway.web import Example

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

HOST: Final = "127.0.0.1"
_START: Final = 30.0
_STOP: Final = 10.0
_POLL: Final = 0.05

# What could lead from a demo to a real account, a real store or another upstream.
_NEVER_INHERITED: Final = ("WAWP_", "WAHA_", "EVOLUTION_", "GATEWAY_VALKEY", "GATEWAY_SIGNING")


def run_sandbox(*, port: int, gateway_url: str | None) -> None:
    """Serve the sandbox alone until TERM or Ctrl-C; raises `InvalidSettings` on a taken port."""
    require_free(HOST, port)
    serve_sandbox(HOST, port, gateway_url, ready=lambda url: print(_sandbox_hint(url), flush=True))


def run(*, port: int, sandbox_port: int) -> None:
    """Run both until one ends, TERM or Ctrl-C; raises `InvalidSettings` on a taken port."""
    if port == sandbox_port:
        raise InvalidSettings("--port and --sandbox-port must differ")
    require_free(HOST, port)
    require_free(HOST, sandbox_port)
    signal.signal(signal.SIGTERM, _interrupt)
    gateway, upstream = f"http://{HOST}:{port}", f"http://{HOST}:{sandbox_port}"
    with tempfile.TemporaryDirectory(prefix="avatar-gateway-demo-") as folder, _family() as start:
        environment = _environment(upstream, Path(folder) / "store")
        sandbox = start(
            ["sandbox", "--port", str(sandbox_port), "--gateway", gateway], environment, folder
        )
        examples = Path(folder) / "examples.json"
        write(examples, [Example(each.id, each.name, each.shows) for each in CAST])
        server = start(
            ["serve", "--host", HOST, "--port", str(port), "--examples", str(examples)],
            environment,
            folder,
        )
        try:
            _wait_for(port, server)
            _wait_for(sandbox_port, sandbox)
            print(_hint(gateway, upstream), flush=True)
            while server.poll() is None and sandbox.poll() is None:
                time.sleep(_POLL)
        except KeyboardInterrupt:
            return
        raise InvalidSettings("a part of the demo has ended; its last words are above")


class _Starter:
    """Starts parts of the demo and remembers them."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []

    def __call__(
        self, arguments: list[str], environment: dict[str, str], folder: str
    ) -> subprocess.Popen[bytes]:
        # In the empty folder there is no .env of a real account. stdout of parts is not ours.
        process = subprocess.Popen(  # noqa: S603 - our own program with our own arguments
            [sys.executable, "-m", "gateway", *arguments],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process


@contextlib.contextmanager
def _family() -> Iterator[_Starter]:
    """Whoever was started is ended with the block, the last first, and waited for."""
    starter = _Starter()
    try:
        yield starter
    finally:
        for process in reversed(starter.processes):
            process.terminate()
        for process in starter.processes:
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(upstream: str, store: Path) -> dict[str, str]:
    """The settings of the demo, on top of what this process was given and may pass on."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_NEVER_INHERITED) and name != "PORT"
    }
    here = str(Path(__file__).parent.parent.parent)
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return kept | {
        "PYTHONPATH": os.pathsep.join(paths),
        "WAWP_INSTANCE_ID": INSTANCE_ID,
        "WAWP_ACCESS_TOKEN": ACCESS_TOKEN,
        "WAWP_BASE_URL": upstream,
        "GATEWAY_RESOLVER": "wawp",
        "GATEWAY_CDN_ORIGINS": upstream,
        "GATEWAY_STORE": store.as_uri(),
        "GATEWAY_UPSTREAM_RATE": "off",
        "GATEWAY_PLAYGROUND": "on",
        "GATEWAY_LOG_LEVEL": os.environ.get("GATEWAY_LOG_LEVEL", "warning"),
    }


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something answers on `port`; raises `InvalidSettings` if `process` ends first."""
    limit = time.monotonic() + _START
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        connection = http.client.HTTPConnection(HOST, port, timeout=1)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        time.sleep(_POLL)
    raise InvalidSettings("a part of the demo did not start; its last words are above")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _hint(gateway: str, upstream: str) -> str:
    photo = CAST[0].id
    group = next(each.id for each in CAST if each.kind == "group")
    hidden = next(each.id for each in CAST if each.shows.startswith("Hidden"))
    return f"""
  avatar-gateway is running on a simulated WhatsApp; nothing real is asked.

    The playground       {gateway}/
    The cast             {upstream}/
    A photo              {gateway}/avatar/{photo}.png?size=96&dpr=2&shape=circle
    A group              {gateway}/avatar/{group}.png
    A hidden photo       {gateway}/avatar/{hidden}.png

    curl -s -o face.png -D - '{gateway}/avatar/{photo}.png?size=96'

  Ctrl-C stops both.
"""


def _sandbox_hint(url: str) -> str:
    return f"""
  A simulated Wawp, WAHA, Evolution API and CDN on {url}

    WAWP_BASE_URL={url}
    WAWP_INSTANCE_ID={INSTANCE_ID}
    WAWP_ACCESS_TOKEN={ACCESS_TOKEN}
    GATEWAY_CDN_ORIGINS={url}
    GATEWAY_UPSTREAM_RATE=off

  With GATEWAY_RESOLVER=waha or evolution, or several in order:

    WAHA_BASE_URL={url}
    WAHA_API_KEY={API_KEY}
    EVOLUTION_BASE_URL={url}
    EVOLUTION_API_KEY={API_KEY}
    EVOLUTION_INSTANCE={EVOLUTION_INSTANCE}
"""
