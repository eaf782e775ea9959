"""A stranger who counts through numbers, behind a proxy that tells who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from gateway.newcomers import BURST
from tests import processes
from tests.processes import settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes import Running

EVE, OTHER = "198.51.100.7", "192.0.2.9"


def test_a_network_that_asks_for_too_many_is_told_so_and_no_other_is(
    upstream: Running, tmp_path: Path
) -> None:
    settings = settings_for(
        upstream.url,
        tmp_path / "store",
        GATEWAY_UPSTREAM_RATE="100000/s",
        GATEWAY_TRUSTED_PROXIES="127.0.0.0/8",
    )
    with (
        processes.gateway(tmp_path, settings, workers=1) as served,
        httpx.Client(base_url=served.url, timeout=30) as client,
    ):

        def reason(number: int, address: str) -> str:
            # Numbers that end in two noughts hide their photos: nothing is fetched.
            url = f"/avatar/{15_559_000_000 + 100 * number}.png?size=16"
            answer = client.get(url, headers={"X-Forwarded-For": f"10.0.0.1, {address}"})
            assert answer.status_code == 200
            return answer.headers["avatar-reason"]

        assert {reason(each, EVE) for each in range(BURST)} == {"none"}
        assert reason(BURST, EVE) == "budget"
        assert reason(0, EVE) == "none"
        assert reason(BURST, OTHER) == "none"
        assert reason(BURST, EVE) == "none"
    log = served.log.read_text()
    assert log.count("newcomers.refused") == 1
    assert not [address for address in (EVE, OTHER) if address in log]
