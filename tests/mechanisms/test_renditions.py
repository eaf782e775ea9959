"""What a worker holds ready: by life, by bytes, by contact; never another photo's."""

from __future__ import annotations

import itertools
import random
import tracemalloc
import weakref
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.errors import Reason
from gateway.model import Canvas, ContactId, Format, Rendition, Standing
from gateway.renditions import (
    COMPANION_OVERHEAD,
    DRAWN_SHARE,
    ENTRY_OVERHEAD,
    MAX_COMPANIONS,
    MAX_PER_CONTACT,
    RENDITION_OVERHEAD,
    Renditions,
    tidying,
)
from gateway.renditions.cache import SLICE
from gateway.renditions.ends import GRAIN, Ends
from gateway.renditions.shelf import IN_USE
from tests.fakes import LEON, MAYA, T0, Clock, FakeErasures, renditions, settle, standing_of_photo

PHOTO = standing_of_photo(version="one", fresh_until=T0 + 100, expires=T0 + 200)
NONE = Standing(fresh_until=T0 + 50, expires=T0 + 60, reason=Reason.NONE)
CANVAS = Canvas(48)


def bytes_of(*bodies: int) -> int:
    """What a contact with renditions of so many bytes each counts for."""
    return ENTRY_OVERHEAD + sum(RENDITION_OVERHEAD + body for body in bodies)


def picture(size: int = 100) -> Rendition:
    return Rendition.of(bytes(size), Format.PNG)


@dataclass(frozen=True)
class Shelf:
    """Renditions of one photo of Maya."""

    held: Renditions
    clock: Clock
    erasures: FakeErasures

    def erase(self, contact: ContactId) -> None:
        """Let another worker tell that the contact is erased."""
        self.erasures.published.append((contact.value, self.clock()))


@pytest.fixture
def shelf() -> Shelf:
    clock = Clock()
    erasures = FakeErasures(clock)
    held = renditions(2**20, clock, erasures)
    held.stand(MAYA, PHOTO)
    held.add(MAYA, CANVAS, picture(), "one")
    return Shelf(held, clock, erasures)


def test_nothing_is_held_of_an_unknown_contact() -> None:
    held = renditions(2**20, Clock())
    assert held.standing(MAYA) is None
    assert held.get(MAYA, CANVAS) is None
    assert held.drawn("a drawing") is None
    assert held.size == 0


def test_what_is_added_is_held_for_its_contact_and_canvas_alone(shelf: Shelf) -> None:
    assert shelf.held.get(MAYA, CANVAS) == picture()
    assert shelf.held.standing(MAYA) == PHOTO
    assert shelf.held.standing(LEON) is None
    assert shelf.held.get(LEON, CANVAS) is None
    for other in (Canvas(49), Canvas(48, Format.WEBP), Canvas(48, bg=None, ring=None)):
        assert (shelf.held.get(MAYA, other) is None) == (other != CANVAS)


@dataclass(eq=False)
class Companion:
    canvas: Canvas = CANVAS
    used: float = float("-inf")


def test_companions_are_held_and_counted(shelf: Shelf) -> None:
    companion = Companion()
    gone = weakref.ref(companion)
    assert shelf.held.accompany(MAYA, companion)
    assert shelf.held.size == bytes_of(100) + COMPANION_OVERHEAD
    del companion
    assert gone() is not None
    shelf.held.stand(MAYA, NONE)
    assert gone() is None
    assert shelf.held.size == bytes_of()


def test_nobody_accompanies_a_stranger_or_who_was_erased(shelf: Shelf) -> None:
    assert not shelf.held.accompany(LEON, Companion())
    shelf.erase(MAYA)
    assert not shelf.held.accompany(MAYA, Companion())
    shelf.held.keep("a drawing", picture())
    assert shelf.held.size == bytes_of(100)


def test_companions_go_with_their_rendition(shelf: Shelf) -> None:
    companions = [Companion(), Companion(Canvas(49))]
    gone = [weakref.ref(each) for each in companions]
    for companion in companions:
        assert shelf.held.accompany(MAYA, companion)
    del companions, companion
    for side in range(100, 100 + MAX_PER_CONTACT):
        shelf.held.add(MAYA, Canvas(side), picture(), "one")
    assert [each() is None for each in gone] == [True, False]
    shelf.held.add(MAYA, Canvas(49), picture(), "one")
    assert gone[1]() is None


