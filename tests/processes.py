"""The product's own processes, started and ended by tests, over real sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from gateway.sandbox import ACCESS_TOKEN, INSTANCE_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOST: Final = "127.0.0.1"
ROOT: Final = Path(__file__).parent.parent
_PATIENCE: Final = 60.0


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def open_files() -> int:
    """How many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def stop_still(pid: int) -> None:
    """Stop a process, and wait until all of it stands still: threads may run on for a moment."""
    os.kill(pid, signal.SIGSTOP)
    limit = time.monotonic() + _PATIENCE
    while any(_state(task) != "T" for task in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < limit
        time.sleep(0.001)


def _state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *arguments]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without any setting of ours, then `extra`."""
    prefixes = ("GATEWAY_", "WAWP_", "WAHA_", "EVOLUTION_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    for name in ("PORT", "WEB_CONCURRENCY"):
        kept.pop(name, None)
    return kept | {"PYTHONPATH": str(ROOT)} | dict(extra or {})


@dataclass(frozen=True)
class Running:
    """A process of ours that answers at `url`; its lines go to `log`."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE)


@contextmanager
def running(
    arguments: list[str],
    folder: Path,
    *,
    port: int,
    settings: Mapping[str, str] | None = None,
    descriptors: int | None = None,
) -> Iterator[Running]:
    """Start ``avatar-gateway`` with `arguments` in `folder`, wait until `port` answers.

    `descriptors` is the hard limit of what it may have open.
    """
    limited = ["sh", "-c", 'ulimit -n "$0"; exec "$@"', str(descriptors)] if descriptors else []
    log = folder / f"{arguments[0]}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*limited, *command(*arguments)],
            cwd=folder,
            env=environment(settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    started = Running(process, f"http://{HOST}:{port}", log)
    try:
        wait_for(started)
        yield started
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            process.kill()
            process.wait()


def wait_for(started: Running) -> None:
    """Wait until it answers, as long as it runs."""
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit and started.process.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(f"{started.url}/healthz", timeout=5)
            return
        time.sleep(0.02)
    message = f"{started.url} did not start:\n{started.log.read_text()}"
    raise AssertionError(message)


def settings_for(upstream: str, store: Path | str, **more: str) -> dict[str, str]:
    """Settings of a gateway in front of the sandbox at `upstream`."""
    place = store if isinstance(store, str) else store.as_uri()
    return {
        "WAWP_BASE_URL": upstream,
        "WAWP_INSTANCE_ID": INSTANCE_ID,
        "WAWP_ACCESS_TOKEN": ACCESS_TOKEN,
        "GATEWAY_CDN_ORIGINS": upstream,
        "GATEWAY_STORE": place,
        "GATEWAY_UPSTREAM_RATE": "off",
        **more,
    }


@contextmanager
def sandbox(folder: Path) -> Iterator[Running]:
    port = free_port()
    with running(["sandbox", "--port", str(port)], folder, port=port) as started:
        yield started


@contextmanager
def gateway(
    folder: Path,
    settings: Mapping[str, str],
    *,
    workers: int = 2,
    descriptors: int | None = None,
) -> Iterator[Running]:
    port = free_port()
    arguments = ["serve", "--port", str(port), "--workers", str(workers)]
    with running(
        arguments, folder, port=port, settings=settings, descriptors=descriptors
    ) as started:
        yield started


class Control:
    """The sandbox's control API; no connection outlives its call, so there is nothing to close."""

    def __init__(self, upstream: str) -> None:
        self._client = httpx.Client(
            base_url=f"{upstream}/_sandbox",
            timeout=30,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self._client.get("/calls").json()["counts"]
        return counts

    def calls(self) -> list[dict[str, object]]:
        calls: list[dict[str, object]] = self._client.get("/calls").json()["calls"]
        return calls

    def called(self, contact: str) -> None:
        """Wait until somebody has asked about `contact`."""
        limit = time.monotonic() + _PATIENCE
        while not any(call["contact"] == contact for call in self.calls()):
            assert time.monotonic() < limit
            time.sleep(0.02)

    def set(self, contact: str, **scenario: object) -> None:
        self._client.put(f"/contacts/{contact}", json=scenario).raise_for_status()

    def default(self, **scenario: object) -> None:
        """What everybody plays who has no part of their own."""
        self._client.put("/default", json=scenario).raise_for_status()

    def now(self) -> float:
        """The sandbox's clock."""
        return self.advance(0)

    def advance(self, seconds: float) -> float:
        """Move the sandbox's clock, and return what it says then."""
        moved = self._client.post("/clock", json={"advance": seconds})
        return float(moved.json()["now"])

    def gate(self, kind: str, state: str) -> None:
        self._client.post(f"/gate/{kind}/{state}").raise_for_status()

    def waiting(self, kind: str, number: int) -> None:
        self._client.get(f"/gate/{kind}", params={"waiting": number}).raise_for_status()

    def new_photo(self, contact: str) -> None:
        self._client.post(f"/contacts/{contact}/photo").raise_for_status()

    def hide(self, contact: str) -> None:
        self._client.post(f"/contacts/{contact}/hide").raise_for_status()

    def session(self, status: str) -> None:
        self._client.put("/session", json={"status": status}).raise_for_status()

    def reset(self) -> None:
        self._client.post("/reset").raise_for_status()
