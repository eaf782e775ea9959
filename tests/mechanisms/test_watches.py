"""What rooms do is measured from outside, and what they say passes through unchanged."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from gateway.errors import Busy, NoPhoto, Rejected, TimedOut
from gateway.imaging.studio import Studio
from gateway.model import Master, Sample
from gateway.telemetry import Telemetry
from gateway.telemetry import metrics as m
from gateway.watches import (
    WatchedStudio,
    watched_develop,
    watched_origin,
    watched_resolver,
)
from tests.fakes import MAYA, FakeOrigin, FakeResolver, signed
from tests.scrapes import Scrape

MASTER = Master(b"master")


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(pseudonym=str)


def seen(telemetry: Telemetry) -> Scrape:
    text, _ = telemetry.exposed({}, accept="")
    return Scrape(text.decode())


async def test_queries_are_counted_by_what_they_came_to(telemetry: Telemetry) -> None:
    resolver = FakeResolver(signed(), NoPhoto("none", confirmed=True), TimedOut("late"))
    ask = watched_resolver(resolver, "waha", telemetry)
    assert await ask(MAYA, refresh=True, until=0) == signed()
    with pytest.raises(NoPhoto):
        await ask(MAYA, refresh=False, until=0)
    with pytest.raises(TimedOut):
        await ask(MAYA, refresh=False, until=0)
    assert resolver.refreshes == [True, False, False]
    found = seen(telemetry)
    for outcome in ("photo", "none", "timeout"):
        assert found.value(m.QUERIES.name, resolver="waha", outcome=outcome) == 1
    assert found.total(m.QUERIES.name) == 3
    assert found.value(f"{m.QUERY_SECONDS.name}_count", resolver="waha") == 3


async def test_a_bug_is_no_outcome(telemetry: Telemetry) -> None:
    ask = watched_resolver(FakeResolver(ValueError()), "wawp", telemetry)
    with pytest.raises(ValueError, match=r"^$"):
        await ask(MAYA, refresh=False, until=0)
    assert seen(telemetry).total(m.QUERIES.name) == 0


async def test_who_is_cancelled_is_no_outcome(telemetry: Telemetry) -> None:
    resolver = FakeResolver(signed())
    resolver.gate.clear()
    ask = watched_resolver(resolver, "wawp", telemetry)
    task = asyncio.ensure_future(ask(MAYA, refresh=False, until=0))
    await resolver.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen(telemetry).total(m.QUERIES.name) == 0


async def test_downloads_are_counted(telemetry: Telemetry) -> None:
    fetch = watched_origin(FakeOrigin(b"a picture", TimedOut("late")), telemetry)
    assert await fetch(signed(), until=0) == b"a picture"
    with pytest.raises(TimedOut):
        await fetch(signed(), until=0)
    found = seen(telemetry)
    assert found.value(m.DOWNLOADS.name, outcome="photo") == 1
    assert found.value(m.DOWNLOADS.name, outcome="timeout") == 1
    assert found.value(f"{m.DOWNLOAD_SECONDS.name}_count") == 2


@pytest.mark.parametrize(
    ("failure", "outcome"), [(None, "photo"), (Rejected("bomb"), "undecodable"), (Busy(""), "busy")]
)
async def test_decoding_is_counted(
    telemetry: Telemetry, failure: Exception | None, outcome: str
) -> None:
    async def develop(
        data: bytes, side: int, *, until: float
    ) -> tuple[Sample, asyncio.Task[Master]]:
        del data, until
        if failure is not None:
            raise failure
        return Sample(side, "RGB", b""), asyncio.ensure_future(asyncio.sleep(0, MASTER))

    look = watched_develop(develop, telemetry)
    if failure is None:
        sample, master = await look(b"", 16, until=0)
        assert (sample.side, await master) == (16, MASTER)
    else:
        with pytest.raises(type(failure)):
            await look(b"", 16, until=0)
    found = seen(telemetry)
    assert found.value(m.DECODES.name, outcome=outcome) == found.total(m.DECODES.name) == 1


@pytest.mark.parametrize("work", ["photo", "fallback"])
async def test_making_pictures_is_timed_and_so_is_waiting_for_it(
    telemetry: Telemetry, work: str
) -> None:
    async def fail() -> bytes:
        raise ValueError

    async def picture() -> bytes:
        return b"picture"

    async with Studio(lines=1, queue=1) as studio:
        watched = WatchedStudio(studio, telemetry)
        make = partial(watched.photo if work == "photo" else watched.fallback, pixels=96)
        assert await make(picture) == b"picture"
        with pytest.raises(ValueError, match=r"^$"):
            await make(fail)
        assert studio.waiting == {"photo": 0, "fallback": 0}
    with pytest.raises(Busy):
        await make(picture)
    found = seen(telemetry)
    assert found.value(f"{m.RENDER_SECONDS.name}_count", work=work) == 2
    assert found.value(f"{m.RENDER_WAIT.name}_count", work=work) == 2
    assert found.value(m.RENDERS_REFUSED.name, work=work) == 1