def test_companions_are_few_even_without_a_rendition() -> None:
    held = renditions(2**20, Clock())
    held.stand(MAYA, NONE)
    for side in range(16, 16 + 5 * MAX_PER_CONTACT):
        for _ in range(MAX_COMPANIONS + 1):
            assert held.accompany(MAYA, Companion(Canvas(side)))
    assert held.size == bytes_of() + MAX_COMPANIONS * MAX_PER_CONTACT * COMPANION_OVERHEAD


@pytest.mark.parametrize(("age", "held"), [(0, True), (199.9, True), (200, False), (10**9, False)])
def test_a_contact_is_held_until_its_standing_ends(shelf: Shelf, age: float, *, held: bool) -> None:
    shelf.clock.advance(age)
    assert (shelf.held.standing(MAYA) is not None) is held
    assert (shelf.held.get(MAYA, CANVAS) is not None) is held
    assert (shelf.held.size > 0) is held


def test_each_contact_has_a_life_of_its_own(shelf: Shelf) -> None:
    shelf.held.stand(LEON, NONE)
    shelf.clock.advance(60)
    assert shelf.held.standing(LEON) is None
    assert shelf.held.standing(MAYA) == PHOTO


def test_a_photo_that_was_confirmed_keeps_its_renditions_longer(shelf: Shelf) -> None:
    longer = standing_of_photo(version="one", fresh_until=T0 + 900, expires=T0 + 1000)
    shelf.held.stand(MAYA, longer)
    shelf.clock.advance(500)
    assert shelf.held.standing(MAYA) == longer
    assert shelf.held.get(MAYA, CANVAS) == picture()


@pytest.mark.parametrize("other", [standing_of_photo(version="two"), NONE])
def test_renditions_go_when_another_photo_or_none_becomes_current(
    shelf: Shelf, other: Standing
) -> None:
    shelf.held.stand(MAYA, other)
    assert shelf.held.get(MAYA, CANVAS) is None
    assert shelf.held.standing(MAYA) == other
    assert shelf.held.size == bytes_of()


@pytest.mark.parametrize("other", [standing_of_photo(version="two", expires=T0), NONE])
def test_renditions_go_even_when_what_is_said_instead_is_over(
    shelf: Shelf, other: Standing
) -> None:
    shelf.clock.advance(60)
    shelf.held.stand(MAYA, other)
    assert shelf.held.get(MAYA, CANVAS) is None
    assert shelf.held.standing(MAYA) is None


@pytest.mark.parametrize("current", [standing_of_photo(version="two"), NONE, None])
def test_a_rendition_that_comes_too_late_is_not_held(
    shelf: Shelf, current: Standing | None
) -> None:
    if current is None:
        shelf.erase(MAYA)
    else:
        shelf.held.stand(MAYA, current)
    shelf.held.add(MAYA, CANVAS, picture(), "one")
    assert shelf.held.get(MAYA, CANVAS) is None
    assert shelf.held.standing(MAYA) == current


def test_a_rendition_that_comes_after_the_end_is_not_held(shelf: Shelf) -> None:
    shelf.clock.advance(200)
    shelf.held.add(MAYA, CANVAS, picture(), "one")
    assert shelf.held.get(MAYA, CANVAS) is None
    assert shelf.held.size == 0


def test_who_is_erased_is_gone_whole_and_alone(shelf: Shelf) -> None:
    shelf.held.stand(LEON, NONE)
    for _ in range(2):
        shelf.erase(MAYA)
        assert shelf.held.standing(MAYA) is None
        assert shelf.held.get(MAYA, CANVAS) is None
    assert shelf.held.standing(LEON) == NONE
    assert shelf.held.size == bytes_of()


def test_who_varies_sizes_pushes_out_their_own_least_used_rendition(shelf: Shelf) -> None:
    shelf.held.stand(LEON, PHOTO)
    shelf.held.add(LEON, CANVAS, picture(), "one")
    for pixels in range(100, 100 + MAX_PER_CONTACT):
        shelf.held.get(MAYA, CANVAS)
        shelf.held.add(MAYA, Canvas(pixels), picture(), "one")
    kept = [pixels for pixels in range(1000) if shelf.held.get(MAYA, Canvas(pixels))]
    assert kept == [48, *range(101, 100 + MAX_PER_CONTACT)]
    assert shelf.held.get(LEON, CANVAS) is not None
    assert shelf.held.size == bytes_of(*[100] * MAX_PER_CONTACT) + bytes_of(100)


def want_again(held: Renditions, canvas: Canvas = CANVAS) -> None:
    """Once by whoever had it drawn, and once more."""
    for _ in range(2):
        assert held.get(MAYA, canvas) is not None


