"""Nobody is shown somebody else's face, whoever leaves in the middle."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from gateway.imaging.cleaning import clean
from gateway.imaging.rendering import render
from gateway.model import Canvas, Format, Shape
from tests import processes
from tests.e2e.album import seen_in
from tests.e2e.colours import SETTINGS, Crowd, pictures
from tests.gallery import showing

if TYPE_CHECKING:
    from pathlib import Path

SEED: Final = 11
FORMATS: Final = (Format.PNG, Format.JPEG, Format.WEBP)
SIZES: Final = (16, 31, 32, 48)


@pytest.mark.parametrize("extension", FORMATS)
def test_every_face_is_told_from_every_other_however_it_is_drawn(extension: Format) -> None:
    """Else a face would be called somebody else's for what its encoder does to it."""
    for number, picture in enumerate(pictures()):
        master = clean(picture)
        for shape, size in product(Shape, SIZES):
            drawn = render(master, Canvas(size, extension, shape))
            assert seen_in(drawn) == {number}


@pytest.mark.anyio
async def test_no_face_is_anybody_elses_while_viewers_come_and_go(tmp_path: Path) -> None:
    with showing(pictures()) as gallery:
        settings = processes.settings_for(gallery.url, tmp_path / "store") | SETTINGS
        with processes.gateway(tmp_path, settings) as served:
            crowd = Crowd(served, seed=SEED)
            await crowd.look(5_000)
            assert "Traceback" not in served.log.read_text()
    assert crowd.wrong == []
    assert crowd.seen["200 photo"] >= 3_000
    assert not [said for said in crowd.seen if said.startswith("5")]
