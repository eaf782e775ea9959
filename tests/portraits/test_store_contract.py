"""What every portrait store does, whatever it is made of; then what only some of them do."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore, S3Store

from gateway.errors import StoreFailed
from gateway.model import Absence, ContactId, Photo, PhotoUrl, Portrait, Sample
from gateway.portraits import check_place, open_objects, record
from gateway.portraits.breaker import Breaker
from gateway.portraits.store import KEY_PATH
from tests.fakes import LEON, LIFETIMES, MAYA, T0, Clock, replying, serving
from tests.portraits.places import Place, name_of, portrait_store
from tests.processes import environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from obstore.store import ObjectStore

    from gateway.portraits import PortraitStore
    from tests.fakes import Talk

PHOTO = Photo(
    PhotoUrl("https://pps.whatsapp.net/v/maya.jpg?ccb=11-4&oh=01_a&oe=66BC702E"),
    fetched=T0 - 10,
    since=T0 - 20,
    confirmed=T0,
    version="0123456789ab",
    sample=Sample(2, "RGB", b"123456789abc"),
    master=b"\xff\xd8" + bytes(range(256)),
)
OTHER_PHOTO = Photo(
    PhotoUrl("https://pps.whatsapp.net/v/2.jpg"),
    T0,
    T0,
    T0,
    "ba9876543210",
    None,
    b"another master",
)
NONE = Absence(since=T0, certain=True)
DOUBTED = Absence(since=T0 - 5, certain=False)


SUPPRESSION = Absence(since=T0, certain=True, suppressed=True)


async def test_nothing_is_known_of_an_unknown_contact(place: Place) -> None:
    assert await place.store().get(MAYA) is None


@pytest.mark.parametrize("portrait", [PHOTO, NONE, DOUBTED, SUPPRESSION])
async def test_a_portrait_comes_back_as_it_was(place: Place, portrait: Portrait) -> None:
    store = place.store()
    await store.put(MAYA, portrait)
    assert await store.get(MAYA) == portrait
    assert await place.store().get(MAYA) == portrait


@pytest.mark.parametrize(("old", "new"), [(PHOTO, OTHER_PHOTO), (PHOTO, NONE), (DOUBTED, PHOTO)])
async def test_a_portrait_is_replaced(place: Place, old: Portrait, new: Portrait) -> None:
    store = place.store()
    await store.put(MAYA, old)
    await store.put(MAYA, new)
    assert await store.get(MAYA) == new
    assert len(place.portraits()) == 1


async def test_who_is_forgotten_is_unknown_and_others_stay(place: Place) -> None:
    store = place.store()
    await store.put(MAYA, PHOTO)
    await store.put(LEON, OTHER_PHOTO)
    await store.delete(MAYA)
    assert await store.get(MAYA) is None
    assert await store.get(LEON) == OTHER_PHOTO
    assert len(place.portraits()) == 1


async def test_an_unknown_contact_can_be_forgotten(place: Place) -> None:
    await place.store().delete(MAYA)
    assert place.portraits() == {}


@pytest.mark.parametrize(
    "other",
    ["wawp|https://api.wawp.net|ABD", "wawp|https://other.example|ABC", "waha|", ""],
)
async def test_two_accounts_never_share_a_portrait(place: Place, other: str) -> None:
    mine, theirs = place.store(), place.store(other)
    await mine.put(MAYA, PHOTO)
    assert await theirs.get(MAYA) is None
    await theirs.put(MAYA, NONE)
    await theirs.delete(MAYA)
    assert await mine.get(MAYA) == PHOTO


async def test_what_was_copied_from_a_store_with_another_key_is_unknown(
    place: Place, tmp_path: Path
) -> None:
    store, foreign = place.store(), Place.in_directory(tmp_path / "foreign")
    await foreign.store().put(MAYA, PHOTO)
    await store.open()
    for name, data in foreign.portraits().items():
        place.overwrite(name, data)
        place.overwrite(name_of(store, MAYA), data)
    assert await store.get(MAYA) is None


async def test_an_object_that_was_swapped_between_contacts_is_not_believed(place: Place) -> None:
    store = place.store()
    await store.put(MAYA, PHOTO)
    await store.put(LEON, OTHER_PHOTO)
    mine, theirs = name_of(store, MAYA), name_of(store, LEON)
    kept = place.objects()
    place.overwrite(mine, kept[theirs])
    place.overwrite(theirs, kept[mine])
    assert await store.get(MAYA) is None
    assert await store.get(LEON) is None


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut in the header": lambda data: data[:50],
    "cut in the picture": lambda data: data[:-1],
    "a bit in the picture": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "a bit in the header": lambda data: data[:60] + bytes([data[60] ^ 4]) + data[61:],
    "zeros": lambda data: bytes(len(data)),
    "written twice": lambda data: data * 2,
    "a picture": lambda _: PHOTO.master,
    "a page": lambda _: b"<html>503 Service Unavailable</html>",
    "another layout": lambda data: data.replace(record.MAGIC, b"AVG9", 1),
    "two megabytes of noise": lambda _: os.urandom(2**21),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_object_is_as_none_and_can_be_replaced(
    place: Place, damage: Callable[[bytes], bytes]
) -> None:
    store = place.store()
    await store.put(MAYA, PHOTO)
    name = name_of(store, MAYA)
    place.overwrite(name, damage(place.objects()[name]))
    assert await store.get(MAYA) is None
    await store.put(MAYA, PHOTO)
    assert await store.get(MAYA) == PHOTO


@pytest.mark.parametrize("portrait", [PHOTO, NONE])
async def test_an_object_cut_in_the_middle_of_its_header_is_as_none(
    place: Place, portrait: Portrait
) -> None:
    store = place.store()
    await store.put(MAYA, portrait)
    name = name_of(store, MAYA)
    whole = place.objects()[name]
    header = len(whole) - (len(PHOTO.master) if portrait is PHOTO else 0)
    for length in range(0, header, 7):
        place.overwrite(name, whole[:length])
        assert await store.get(MAYA) is None


async def test_nothing_in_a_store_tells_a_phone_number(place: Place) -> None:
    store = place.store()
    await store.put(MAYA, PHOTO)
    await store.put(LEON, NONE)
    told = b"".join(name.encode() + data for name, data in place.objects().items())
    for contact in (MAYA, LEON):
        assert contact.value.partition("@")[0].encode() not in told


async def test_a_name_cannot_be_found_by_trying_numbers_without_the_key(
    place: Place, tmp_path: Path
) -> None:
    other = Place.in_directory(tmp_path / "other").store()
    mine = place.store()
    await asyncio.gather(mine.open(), other.open())
    assert mine.digest(MAYA) != other.digest(MAYA)


async def test_those_who_open_one_place_at_once_agree_on_its_key(
    place: Place, tmp_path: Path
) -> None:
    stores = [place.store() for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    assert len({store.digest(MAYA) for store in stores}) == 1
    await stores[0].put(MAYA, PHOTO)
    assert [await store.get(MAYA) for store in stores] == [PHOTO] * 8
    assert len(place.objects()[KEY_PATH]) == 32
    assert names_below(tmp_path) <= {"store", "v1", "key", *name_of(stores[0], MAYA).split("/")}


def names_below(folder: Path) -> set[str]:
    """What stands in `folder`, however deep, unfinished files too."""
    return {entry.name for entry in folder.rglob("*")}


async def test_one_store_may_be_opened_by_many_at_once(place: Place) -> None:
    store = place.store()
    await asyncio.gather(*(store.put(MAYA, PHOTO) for _ in range(8)))
    assert await place.store().get(MAYA) == PHOTO
    assert set(place.objects()) == {KEY_PATH, name_of(store, MAYA)}


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
async def test_a_damaged_key_is_a_failure_and_stays_for_the_operator_to_see(
    place: Place, key: bytes
) -> None:
    place.overwrite(KEY_PATH, key)
    store = place.store()
    for call in (store.open(), store.get(MAYA), store.put(MAYA, PHOTO), store.delete(MAYA)):
        with pytest.raises(StoreFailed, match="the store's key is damaged"):
            await call
    assert place.objects() == {KEY_PATH: key}


async def test_a_store_that_is_not_open_yet_still_tells_contacts_apart(place: Place) -> None:
    store = place.store()
    before = store.digest(MAYA)
    assert before == store.digest(MAYA) != store.digest(LEON)
    assert len(before) == 32
    await store.put(MAYA, PHOTO)
    # Nothing is kept under the key that stood in.
    assert store.digest(MAYA) != before
    assert set(place.portraits()) == {name_of(store, MAYA)}


async def test_contacts_learned_together_expire_at_times_that_every_worker_agrees_on(
    place: Place,
) -> None:
    one, two = place.store(), place.store()
    await asyncio.gather(one.open(), two.open())
    contacts = [ContactId.parse(f"1555123{number:04d}") for number in range(200)]
    ends = [one.judge(contact, PHOTO).fresh_until for contact in contacts]
    assert ends == [two.judge(contact, PHOTO).fresh_until for contact in contacts]
    lives = [end - PHOTO.confirmed for end in ends]
    assert LIFETIMES.photo <= min(lives) < max(lives) <= 1.1 * LIFETIMES.photo
    assert len(set(ends)) > 50


async def test_a_contact_has_no_rhythm_of_its_own(place: Place) -> None:
    store = place.store()
    await store.open()
    moments = [T0 + 0.001 * number for number in range(200)]
    photos = [replace(PHOTO, confirmed=moment) for moment in moments]
    lives = [store.judge(MAYA, each).fresh_until - each.confirmed for each in photos]
    assert len({round(life, 3) for life in lives}) > 190


# Whom somebody asked not to show


async def test_who_is_suppressed_is_so_for_everyone_and_after_a_restart(place: Place) -> None:
    store = place.store()
    await store.put(MAYA, PHOTO)
    assert not await store.is_suppressed(MAYA)
    await store.suppress(MAYA, since=T0)
    for each in (store, place.store()):
        assert await each.is_suppressed(MAYA)
        assert await each.get(MAYA) == SUPPRESSION
    assert not await store.is_suppressed(LEON)


async def test_a_suppression_leaves_nothing_of_the_photo(place: Place) -> None:
    store = place.store()
    await store.put(MAYA, PHOTO)
    await store.suppress(MAYA, since=T0)
    assert len(place.portraits()) == 1
    told = b"".join(place.objects().values())
    for secret in (
        PHOTO.master,
        b"123456789abc",
        PHOTO.source.url.encode(),
        PHOTO.source.fingerprint.encode(),
    ):
        assert secret not in told


@pytest.mark.parametrize("late", [PHOTO, NONE])
async def test_a_late_answer_does_not_end_a_suppression(place: Place, late: Portrait) -> None:
    store = place.store()
    await store.suppress(MAYA, since=T0)
    assert not await place.store().put(MAYA, late)
    assert await store.get(MAYA) == SUPPRESSION
    assert await store.put(LEON, late)


async def test_retention_does_not_end_a_suppression(place: Place) -> None:
    store = place.store()
    await store.suppress(MAYA, since=T0)
    await store.erase(store.digest(MAYA).hex())
    assert await store.is_suppressed(MAYA)


async def test_a_second_suppression_changes_nothing(place: Place) -> None:
    store = place.store()
    await store.suppress(MAYA, since=T0)
    await place.store().suppress(MAYA, since=T0 + 60)
    assert await store.get(MAYA) == SUPPRESSION


async def test_a_suppression_ends_when_it_is_ended(place: Place) -> None:
    store = place.store()
    await store.suppress(MAYA, since=T0)
    await place.store().delete(MAYA)
    assert await store.get(MAYA) == SUPPRESSION
    await place.store().unsuppress(MAYA)
    assert await store.get(MAYA) is None
    assert await store.put(MAYA, PHOTO)
    assert await store.get(MAYA) == PHOTO


async def test_ending_a_suppression_that_is_none_changes_nothing(place: Place) -> None:
    store = place.store()
    await store.put(MAYA, PHOTO)
    for contact in (MAYA, LEON):
        await store.unsuppress(contact)
    assert await store.get(MAYA) == PHOTO
    assert len(place.portraits()) == 1


async def test_a_portrait_is_erased_by_its_key_whosever_namespace_it_is_in(place: Place) -> None:
    mine, theirs = place.store(), place.store("another account")
    await mine.put(MAYA, PHOTO)
    await theirs.put(MAYA, PHOTO)
    await mine.erase(theirs.digest(MAYA).hex())
    await mine.erase("0" * 64)
    assert await theirs.get(MAYA) is None
    assert await mine.get(MAYA) == PHOTO


# What a file store does


def modes(folder: Path) -> dict[str, set[int]]:
    entries = [folder, *folder.rglob("*")]
    return {
        kind: {stat.S_IMODE(entry.stat().st_mode) for entry in entries if entry.is_dir() is folders}
        for kind, folders in (("folders", True), ("files", False))
    }


WRITE = """
import asyncio, os, sys
from gateway.model import *
from gateway.portraits import *

