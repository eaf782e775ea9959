"""Retention in the product's own processes: what is past it leaves the disk by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from tests import processes
from tests.processes import settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes import Running

NINA = "15557654321@c.us"


def portraits(folder: Path) -> list[Path]:
    """The files that are about somebody, under names that are none."""
    return [each for each in folder.glob("store/v1/??/*") if each.is_file()]


def test_a_gateway_removes_by_itself_what_is_past_its_retention(
    upstream: Running, tmp_path: Path
) -> None:
    settings = settings_for(upstream.url, tmp_path / "store", GATEWAY_STORE_RETENTION="4s")
    with processes.gateway(tmp_path, settings) as served:
        answer = httpx.get(f"{served.url}/avatar/{NINA}.png", timeout=30)
        assert answer.headers["avatar-source"] == "photo"
        limit = time.monotonic() + 30
        while not portraits(tmp_path) and time.monotonic() < limit:
            time.sleep(0.05)
        written = portraits(tmp_path)
        assert len(written) == 1
        while portraits(tmp_path) and time.monotonic() < limit:
            time.sleep(0.05)
        assert portraits(tmp_path) == []
        assert httpx.get(f"{served.url}/readyz", timeout=30).status_code == 200
    log = served.log.read_text()
    assert log.count("store.swept") == 1
