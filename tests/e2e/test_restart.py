"""A new life begins with what the last one knew."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.e2e.album import contact_of, fill, shows
from tests.e2e.readers import look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.wire import Received
    from tests.processes import Running

pytestmark = pytest.mark.anyio

PORTRAITS = 500


async def see_all(served: Running, contacts: Sequence[str], *, size: int) -> None:
    """Everybody's photo is shown, and nobody else's in its place."""
    numbers = {f"/avatar/{contact}.png?size={size}": n for n, contact in enumerate(contacts)}

    def judge(target: str, answer: Received) -> None:
        assert (answer.status, answer.headers["avatar-source"]) == (200, "photo"), answer.headers
        assert shows(answer.body, numbers[target])

    await look(served.url, numbers, judge=judge)


async def test_a_restart_and_a_reload_ask_about_nobody_who_is_known(
    upstream: Running, tmp_path: Path
) -> None:
    control = processes.Control(upstream.url)
    settings = processes.settings_for(upstream.url, tmp_path / "store")
    (tmp_path / "store").mkdir()
    await fill(settings, PORTRAITS)
    contacts = [contact_of(each) for each in range(PORTRAITS)]
    before = control.counts()
    for size in (16, 24):
        with processes.gateway(tmp_path, settings) as served:
            await see_all(served, contacts, size=size)
            served.process.send_signal(signal.SIGHUP)
            await see_all(served, contacts, size=size + 4)
            assert served.stop() == 0
    after = control.counts()
    assert (after["picture"], after["cdn"]) == (before["picture"], before["cdn"])
