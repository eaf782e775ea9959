"""Retention: what nobody vouches for any more goes, whatever kind of store it is in."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pytest

from gateway.errors import StoreFailed
from gateway.model import Absence, ContactId
from gateway.portraits import Sweeper, sweeping
from gateway.portraits.sweeper import STAMP_PATH
from gateway.portraits.walks import LEFTOVER_AGE
from gateway.telemetry import Telemetry
from tests.fakes import DAY, LEON, MAYA, Clock, settle
from tests.portraits.places import Place, name_of, portrait_store
from tests.portraits.test_store_contract import PHOTO
from tests.processes import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import Portrait
    from gateway.portraits import PortraitStore

RETENTION = 7 * DAY
HOUR = 3600.0


class Round:
    """A sweeper of `place` with a clock of its own, which starts at the present.

    Times of writing come from the real clock, so tests move this one ahead.
    """

    def __init__(self, place: Place, *, retention: float = RETENTION) -> None:
        self.clock = Clock(time.time())
        self.store = place.store()
        self.telemetry = Telemetry(pseudonym=lambda _: "someone")
        self.erased: list[str] = []
        self.pauses: list[float] = []
        self.waiting = asyncio.Event()
        self.going_on = asyncio.Event()
        self.failing = False
        self.sweeper = Sweeper(
            place.reach(),
            retention=retention,
            erase=self.erase,
            telemetry=self.telemetry,
            clock=self.clock,
            wait=self.wait,
        )

    async def erase(self, key: str) -> None:
        self.erased.append(key)
        if self.failing:
            raise StoreFailed("the portrait store failed (Fake)")
        await self.store.erase(key)

    async def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.waiting.set()
        await self.going_on.wait()
        self.going_on.clear()

    def photo(self, *, age: float = 0.0) -> Portrait:
        return replace(PHOTO, confirmed=self.clock() - age)

    def absence(self, *, age: float = 0.0) -> Portrait:
        return Absence(since=self.clock() - age, certain=True)

    def key(self, contact: ContactId) -> str:
        return self.store.digest(contact).hex()

    async def kept(self) -> set[str]:
        """Which of the two that the tests know are still there."""
        there = {"maya": MAYA, "leon": LEON}
        return {name for name, who in there.items() if await self.store.get(who) is not None}


async def test_what_was_not_confirmed_for_the_retention_goes_and_the_rest_stays(
    place: Place,
) -> None:
    house = Round(place)
    await house.store.put(MAYA, house.photo())
    await house.store.put(LEON, house.absence(age=-60))
    house.clock.advance(RETENTION - 1)
    assert await house.sweeper.sweep() == 0
    assert await house.kept() == {"maya", "leon"}
    house.clock.advance(HOUR)
    assert await house.sweeper.sweep() == 2
    assert await house.kept() == set()
    assert place.portraits() == {}


async def test_whoever_holds_a_copy_is_told_whose_portrait_goes(place: Place) -> None:
    house = Round(place)
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    await house.store.put(LEON, house.photo())
    await house.sweeper.sweep()
    assert house.erased == [house.key(MAYA)]


async def test_a_confirmation_counts_and_not_when_the_photo_became_current(place: Place) -> None:
    house = Round(place)
    old = replace(PHOTO, fetched=1.0, since=1.0, confirmed=house.clock())
    await house.store.put(MAYA, old)
    house.clock.advance(RETENTION - 60)
    await house.sweeper.sweep()
    assert await house.kept() == {"maya"}


async def test_a_suppression_is_never_swept(place: Place) -> None:
    house = Round(place)
    await house.store.suppress(MAYA, since=house.clock() - 100 * DAY)
    for _ in range(3):
        house.clock.advance(100 * DAY)
        await house.sweeper.sweep()
    assert house.erased == []
    assert await house.store.is_suppressed(MAYA)


async def test_portraits_of_other_accounts_go_too(place: Place) -> None:
    house = Round(place)
    other = place.store("an account that is used no more")
    await other.put(MAYA, house.photo(age=8 * DAY))
    assert await house.sweeper.sweep() == 1
    assert place.portraits() == {}


async def test_the_key_stays(place: Place) -> None:
    house = Round(place)
    await house.store.put(MAYA, house.photo())
    house.clock.advance(1000 * DAY)
    await house.sweeper.sweep()
    again = place.store()
    await again.open()
    assert again.digest(MAYA) == house.store.digest(MAYA)


UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:50],
    "damaged": lambda data: data[:60] + bytes([data[60] ^ 4]) + data[61:],
    "of another layout": lambda data: b"AVG1" + data[4:],
    "of another contact": lambda data: data.replace(b'"contact":"', b'"contact":"0', 1),
}


@pytest.mark.parametrize("damage", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_nobody_can_read_goes_when_it_has_lain_there_long_enough(
    place: Place, damage: Callable[[bytes], bytes]
) -> None:
    house = Round(place)
    await house.store.put(MAYA, house.photo())
    ((name, data),) = place.portraits().items()
    place.overwrite(name, damage(data))
    await house.sweeper.sweep()
    assert len(place.portraits()) == 1
    house.clock.advance(RETENTION + HOUR)
    await house.sweeper.sweep()
    assert place.portraits() == {}


async def test_what_is_not_ours_stays(place: Place) -> None:
    house = Round(place)
    await house.store.open()
    for name in ("v1/ab/notes", "v1/readme", "v1/ab/" + "0" * 63, "v2/ab/" + "0" * 62, "x"):
        place.overwrite(name, b"mine")
    before = place.objects()
    house.clock.advance(1000 * DAY)
    assert await house.sweeper.sweep() == 0
    after = place.objects()
    del after[STAMP_PATH]
    assert {name: data for name, data in after.items() if name != "v1/sweeping"} == before


async def test_what_is_restored_from_a_backup_is_no_younger_for_that(place: Place) -> None:
    house = Round(place)
    await house.store.open()
    await house.sweeper.sweep()
    await house.store.put(MAYA, house.photo(age=8 * DAY))  # written just now
    house.clock.advance(DAY)
    await house.sweeper.sweep()
    assert await house.kept() == set()


async def test_young_records_are_not_even_read(place: Place) -> None:
    house = Round(place)
    await house.sweeper.sweep()
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    house.clock.advance(2 * HOUR)
    # Its header would have it removed: what spares it is that it was written just now.
    assert await house.sweeper.sweep() == 0


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_clock_that_was_a_day_off_costs_nothing(place: Place, days: int) -> None:
    house = Round(place)
    await house.store.put(MAYA, house.photo())
    house.clock.advance(days * DAY)
    await house.store.put(LEON, house.photo())
    await house.sweeper.sweep()
    house.clock.advance(-days * DAY)
    await house.sweeper.sweep()
    assert await house.kept() == {"maya", "leon"}


async def test_what_was_confirmed_in_a_far_future_never_was(place: Place) -> None:
    house = Round(place)
    await house.store.put(MAYA, house.photo(age=-3650 * DAY))
    await house.sweeper.sweep()
    assert await house.kept() == set()


async def test_who_has_swept_keeps_the_others_of_the_store_from_it_for_an_hour(
    place: Place,
) -> None:
    first, second = Round(place), Round(place)
    await first.sweeper.sweep()
    await first.store.put(MAYA, first.photo(age=8 * DAY))
    second.clock.advance(HOUR - 10)
    assert await second.sweeper.sweep() == 0
    second.clock.advance(DAY)
    assert await second.sweeper.sweep() == 1


@pytest.mark.parametrize("stamp", [b"", b"yesterday", b"nan nan", b"1 2 3", b"\xff", b"9e99 9e99"])
async def test_a_damaged_note_of_the_last_sweep_keeps_nobody_from_the_next(
    place: Place, stamp: bytes
) -> None:
    house = Round(place)
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    place.overwrite(STAMP_PATH, stamp)
    assert await house.sweeper.sweep() == 1


async def test_more_than_a_slice_goes_in_one_sweep(place: Place) -> None:
    house = Round(place)
    contacts = [ContactId.parse(f"1555000{number:04d}") for number in range(150)]
    for number, contact in enumerate(contacts):
        await house.store.put(contact, house.photo(age=8 * DAY if number % 2 else 0.0))
    assert await house.sweeper.sweep() == 75
    assert set(house.erased) == {house.key(contact) for contact in contacts[1::2]}
    assert len(place.portraits()) == 75


async def test_one_that_cannot_be_removed_does_not_keep_the_others(place: Place) -> None:
    house = Round(place)
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    await house.store.put(LEON, house.photo(age=8 * DAY))
    house.failing = True
    with pytest.raises(StoreFailed, match="2 portraits past their retention"):
        await house.sweeper.sweep()
    assert sorted(house.erased) == sorted((house.key(MAYA), house.key(LEON)))


# By itself


async def test_it_sweeps_by_itself_for_as_long_as_it_is_let(tmp_path: Path) -> None:
    house = Round(Place.in_directory(tmp_path))
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    before = asyncio.all_tasks()
    async with sweeping(house.sweeper):
        await house.waiting.wait()
        assert house.erased == []
        await pass_on(house)
        assert house.erased == [house.key(MAYA)]
        assert house.telemetry.swept_portraits == 1
        await house.store.put(MAYA, house.photo(age=8 * DAY))
        house.clock.advance(DAY)
        await pass_on(house)
        assert len(house.erased) == 2
    first, *others = house.pauses
    assert 0 < first < 120
    assert all(HOUR / 2 <= pause <= HOUR for pause in others)
    await settle()
    assert asyncio.all_tasks() == before


async def pass_on(house: Round) -> None:
    """Let one sweep happen."""
    house.waiting.clear()
    house.going_on.set()
    await house.waiting.wait()


async def test_a_failure_is_told_and_the_next_sweep_makes_it_good(tmp_path: Path) -> None:
    place = Place.in_directory(tmp_path)
    house = Round(place)
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    async with sweeping(house.sweeper):
        await house.waiting.wait()
        house.failing = True
        await pass_on(house)
        assert "1 portraits past" in house.telemetry.degraded["retention"]
        house.failing = False
        house.clock.advance(DAY)
        await pass_on(house)
        assert house.telemetry.degraded == {}
    assert place.portraits() == {}


async def test_a_bug_does_not_end_retention(tmp_path: Path) -> None:
    house = Round(Place.in_directory(tmp_path))
    await house.store.put(MAYA, house.photo(age=8 * DAY))

    async def broken(_key: str) -> None:
        raise KeyError

    erase, house.sweeper._erase = house.sweeper._erase, broken  # noqa: SLF001 - a bug from within
    async with sweeping(house.sweeper):
        await house.waiting.wait()
        await pass_on(house)
        assert house.telemetry.bugs == 1
        house.sweeper._erase = erase  # noqa: SLF001 - as above
        house.clock.advance(DAY)
        await pass_on(house)
        assert await house.kept() == set()


@pytest.mark.parametrize(("retention", "longest"), [(800.0, 100.0), (30 * DAY, HOUR)])
async def test_a_short_retention_is_kept_to_more_often(
    tmp_path: Path, retention: float, longest: float
) -> None:
    house = Round(Place.in_directory(tmp_path), retention=retention)
    async with sweeping(house.sweeper):
        await house.waiting.wait()
        await pass_on(house)
    assert longest / 2 <= house.pauses[1] <= longest


# In a directory


async def test_what_crashed_writes_left_goes_after_a_while(tmp_path: Path) -> None:
    place = Place.in_directory(tmp_path)
    house = Round(place)
    await house.store.put(MAYA, house.photo())
    file = tmp_path / "store" / name_of(house.store, MAYA)
    leftovers = [file.with_name(f"{file.name}#1"), tmp_path / "store" / "v1" / "key#12"]
    for each in leftovers:
        each.write_bytes(b"half of a portr")
    await house.sweeper.sweep()
    assert all(each.exists() for each in leftovers)  # somebody may be writing
    house.clock.advance(max(LEFTOVER_AGE, HOUR) + 60)
    await house.sweeper.sweep()
    assert not any(each.exists() for each in leftovers)
    assert await house.kept() == {"maya"}


@pytest.mark.parametrize("name", ["a b", "é", "100%", "a%20b", "c#d", "e?f"])
async def test_a_directory_is_swept_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    place = Place.in_directory(tmp_path / name)
    house = Round(place)
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    assert await house.sweeper.sweep() == 1
    assert place.portraits() == {}


async def test_a_file_that_cannot_be_read_does_not_keep_the_others(tmp_path: Path) -> None:
    place = Place.in_directory(tmp_path)
    house = Round(place)
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    file = tmp_path / "store" / name_of(house.store, MAYA)
    in_the_way = file.with_name("0" * 62)
    in_the_way.mkdir()  # stands for all that cannot be read
    assert await house.sweeper.sweep() == 1
    assert await house.kept() == set()


HOLD = """
import fcntl, sys
with open(sys.argv[1], "wb") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