async def main(url):
    lifetimes = Lifetimes(photo=1.0, none=1.0, stale=1.0, confirm=1.0)
    store = PortraitStore(open_objects(url), namespace="n", lifetimes=lifetimes, timeout=30.0)
    masters = [letter * 2_000_000 for letter in (b"a", b"b")]
    source = PhotoUrl("https://pps.whatsapp.net/v/a.jpg")
    rounds = 0
    while "for-ever" in sys.argv or rounds < 1:
        photo = Photo(source, 1, 1, 1, "v", None, masters[rounds % 2])
        await store.put(ContactId.parse("15551234567"), photo)
        rounds += 1
        print("written", flush=True)

asyncio.run(main(sys.argv[1]))
os._exit(0)  # as the command line ends, lest the store's threads outlive the interpreter
"""


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    url = (tmp_path / "deep" / "store").as_uri()
    subprocess.run([sys.executable, "-c", WRITE, url], env=environment(), umask=0o077, check=True)
    assert modes(tmp_path / "deep") == {"folders": {0o700}, "files": {0o600}}


def test_the_folder_is_for_its_owner_alone_under_any_umask(tmp_path: Path) -> None:
    url = (tmp_path / "store").as_uri()
    subprocess.run([sys.executable, "-c", WRITE, url], env=environment(), umask=0o022, check=True)
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700


def test_a_writer_that_is_killed_leaves_a_whole_portrait(tmp_path: Path) -> None:
    place = Place.in_directory(tmp_path)
    script = [sys.executable, "-c", WRITE, (tmp_path / "store").as_uri(), "for-ever"]
    with subprocess.Popen(script, env=environment(), stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(5):
            assert writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)
    found = asyncio.run(place.store("n").get(MAYA))
    assert isinstance(found, Photo)
    assert len(found.master) == 2_000_000
    assert set(found.master) in ({ord("a")}, {ord("b")})


async def test_what_a_torn_write_left_is_no_portrait_and_in_nobodys_way(tmp_path: Path) -> None:
    place = Place.in_directory(tmp_path)
    store = place.store()
    await store.put(MAYA, PHOTO)
    file = tmp_path / "store" / name_of(store, MAYA)
    torn = file.with_name(f"{file.name}#1")
    torn.write_bytes(file.read_bytes()[:100])
    assert set(place.portraits()) == {name_of(store, MAYA)}
    assert await store.get(MAYA) == PHOTO
    await store.put(MAYA, OTHER_PHOTO)
    assert await store.get(MAYA) == OTHER_PHOTO
    await store.delete(MAYA)
    assert await store.get(MAYA) is None


@pytest.mark.parametrize("name", ["a b", "é", "100%", "a%20b", "c#d", "e?f"])
async def test_a_directory_is_found_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    store = portrait_store(open_objects(folder.as_uri()))
    await store.put(MAYA, PHOTO)
    assert (folder / KEY_PATH).is_file()
    assert names_below(tmp_path) == {name, "v1", "key"} | set(name_of(store, MAYA).split("/"))


async def test_without_a_path_photos_are_in_the_users_cache_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    await portrait_store(open_objects("file:")).open()
    assert (tmp_path / "cache" / "avatar-gateway" / KEY_PATH).is_file()
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # a relative path there counts for nothing
    await portrait_store(open_objects("file:")).open()
    assert (tmp_path / "home" / ".cache" / "avatar-gateway" / KEY_PATH).is_file()


# What cannot be opened

UNREACHABLE = ["ftp://host/path", "nonsense", "", "s3://", "az://container", "file:///\0"]


@pytest.mark.parametrize("url", UNREACHABLE)
def test_a_place_that_is_none_cannot_be_opened(url: str) -> None:
    with pytest.raises(StoreFailed) as failure:
        open_objects(url)
    assert_tells_nothing(failure.value)


def assert_tells_nothing(failure: StoreFailed) -> None:
    """The text names no path, address or credential, and neither does what hangs on it."""
    assert re.fullmatch(r"the portrait store failed \(\w+\)", str(failure))
    assert failure.__suppress_context__
    assert failure.__cause__ is None


@pytest.mark.parametrize("use", [check_place, open_objects])
def test_a_directory_that_cannot_be_made_is_a_failure(
    tmp_path: Path, use: Callable[[str], object]
) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(StoreFailed) as failure:
            use(path.as_uri())
        assert_tells_nothing(failure.value)


def test_a_place_is_checked_by_making_its_directory(tmp_path: Path) -> None:
    check_place((tmp_path / "new" / "store").as_uri())
    assert list((tmp_path / "new" / "store").iterdir()) == []


@pytest.mark.parametrize("url", ["memory:", "s3://bucket/prefix", "gs://bucket", "az://container"])
def test_only_directories_are_checked_beforehand(url: str) -> None:
    check_place(url)


CHECK = """
import os, sys
from gateway.errors import StoreFailed
from gateway.portraits import check_place