def test_what_somebody_wanted_again_stays_before_what_was_wanted_once(shelf: Shelf) -> None:
    want_again(shelf.held)
    for pixels in range(100, 100 + 5 * MAX_PER_CONTACT):
        shelf.clock.now += 0.5
        shelf.held.add(MAYA, Canvas(pixels), picture(), "one")
        assert shelf.held.get(MAYA, Canvas(pixels)) is not None
    assert shelf.held.get(MAYA, CANVAS) is not None


def test_whose_companion_is_in_use_stays_too(shelf: Shelf) -> None:
    companion = Companion()
    assert shelf.held.accompany(MAYA, companion)
    for pixels in range(100, 100 + 5 * MAX_PER_CONTACT):
        companion.used = shelf.clock.now
        shelf.held.add(MAYA, Canvas(pixels), picture(), "one")
    assert shelf.held.get(MAYA, CANVAS) is not None


def test_nothing_stays_for_having_been_wanted_long_ago(shelf: Shelf) -> None:
    want_again(shelf.held)
    shelf.clock.now += IN_USE
    for pixels in range(100, 100 + MAX_PER_CONTACT):
        shelf.held.add(MAYA, Canvas(pixels), picture(), "one")
    assert shelf.held.get(MAYA, CANVAS) is None


def test_of_those_wanted_again_the_one_wanted_last_stays(shelf: Shelf) -> None:
    for pixels in range(100, 99 + MAX_PER_CONTACT):
        shelf.held.add(MAYA, Canvas(pixels), picture(), "one")
    for pixels in (48, *range(100, 99 + MAX_PER_CONTACT)):
        shelf.clock.now += 1
        want_again(shelf.held, Canvas(pixels))
    shelf.held.add(MAYA, Canvas(500), picture(), "one")
    assert shelf.held.get(MAYA, CANVAS) is None
    assert shelf.held.get(MAYA, Canvas(100)) is not None


def test_a_rendition_drawn_again_is_young_again(shelf: Shelf) -> None:
    for pixels in range(100, 99 + MAX_PER_CONTACT):
        shelf.held.add(MAYA, Canvas(pixels), picture(), "one")
    shelf.held.add(MAYA, CANVAS, picture(7), "one")
    shelf.held.add(MAYA, Canvas(500), picture(), "one")
    assert shelf.held.get(MAYA, CANVAS) == picture(7)
    assert shelf.held.get(MAYA, Canvas(100)) is None


def test_the_contact_used_least_recently_goes_first() -> None:
    held = renditions(3 * bytes_of(1000), Clock())
    contacts = [ContactId.parse(f"1555000000{number}") for number in range(4)]
    for each in contacts[:3]:
        held.stand(each, PHOTO)
        held.add(each, CANVAS, picture(1000), "one")
    held.get(contacts[0], CANVAS)
    held.stand(contacts[3], PHOTO)
    held.add(contacts[3], CANVAS, picture(1000), "one")
    assert [held.standing(each) is not None for each in contacts] == [True, False, True, True]


def test_what_is_over_makes_room_before_anybody_else_goes() -> None:
    clock = Clock()
    held = renditions(bytes_of(8000) + bytes_of(500), clock)
    held.stand(MAYA, PHOTO)
    held.add(MAYA, CANVAS, picture(8000), "one")
    held.stand(LEON, NONE)
    clock.advance(60 + GRAIN)
    held.keep("drawing", picture(500))
    assert held.get(MAYA, CANVAS) is not None
    assert held.drawn("drawing") is not None


def test_a_crowd_that_is_over_goes_a_few_at_a_time() -> None:
    clock, crowd = Clock(), 1000
    held = renditions(2**30, clock)
    for number in range(crowd):
        held.stand(ContactId.parse(f"1555{number:07d}"), NONE)
    held.stand(MAYA, PHOTO)
    held.stand(LEON, NONE)
    held.stand(LEON, PHOTO)  # who was given more time stays
    clock.advance(60 + GRAIN)
    steps = [held.size / bytes_of()]
    while held.tidy():
        steps.append(held.size / bytes_of())
    assert steps[0] == crowd + 2
    assert max(before - after for before, after in itertools.pairwise(steps)) == SLICE
    assert held.size == 2 * bytes_of()
    assert not held.tidy()


