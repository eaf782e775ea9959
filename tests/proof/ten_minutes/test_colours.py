"""A hundred thousand requests, a fifth of them left in the middle, and no wrong face."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests import processes
from tests.e2e.colours import SETTINGS, Crowd, pictures
from tests.gallery import showing

if TYPE_CHECKING:
    from pathlib import Path

SEED: Final = 20_261_128
REQUESTS: Final = 100_000


@pytest.mark.anyio
async def test_no_face_is_anybody_elses(tmp_path: Path) -> None:
    began = time.monotonic()
    with showing(pictures()) as gallery:
        settings = processes.settings_for(gallery.url, tmp_path / "store") | SETTINGS
        with processes.gateway(tmp_path, settings) as served:
            crowd = Crowd(served, seed=SEED)
            await crowd.look(REQUESTS)
            assert "Traceback" not in served.log.read_text()
    print(f"\n{REQUESTS} requests in {time.monotonic() - began:.0f} s, seed {SEED}:", end=" ")
    print(f"{dict(crowd.seen)}, downloads {gallery.counts['cdn']}, wrong {len(crowd.wrong)}")
    assert crowd.wrong == []
    assert crowd.seen["200 photo"] >= 0.7 * REQUESTS
    assert not [said for said in crowd.seen if said.startswith("5")]
