"""The artist: equal wishes have equal plans, and every plan is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.imaging.artist import Artist
from gateway.imaging.cleaning import clean
from gateway.imaging.making import make
from gateway.imaging.studio import Studio
from gateway.model import AvatarSpec, Canvas, Colour, Fallback, Format, Kind, Rendition, Sample

from .letters import SHIPPED
from .pictures import GREEN, at, decoded, encoded, near, quarters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.imaging.jobs import Job

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def studio(anyio_backend: str) -> AsyncIterator[Studio]:
    assert anyio_backend == "asyncio"
    async with Studio(lines=1, queue=4) as studio:
        yield studio


async def drawn(job: Job) -> Rendition:
    return Rendition.of(make(job), job.canvas.format)


@pytest.mark.parametrize("fallback", Fallback)
@pytest.mark.parametrize("kind", Kind)
async def test_draws_every_fallback(studio: Studio, fallback: Fallback, kind: Kind) -> None:
    artist = Artist(studio, drawn)
    spec = AvatarSpec(size=40, fallback=fallback, name="Ana López")
    rendition = await artist.draw(artist.plan(kind, spec, b"seed"))
    assert decoded(rendition.body).size == (40, 40)


async def test_names_that_look_alike_share_a_plan(studio: Studio) -> None:
    artist = Artist(studio, drawn)
    plans = {
        artist.plan(kind, AvatarSpec(fallback=Fallback.INITIALS, name=name), b"seed")
        for kind in Kind
        for name in ("Ana López", "Adam Lee", "al-l")
    }
    assert len({(plan.letters, plan.tint) for plan in plans}) == len(plans) == 1


@pytest.mark.parametrize("name", ["", "李小龙", "12345", "🙂"])
async def test_a_name_that_cannot_be_written_is_a_silhouette(studio: Studio, name: str) -> None:
    artist = Artist(studio, drawn, fonts=SHIPPED)
    initials = AvatarSpec(fallback=Fallback.INITIALS, name=name)
    assert artist.plan(Kind.GROUP, initials, b"") == artist.plan(Kind.GROUP, AvatarSpec(), b"")


async def test_the_operators_picture_replaces_every_silhouette(studio: Studio) -> None:
    artist = Artist(studio, drawn, custom=clean(encoded(quarters(), "PNG")))
    plans = {artist.plan(kind, AvatarSpec(size=64), b"") for kind in Kind}
    assert len(plans) == 1
    rendition = await artist.draw(plans.pop())
    assert near(at(decoded(rendition.body), 50, 10), GREEN)


async def test_photos_are_drawn(studio: Studio) -> None:
    rendition = await Artist(studio, drawn).photo(clean(encoded(quarters(), "PNG")), Canvas(32))
    assert decoded(rendition.body).size == (32, 32)


async def test_samples_are_cut_and_encoded_as_they_are(studio: Studio) -> None:
    picture = quarters((32, 32))
    rendition = await Artist(studio, drawn).sample(Sample(32, "RGB", picture.tobytes()), Canvas(32))
    assert decoded(rendition.body).tobytes() == picture.tobytes()


async def test_the_last_resort_needs_no_studio(studio: Studio) -> None:
    for fmt in Format:
        blank = Artist(studio, drawn).blank(Canvas(24, fmt, bg=Colour(250, 210, 20)))
        assert blank.format is (Format.PNG if fmt is Format.AVIF else fmt)
        shown = decoded(blank.body)
        assert (shown.format, shown.size) == (blank.format.name, (24, 24))
        assert near(at(shown.convert("RGB"), 12, 12), (250, 210, 20))
