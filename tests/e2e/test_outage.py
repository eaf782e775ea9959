"""A short outage; the long one is among the proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.e2e.outage import SETTINGS, Outage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.anyio
async def test_an_api_that_is_down_is_left_alone_and_faces_are_back_when_it_heals(
    tmp_path: Path,
) -> None:
    with processes.sandbox(tmp_path) as upstream:
        control = processes.Control(upstream.url)
        settings = processes.settings_for(upstream.url, tmp_path / "store") | SETTINGS
        settings |= {"GATEWAY_ERROR_TTL": "2s"}
        with processes.gateway(tmp_path, settings) as served:
            outage = Outage(seconds=11)
            await outage.happen(served, control, seed=4)
    outage.verify()