def test_whoever_is_gone_leaves_no_note_of_when_they_would_have_been() -> None:
    ends: Ends[Companion] = Ends()
    things = [Companion() for _ in range(10)]
    for number, thing in enumerate(things):
        for end in (T0 + number, T0 + 100 * (number + 1), float("inf")):
            ends.note(thing, end)
    assert len(ends) == 20
    del things[5:], thing
    assert len(ends) == 10
    assert not ends.waiting(T0 - GRAIN)
    assert set(ends.due(T0 + 600, 20)) == set(things)
    assert len(ends) == 0
    assert list(ends.due(T0 + 10**9, 1)) == []
    assert not ends.waiting(T0 + 10**9)


@pytest.mark.anyio
async def test_it_is_tidied_meanwhile() -> None:
    clock = Clock()
    held = renditions(2**20, clock)
    held.stand(LEON, NONE)
    clock.advance(60 + GRAIN)
    async with tidying(held):
        await settle()
        assert held.size == 0


def test_what_is_larger_than_the_whole_cache_is_not_held_and_pushes_nobody_out() -> None:
    held = renditions(bytes_of(1000), Clock())
    held.stand(MAYA, PHOTO)
    held.keep("drawing", picture(1001))
    assert held.drawn("drawing") is None
    assert held.standing(MAYA) == PHOTO
    held.add(MAYA, CANVAS, picture(1001), "one")
    assert held.get(MAYA, CANVAS) is None
    held.stand(MAYA, PHOTO)
    held.add(MAYA, CANVAS, picture(1000), "one")
    assert held.get(MAYA, CANVAS) == picture(1000)
    assert held.size == bytes_of(1000)


def test_drawn_fallbacks_are_held_by_what_they_show_and_do_not_age(shelf: Shelf) -> None:
    shelf.held.keep(("silhouette", 48), picture(7))
    shelf.clock.advance(10**9)
    assert not shelf.held.tidy()
    assert shelf.held.drawn(("silhouette", 48)) == picture(7)
    assert shelf.held.drawn(("silhouette", 49)) is None
    assert shelf.held.size == bytes_of(7)


def test_who_varies_fallbacks_pushes_out_no_photo() -> None:
    capacity = 20 * bytes_of(1000)
    held = renditions(capacity, Clock())
    held.stand(MAYA, PHOTO)
    held.add(MAYA, CANVAS, picture(14 * bytes_of(1000)), "one")
    for number in range(100):
        held.drawn(0)
        held.keep(number, picture(1000))
        assert held.size - bytes_of(14 * bytes_of(1000)) <= capacity * DRAWN_SHARE
    assert held.get(MAYA, CANVAS) is not None
    assert [number for number in range(100) if held.drawn(number)] == [0, 96, 97, 98, 99]


def test_a_fallback_larger_than_its_share_is_not_held(shelf: Shelf) -> None:
    shelf.held.keep("drawing", picture(1000))
    shelf.held.keep("drawing", picture(2**19))
    assert shelf.held.drawn("drawing") is None
    shelf.held.keep("drawing", picture(1000))
    assert shelf.held.drawn("drawing") == picture(1000)


def test_drawings_and_contacts_are_never_taken_for_each_other(shelf: Shelf) -> None:
    assert shelf.held.drawn(MAYA) is None
    shelf.held.keep(LEON, picture())
    assert shelf.held.standing(LEON) is None
    assert shelf.held.get(LEON, CANVAS) is None


def test_the_bytes_counted_are_at_least_the_bytes_taken() -> None:
    dice = random.Random(7)  # noqa: S311 - plain numbers to try
    clock = Clock()
    held = renditions(2**30, clock)
    contacts = [ContactId.parse(f"1555{number:07d}") for number in range(2000)]
    tracemalloc.start()
    try:
        for contact in contacts:
            standing = standing_of_photo(version=f"{dice.getrandbits(48):012x}")
            held.stand(contact, standing)
            for pixels in dice.sample(range(16, 1024), dice.choice((0, 1, 1, 2, 16))):
                body = dice.randbytes(dice.randrange(3000))
                held.add(contact, Canvas(pixels), Rendition.of(body, Format.PNG), standing.version)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= held.size


CAPACITY = 3 * bytes_of(2000)
CONTACTS = [ContactId.parse(f"1555123456{number}") for number in range(5)]


def test_everything_goes_when_erasures_were_missed(shelf: Shelf) -> None:
    shelf.held.stand(LEON, NONE)
    shelf.erasures.missed = True
    assert shelf.held.standing(MAYA) is None
    assert shelf.held.standing(LEON) is None
    assert shelf.held.size == 0


def test_everything_goes_when_the_clock_is_set_back(shelf: Shelf) -> None:
    shelf.clock.advance(-0.9)
    assert shelf.held.standing(MAYA) == PHOTO
    shelf.clock.advance(-1.1)
    assert shelf.held.standing(MAYA) is None


