"""A real S3 server for tests: SeaweedFS, which a wheel brings."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import httpx
import obstore
from obstore.store import S3Store

from tests.processes import HOST, free_port, stop_still

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET: Final = "portraits"
_PATIENCE: Final = 60.0
_IDENTITIES: Final = """{"identities": [{"name": "tests", "actions": ["Admin"],
"credentials": [{"accessKey": "key-of-tests", "secretKey": "secret-of-tests"}]}]}"""

_PORTS: Final = (
    "s3.port", "s3.port.grpc", "filer.port", "filer.port.grpc",
    "volume.port", "volume.port.grpc", "master.port", "master.port.grpc",
)  # fmt: skip
_OPTIONS: Final = (
    "-dir=.", f"-ip={HOST}", f"-ip.bind={HOST}", "-master.telemetry=false",
    "-master.volumeSizeLimitMB=64", "-master.electionTimeout=1s", "-volume.max=32", "-filer", "-s3",
    "-s3.config=identities.json", "-s3.autoCreateBucket=false", "-s3.iam=false",
    "-s3.port.iceberg=0", "-s3.port.lance=0",
)  # fmt: skip


def weed() -> str | None:
    """Where the server's program is; None if nowhere."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


@dataclass
class S3Server:
    """A server with the bucket `BUCKET`, whose files are in `folder`; each start is on one port."""

    program: str
    folder: Path
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in _PORTS])
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.ports[0]}"

    def start(self) -> None:
        """Start it, with whatever is in its folder, and wait until it answers."""
        ports = [f"-{name}={port}" for name, port in zip(_PORTS, self.ports, strict=True)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-logtostderr", "server", *_OPTIONS, *ports],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        _wait(self, self.folder / "log")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def environment(self) -> dict[str, str]:
        """What an operator sets; that http is allowed follows from the endpoint."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "key-of-tests",
            "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
            "AWS_REGION": "us-east-1",
        }

    def make_bucket(self, name: str) -> None:
        self._call("PUT", name).raise_for_status()

    def remove_bucket(self, name: str) -> None:
        self._call("DELETE", name).raise_for_status()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Connections are taken, and nothing is ever said."""
        stop_still(self.process.pid)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def objects(self, bucket: str = BUCKET) -> S3Store:
        """The bucket, behind the gateway's back."""
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            access_key_id="key-of-tests",
            secret_access_key="secret-of-tests",
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def _call(self, method: Literal["PUT", "DELETE"], bucket: str) -> httpx.Response:
        url = obstore.sign(self.objects(bucket), method, "", timedelta(minutes=1))
        return httpx.request(method, url, timeout=_PATIENCE)


@contextmanager
def s3_server(program: str, folder: Path) -> Iterator[S3Server]:
    """Start a server whose files are in `folder`."""
    (folder / "identities.json").write_text(_IDENTITIES)
    server = S3Server(program, folder)
    try:
        server.start()
        server.make_bucket(BUCKET)
        # A new bucket's first object takes it more than the second that a gateway has.
        obstore.put(server.objects(), "first", b"object")
        yield server
    finally:
        server.kill()


def _wait(server: S3Server, log: Path) -> None:
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit and server.process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"{server.endpoint}/healthz", timeout=5).is_success:
                return
        time.sleep(0.05)
    message = f"no S3 server:\n{log.read_text()}"
    raise AssertionError(message)
