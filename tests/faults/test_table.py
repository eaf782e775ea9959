"""Every fault of the upstream, in every variant, before a contact of whom nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.stage import SLACK, staged
from tests.faults.table import CASES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.table import Fault
    from tests.faults.upstreams import Upstream

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("fault", "upstream"), CASES)
async def test_a_viewer_gets_a_face_in_time_whatever_the_upstream_does(
    fault: Fault, upstream: Upstream, tmp_path: Path
) -> None:
    """What holds for all answers is judged by the stage; the row says the rest."""
    async with upstream.opened() as opened:
        settings = opened.settings | {"GATEWAY_STORE": (tmp_path / "store").as_uri()}
        async with staged(settings, patience=fault.patience) as stage:
            first = await stage.see()
            last = await stage.see_the_end()
        calls = opened.calls()
    then = fault.answer if fault.then == "the same" else fault.then
    assert (first.reason, last.reason) == (fault.answer, then)
    assert first.life == (fault.life or ("passing" if fault.answer else "fresh"))
    assert last.life == (fault.life or ("passing" if then else "fresh"))
    assert max(first.seconds, last.seconds) <= 2 * (fault.within + SLACK)
    pictures, *others = calls
    assert fault.calls[0] <= pictures <= fault.calls[0] + fault.again
    assert others == [fault.calls[1], fault.probes]


def test_no_variant_is_named_twice() -> None:
    names = [case.id for case in CASES]
    assert len(names) == len(set(names))