def test_who_was_erased_may_come_back(shelf: Shelf) -> None:
    shelf.erase(MAYA)
    shelf.held.stand(MAYA, PHOTO)
    shelf.held.add(MAYA, CANVAS, picture(), "one")
    assert shelf.held.get(MAYA, CANVAS) == picture()
    shelf.erase(MAYA)
    assert shelf.held.standing(MAYA) is None


VERSIONS = ["one", "two", ""]

contacts = st.sampled_from(CONTACTS)
canvases = st.builds(Canvas, st.integers(16, 40))
sizes = st.integers(0, 3 * 2000)


class Holding(RuleBasedStateMachine):
    """Anything in any order: the bytes add up, and nobody sees another's picture."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.erasures = FakeErasures(self.clock)
        self.held = renditions(CAPACITY, self.clock, self.erasures)
        self.stood: dict[ContactId, Standing] = {}
        self.kept: dict[int, Rendition] = {}

    @rule(contact=contacts, version=st.sampled_from(VERSIONS), life=st.integers(-5, 100))
    def stand(self, contact: ContactId, version: str, life: int) -> None:
        end = self.clock() + life
        standing = Standing(end, end, Reason.NONE if not version else None, version=version)
        self.held.stand(contact, standing)
        self.stood[contact] = standing

    @rule(contact=contacts, canvas=canvases, size=sizes, version=st.sampled_from(VERSIONS[:2]))
    def add(self, contact: ContactId, canvas: Canvas, size: int, version: str) -> None:
        rendition = Rendition.of(f"{contact.value}{version}".encode().ljust(size), Format.PNG)
        self.held.add(contact, canvas, rendition, version)

    @rule(contact=contacts, canvas=canvases)
    def get(self, contact: ContactId, canvas: Canvas) -> None:
        found = self.held.get(contact, canvas)
        if found is not None:
            standing = self.held.standing(contact)
            assert standing is not None
            assert found.body.startswith(f"{contact.value}{standing.version}".encode())

    @rule(drawing=st.integers(0, 9), size=sizes)
    def keep(self, drawing: int, size: int) -> None:
        self.kept[drawing] = picture(size)
        self.held.keep(drawing, self.kept[drawing])

    @rule(drawing=st.integers(0, 9))
    def drawn(self, drawing: int) -> None:
        assert self.held.drawn(drawing) in (None, self.kept.get(drawing))

    @rule(contact=contacts)
    def drop(self, contact: ContactId) -> None:
        self.erasures.published.append((contact.value, self.clock()))
        assert self.held.standing(contact) is None
        self.stood.pop(contact, None)

    @precondition(lambda self: self.stood)
    @rule(seconds=st.sampled_from([0.5, 10, 200]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def standings_are_the_last_told_and_not_over(self) -> None:
        for contact in CONTACTS:
            standing = self.held.standing(contact)
            if standing is not None:
                assert standing == self.stood[contact]
                assert standing.expires > self.clock()

    @invariant()
    def the_bytes_add_up_and_never_exceed_the_capacity(self) -> None:
        canvases = [Canvas(pixels) for pixels in range(16, 41)]
        total = 0
        for contact in CONTACTS:
            if self.held.standing(contact) is not None:
                found = [self.held.get(contact, canvas) for canvas in canvases]
                bodies = [len(each.body) for each in found if each is not None]
                assert len(bodies) <= MAX_PER_CONTACT
                total += bytes_of(*bodies)
        for drawing in range(10):
            found_drawing = self.held.drawn(drawing)
            if found_drawing is not None:
                total += bytes_of(len(found_drawing.body))
        assert self.held.size == total <= CAPACITY


TestHolding = Holding.TestCase
TestHolding.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_what_has_to_make_room_is_told_and_how_long_it_was_held() -> None:
    clock, ages = Clock(), list[float]()
    held = Renditions(
        capacity=8 * bytes_of(1000),
        erasures=FakeErasures(clock),
        key=lambda contact: contact.value,
        clock=clock,
        pushed_out=ages.append,
    )
    for number in range(8):
        contact = ContactId.parse(f"1555000{number:04d}")
        held.stand(contact, PHOTO)
        held.add(contact, CANVAS, picture(1000), "one")
        clock.advance(10)
    assert (len(held), ages) == (8, [])
    held.keep("a silhouette", picture(1000))
    assert (len(held), ages) == (8, [80.0])
    clock.advance(200)  # what is over makes room by itself
    held.keep("another one", picture(1000))
    held.keep("a third one", picture(1000))
    assert ages == [80.0]