if os.getuid() == 0:  # nothing is unwritable for root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    check_place(sys.argv[1])
except StoreFailed as failure:
    print(failure)
"""


def test_a_directory_that_cannot_be_written_is_a_failure() -> None:
    # What counts coverage would want to write its file as nobody.
    plain = {name: text for name, text in environment().items() if not name.startswith("COVERAGE")}
    # Not below `tmp_path`, which only its owner can enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        told = subprocess.run(
            [sys.executable, "-c", CHECK, Path(folder).as_uri()],
            env=plain,
            capture_output=True,
            text=True,
            check=True,
        )
    assert (told.stdout, told.stderr) == ("the directory cannot be written\n", "")


# Stores that fail


async def _hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


FAILURES: dict[str, Talk] = {
    "says nothing": _hang,
    "hangs up": _hang_up,
    "forbids": replying(status="403 Forbidden", body=b"<Error><Code>AccessDenied</Code></Error>"),
    "breaks": replying(status="500 Internal Server Error"),
    "talks of something else": replying(body=b"<html></html>", length=10**6),
}


KEY = replying(
    body=bytes(32), headers='ETag: "a"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n'
)


class FakeBucket:
    """An object store that gives its key for as long as it is `well`, then answers as `talk`."""

    def __init__(self, talk: Talk) -> None:
        self.well = False
        self._talk = talk

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[PortraitStore]:
        async with serving(self._answer) as server:
            bucket = S3Store(
                "secret-bucket",
                endpoint=server.base_url,
                access_key_id="secret-id",
                secret_access_key="secret-key",
                region="nowhere",
                client_options={"allow_http": True},
            )
            # It is the store's own failing that is looked at here, each time.
            yield portrait_store(bucket, timeout=0.2, breaker=Breaker(limit=10**6))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (KEY if self.well else self._talk)(reader, writer)


@asynccontextmanager
async def failing_later(talk: Talk) -> AsyncIterator[PortraitStore]:
    """An open store that fails from now on."""
    bucket = FakeBucket(talk)
    async with bucket.reached() as store:
        bucket.well = True
        await open_in_the_end(store)
        bucket.well = False
        yield store


async def open_in_the_end(store: PortraitStore) -> None:
    """Open a store that is well; a busy machine may need longer than the store's own patience."""
    for _ in range(50):
        with suppress(StoreFailed):
            return await store.open()
    return await store.open()


