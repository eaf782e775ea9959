"""A store that is broken, slow, full or forbidden: viewers get their photos, in time."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import pytest
from obstore.store import S3Store

from gateway.model import ContactId
from gateway.portraits import open_objects
from gateway.portraits.breaker import Breaker
from tests.fakes import LEON, MAYA, FakeResolver, House, opened, replying, serving, signed
from tests.portraits.places import Place, name_of, portrait_store
from tests.processes import environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.model import Avatar
    from gateway.portraits import PortraitStore
    from tests.fakes import Talk

TIMEOUT = 1.0
"""Seconds that a call to the store may take, as the gateway has it; asserted at twice that."""


async def _hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


FAULTS: dict[str, Talk] = {
    "says nothing": _hang,
    "sends a byte now and then": _drip,
    "hangs up": _hang_up,
    "forbids": replying(status="403 Forbidden", body=b"<Error><Code>AccessDenied</Code></Error>"),
    "breaks": replying(status="500 Internal Server Error"),
    "knows no such bucket": replying(
        status="404 Not Found", body=b"<Error><Code>NoSuchBucket</Code></Error>"
    ),
    "talks of something else": replying(body=b"<html></html>"),
}


@asynccontextmanager
async def faulty(talk: Talk) -> AsyncIterator[House]:
    """A house whose portraits are in an object store that always answers as `talk`."""
    async with serving(talk) as server:
        objects = S3Store(
            "bucket",
            endpoint=server.base_url,
            access_key_id="id",
            secret_access_key="secret",
            client_options={"allow_http": True},
            retry_config={"max_retries": 1},
        )
        store = portrait_store(objects, timeout=TIMEOUT, breaker=Breaker())
        async with opened(House(FakeResolver(signed()), store=store)) as house:
            yield house


def is_photo(avatar: Avatar) -> bool:
    return avatar.standing.reason is None and avatar.rendition is not None


@pytest.mark.parametrize("talk", FAULTS.values(), ids=FAULTS)
async def test_a_broken_store_is_a_miss_for_viewers_and_told_to_the_operator(talk: Talk) -> None:
    loop = asyncio.get_running_loop()
    async with faulty(talk) as house:
        begun = loop.time()
        assert is_photo(await house.see())
        assert loop.time() - begun <= 2 * TIMEOUT
        assert (len(house.resolver.asked), len(house.origin.fetched)) == (1, 1)
        assert house.telemetry.store_failures >= 1
        assert "store" in house.telemetry.degraded


@pytest.mark.parametrize("talk", [_hang, _drip], ids=["says nothing", "sends a byte now and then"])
async def test_a_hung_store_costs_its_timeout_a_few_times_and_not_every_viewer(talk: Talk) -> None:
    loop = asyncio.get_running_loop()
    async with faulty(talk) as house:
        begun = loop.time()
        for number in range(100):
            avatar = await house.see(contact=ContactId.parse(f"1555000{number:04d}"))
            assert is_photo(avatar)
        # Three are waited for, those who come in the five seconds after are not.
        assert loop.time() - begun <= 2 * 3 * TIMEOUT
        assert (len(house.resolver.asked), len(house.origin.fetched)) == (100, 100)


async def test_a_photo_that_cannot_be_stored_is_asked_for_once(tmp_path: FilePath) -> None:
    (tmp_path / "store").mkdir()
    objects = open_objects((tmp_path / "store").as_uri())
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("a file in its place")
    async with opened(House(FakeResolver(signed()), store=portrait_store(objects))) as house:
        for _ in range(20):
            assert is_photo(await house.see())
        assert (len(house.resolver.asked), len(house.origin.fetched)) == (1, 1)


async def test_a_corrupted_object_and_one_of_another_contact_are_misses(
    tmp_path: FilePath,
) -> None:
    place = Place.in_directory(tmp_path)
    async with opened(House(FakeResolver(signed()), store=place.store())) as house:
        await house.see()
        await house.see(contact=LEON)
    kept = place.portraits()
    mayas, leons = name_of(await ready(place), MAYA), name_of(await ready(place), LEON)
    place.overwrite(mayas, kept[leons])
    place.overwrite(leons, kept[leons][:-3])
    new = signed("/v/new.jpg")
    async with opened(House(FakeResolver(new), store=place.store())) as house:
        for contact in (MAYA, LEON):
            avatar = await house.see(contact=contact)
            assert avatar.rendition is not None
            assert avatar.rendition.body.startswith(b"photo|master of /v/new.jpg|")
        assert (len(house.resolver.asked), len(house.origin.fetched)) == (2, 2)
    assert len(place.portraits()) == 2


async def ready(place: Place) -> PortraitStore:
    store = place.store()
    await store.open()
    return store


# What only another process can show: limits and users are a process's own.

STRICKEN = """
import asyncio, json, os, resource, stat, sys
from pathlib import Path
from gateway.portraits import open_objects
from tests.fakes import *
from tests.portraits.places import portrait_store

folder, fault = Path(sys.argv[1]), sys.argv[2]
if os.getuid() == 0 and fault == "forbidden":  # nothing is forbidden to root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def strike():
    if fault == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    else:
        (folder / "v1").chmod(0)

async def look(contact):
    store = portrait_store(open_objects(folder.as_uri()), timeout=1.0)
    async with opened(House(FakeResolver(signed()), store=store)) as house:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        avatar = await house.see(contact=contact)
        took = loop.time() - begun
        calls = [len(house.resolver.asked), len(house.origin.fetched)]
    return {"photo": avatar.standing.reason is None, "calls": calls, "took": took,
            "failures": house.telemetry.store_failures}

async def main():
    known = await look(MAYA)
    strike()
    return {"known": known, "cold": await look(LEON), "warm": await look(MAYA)}

told = asyncio.run(main())
(folder / "v1").chmod(0o700)
print(json.dumps(told), flush=True)
# The store's own threads may still hold Python objects, which an interpreter's end does not bear.
os._exit(0)
"""


def stricken(folder: FilePath, fault: str) -> dict[str, dict[str, object]]:
    """What viewers get in a process whose store is struck by `fault`."""
    # What counts coverage could not write its file: as nobody, or at all.
    plain = {name: text for name, text in environment().items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", STRICKEN, str(folder), fault],
        env=plain | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    for look in told.values():
        assert isinstance(look["took"], float)
        assert look["took"] <= 2 * TIMEOUT
        assert look["photo"] is True
    assert told["known"] == told["known"] | {"calls": [1, 1], "failures": 0}
    return told


def test_a_full_disk_keeps_what_it_has_and_takes_nothing_new(tmp_path: FilePath) -> None:
    told = stricken(tmp_path, "full")
    assert told["cold"] == told["cold"] | {"calls": [1, 1], "failures": 2}  # with the last try
    assert told["warm"] == told["warm"] | {"calls": [0, 0], "failures": 0}
    files = [each for each in (tmp_path / "v1").rglob("*") if each.is_file()]
    assert {each.stat().st_size > 0 for each in files if "#" not in each.name} == {True}


def test_a_directory_made_unreadable_is_a_miss() -> None:
    # Not below `tmp_path`, which only its owner can enter.
    with tempfile.TemporaryDirectory() as folder:
        if os.getuid() == 0:
            os.chown(folder, 65534, 65534)
        told = stricken(FilePath(folder), "forbidden")
    for look in ("cold", "warm"):
        assert told[look]["calls"] == [1, 1]
        assert told[look]["failures"] in (2, 3, 4)