async def test_while_another_process_sweeps_nobody_else_does_and_its_death_frees_the_way(
    tmp_path: Path,
) -> None:
    place = Place.in_directory(tmp_path)
    house = Round(place)
    await house.store.put(MAYA, house.photo(age=8 * DAY))
    command = [sys.executable, "-c", HOLD, str(tmp_path / "store" / "v1" / "sweeping")]
    with subprocess.Popen(  # noqa: ASYNC220 - the test waits for nothing else
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert await house.sweeper.sweep() == 0
        other.kill()
    assert await house.sweeper.sweep() == 1


async def test_sweeping_leaves_nothing_open(tmp_path: Path) -> None:
    house = Round(Place.in_directory(tmp_path))
    await house.store.open()
    await house.sweeper.sweep()
    before = descriptors()
    for _ in range(20):
        house.clock.advance(DAY)
        await house.sweeper.sweep()
    assert descriptors() == before


def descriptors() -> set[str]:
    """What this process has open."""
    return {each.name for each in Path("/proc/self/fd").iterdir()}


async def test_a_store_that_cannot_be_reached_ends_the_sweep(tmp_path: Path) -> None:
    house = Round(Place.in_directory(tmp_path))
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("a file in its place")
    with pytest.raises(StoreFailed):
        await house.sweeper.sweep()


async def test_a_bounded_store_has_room_again_for_what_was_swept() -> None:
    objects = obstore.store.MemoryStore()
    place = Place(lambda: objects)
    house = Round(place)
    house.store = bounded = bounded_store(place)
    for number in range(3):
        await bounded.put(ContactId.parse(f"1555000000{number}"), house.photo(age=8 * DAY))
    await house.sweeper.sweep()
    for number in range(3):
        await bounded.put(ContactId.parse(f"1555111000{number}"), house.photo())
    assert len(place.portraits()) == 3


def bounded_store(place: Place) -> PortraitStore:
    return portrait_store(place.reach(), capacity=3000)