async def failures(calls: Iterable[Awaitable[object]]) -> list[StoreFailed]:
    """How each of `calls` failed, all made at once."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreFailed] * len(outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, StoreFailed)]


def calls(store: PortraitStore) -> list[Awaitable[object]]:
    return [store.get(MAYA), store.put(MAYA, PHOTO), store.delete(MAYA)]


@pytest.mark.parametrize("talk", FAILURES.values(), ids=FAILURES)
async def test_a_store_that_never_gave_its_key_fails_every_call(talk: Talk) -> None:
    async with FakeBucket(talk).reached() as store:
        for failure in await failures([store.open(), *calls(store)]):
            assert_tells_nothing(failure)


@pytest.mark.parametrize("talk", FAILURES.values(), ids=FAILURES)
async def test_a_store_that_fails_later_fails_every_call(talk: Talk) -> None:
    async with failing_later(talk) as store:
        for failure in await failures(calls(store)):
            assert_tells_nothing(failure)


async def test_a_store_that_failed_can_be_opened_once_it_is_well() -> None:
    bucket = FakeBucket(_hang_up)
    async with bucket.reached() as store:
        assert await failures([store.open(), store.get(MAYA)])
        passing = store.digest(MAYA)
        bucket.well = True
        await open_in_the_end(store)
        assert store.digest(MAYA) != passing


async def test_a_directory_that_is_gone_fails_until_it_is_back(tmp_path: Path) -> None:
    clock = Clock()
    objects = Place.in_directory(tmp_path).reach()
    store = portrait_store(objects, breaker=Breaker(pause=5.0, clock=clock))
    await store.put(MAYA, PHOTO)
    folder = tmp_path / "store"
    folder.rename(tmp_path / "elsewhere")
    folder.write_text("a file in its place")
    for failure in await failures(calls(store)):
        assert_tells_nothing(failure)
    folder.unlink()
    (tmp_path / "elsewhere").rename(folder)
    clock.advance(5)
    assert await store.get(MAYA) == PHOTO


async def test_a_file_that_hangs_fails_in_time(tmp_path: Path) -> None:
    store = portrait_store(Place.in_directory(tmp_path).reach(), timeout=0.2)
    await open_in_the_end(store)
    file = tmp_path / "store" / name_of(store, MAYA)
    file.parent.mkdir()
    os.mkfifo(file)  # whoever opens it waits for the other end
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        for failure in await failures([store.get(MAYA), store.put(MAYA, PHOTO)]):
            assert_tells_nothing(failure)
        assert loop.time() - begun <= 0.4
    finally:
        os.close(os.open(file, os.O_RDWR))  # lets them go


async def test_a_call_that_is_cancelled_is_cancelled_and_no_failure_of_the_store() -> None:
    async with failing_later(_hang) as store:
        call = asyncio.ensure_future(store.get(MAYA))
        await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        assert call.cancelled()


# What a store in memory does


def kept_bytes(objects: ObjectStore) -> dict[str, int]:
    entries = obstore.list(objects).collect()
    return {
        str(entry["path"]): int(entry["size"]) for entry in entries if entry["path"] != KEY_PATH
    }


def contact(number: int) -> ContactId:
    return ContactId.parse(f"1555000{number:04d}")


async def test_a_bounded_store_forgets_the_oldest() -> None:
    objects = MemoryStore()
    one = len(record.encode(PHOTO, "0" * 64))
    store = portrait_store(objects, capacity=3 * one)
    for number in (1, 2, 3, 1, 4):
        await store.put(contact(number), PHOTO)
    # Who was written again is young again.
    assert [n for n in range(1, 5) if await store.get(contact(n)) is not None] == [1, 3, 4]


async def test_what_is_forgotten_makes_room() -> None:
    one = len(record.encode(PHOTO, "0" * 64))
    store = portrait_store(MemoryStore(), capacity=3 * one)
    for number in (1, 2, 3):
        await store.put(contact(number), PHOTO)
    await store.delete(contact(2))
    await store.delete(contact(2))
    await store.put(contact(4), PHOTO)
    assert [n for n in range(1, 5) if await store.get(contact(n)) is not None] == [1, 3, 4]


async def test_a_portrait_larger_than_the_store_is_kept_alone() -> None:
    objects = MemoryStore()
    store = portrait_store(objects, capacity=10)
    await store.put(MAYA, PHOTO)
    await store.put(LEON, PHOTO)
    assert list(kept_bytes(objects)) == [name_of(store, LEON)]


operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 9), st.integers(1, 3000)),
        st.tuples(st.just("delete"), st.integers(0, 9), st.just(0)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(operations)
def test_a_bounded_store_never_holds_more_and_never_forgets_without_need(
    steps: list[tuple[str, int, int]],
) -> None:
    capacity = 8000

    async def run() -> None:
        objects, expected = MemoryStore(), dict[str, int]()
        store = portrait_store(objects, capacity=capacity)
        await store.open()
        for verb, number, size in steps:
            name = name_of(store, contact(number))
            expected.pop(name, None)
            if verb == "delete":
                await store.delete(contact(number))
            else:
                await store.put(
                    contact(number), Photo(PHOTO.source, T0, T0, T0, "v", None, bytes(size))
                )
                expected[name] = kept_bytes(objects)[name]
                while sum(expected.values()) > capacity:
                    del expected[next(iter(expected))]
            assert kept_bytes(objects) == expected

    asyncio.run(run())
