"""R9: a hundred thousand forged URLs; none is let in, and none reaches the service."""

from __future__ import annotations

import time

from tests.web.test_forgeries import accepted

FORGERIES = 100_000


async def test_no_forged_url_is_let_in() -> None:
    began = time.monotonic()
    assert await accepted(FORGERIES, seed=20261122) == {}
    print(f"{FORGERIES} forgeries, none let in, {time.monotonic() - began:.0f} s")
