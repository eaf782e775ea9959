"""What is learned, how it dies, and how little of it is held."""

from __future__ import annotations

import gc
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from gateway.errors import Reason
from gateway.model import (
    Avatar,
    AvatarSpec,
    Format,
    Path,
    Rendition,
    Standing,
)
from gateway.renditions import MAX_COMPANIONS
from gateway.telemetry import Telemetry
from gateway.web.hot import LINGER, MAX_LASTING, MAX_LINE, TRUST, HotTable
from gateway.web.ready import OFTEN
from gateway.web.views import View
from tests.fakes import LEON, MAYA, T0, Clock, FakeErasures, renditions, standing_of_photo

if TYPE_CHECKING:
    from gateway.model import ContactId
    from gateway.web.ready import Ready

SPEC: Final = AvatarSpec(size=48)
VIEW: Final = View(MAYA, SPEC, 0)
LINE: Final = b"GET /avatar/15551234567.png?size=48 HTTP/1.1"
BODY: Final = b"the photo"
PHOTO: Final = standing_of_photo(version="one", fresh_until=T0 + 1000.5, expires=T0 + 2000)
FORCED: Final = Standing(math.inf, math.inf, reason=Reason.FORCED, settled=True)


class Room:
    """Renditions with a photo of Maya, the service above them, and a table."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.erasures = FakeErasures(self.clock)
        self.held = renditions(2**20, self.clock, self.erasures)
        self.telemetry = Telemetry(pseudonym=lambda _: "someone")
        self.asked = 0
        self.lasting: Avatar | None = None
        self.table = HotTable(self, self.held, self.telemetry, clock=self.clock)
        self.show(MAYA)

    def show(self, contact: ContactId, body: bytes = BODY) -> None:
        self.held.stand(contact, PHOTO)
        self.held.add(contact, SPEC.canvas, Rendition.of(body, Format.PNG), PHOTO.version)

    def ready(self, contact: ContactId, spec: AvatarSpec) -> Avatar | None:
        """As the service does, but for what this test is not about."""
        self.asked += 1
        if self.lasting is not None:
            return self.lasting
        standing = self.held.standing(contact)
        if standing is None or standing.fresh_until <= self.clock():
            return None
        rendition = self.held.get(contact, spec.canvas)
        return None if rendition is None else Avatar(rendition, standing, Path.HIT)

    def get(self, line: bytes = LINE) -> Ready:
        ready = self.table.get(line)
        assert ready is not None
        return ready


@pytest.fixture
def room() -> Room:
    made = Room()
    made.table.learn(LINE, VIEW)
    made.asked = 0
    return made


def test_what_is_not_held_is_not_learned() -> None:
    room = Room()
    room.table.learn(LINE, replace(VIEW, contact=LEON))
    room.table.learn(LINE, replace(VIEW, spec=AvatarSpec(size=49)))
    room.table.learn(b"G" * (MAX_LINE + 1), VIEW)
    assert len(room.table) == 0
    room.table.learn(b"G" * MAX_LINE, VIEW)
    assert len(room.table) == 1


def test_an_unknown_line_has_no_answer(room: Room) -> None:
    assert room.table.get(LINE + b" ") is None
    assert room.table.get(b"") is None


def test_a_photo_is_said_with_head_and_body(room: Room) -> None:
    ready = room.get()
    assert ready.whole() == ready.head() + BODY
    assert ready.head().startswith(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n")
    assert ready.head().endswith(b"GMT\r\n\r\n")
    tag = Rendition.of(BODY, Format.PNG).etag
    unmodified = ready.unmodified(if_none_match=tag, if_modified_since="")
    assert unmodified is not None
    assert unmodified.startswith(b"HTTP/1.1 304 Not Modified\r\ndate: ")
    assert BODY not in unmodified
    assert ready.unmodified(if_none_match='"other"', if_modified_since="") is None
    assert ready.unmodified(if_none_match="", if_modified_since="") is None


def test_who_asks_often_is_told_the_same_bytes(room: Room) -> None:
    room.clock.now += 0.1
    first = room.get().whole()
    said = [room.get().whole() for _ in range(2 * OFTEN)]
    assert set(said) == {first}
    assert said[-1] is said[-2]
    room.clock.now += 1
    assert room.get().whole() is not said[-1]


def test_the_service_is_asked_again_now_and_then_which_marks_what_is_used(room: Room) -> None:
    room.get()
    assert room.asked == 1
    for seconds, asked in ((TRUST - 0.1, 1), (TRUST, 2), (TRUST + 1, 2), (2 * TRUST, 3)):
        room.clock.now = T0 + seconds
        room.get()
        assert room.asked == asked


def test_a_life_ends_to_the_moment(room: Room) -> None:
    room.clock.now = T0 + 1000.4
    assert b"hit; ttl=0\r\n" in room.get().head()
    room.clock.now = T0 + 1000.5
    assert room.table.get(LINE) is None
    assert len(room.table) == 0


def test_a_url_ends_to_the_moment(room: Room) -> None:
    room.table.learn(LINE + b"+", replace(VIEW, end=T0 + 10))
    room.clock.now = T0 + 9.75
    assert b"cache-control: max-age=0\r\n" in room.get(LINE + b"+").head()
    room.clock.now = T0 + 10
    assert room.table.get(LINE + b"+") is None
    room.get()


def test_who_is_erased_is_gone_at_once(room: Room) -> None:
    room.get()
    room.erasures.published.append((LEON.value, T0))
    room.get()
    room.erasures.published.append((MAYA.value, T0))
    assert room.table.get(LINE) is None
    assert len(room.table) == 0


def test_when_erasures_were_missed_everything_is_gone(room: Room) -> None:
    room.get()
    room.erasures.missed = True
    assert room.table.get(LINE) is None


def test_when_the_clock_is_set_back_everything_is_gone(room: Room) -> None:
    room.get()
    room.clock.now -= 0.5
    room.get()
    room.clock.now -= 3600
    assert room.table.get(LINE) is None


def test_it_goes_with_what_is_held_of_its_contact(room: Room) -> None:
    room.get()
    body = bytes(2**18)
    for number in range(5):
        room.show(replace(LEON, value=f"4915112345{number:03}@c.us"), body)
    assert room.held.standing(MAYA) is None
    assert len(room.table) == 0
    assert room.table.get(LINE) is None


@pytest.mark.parametrize(
    "standing",
    [
        replace(PHOTO, version="two"),
        replace(PHOTO, fresh_until=T0 + 2000),
        Standing(T0 + 10, T0 + 10, reason=Reason.NONE, settled=True),
    ],
)
def test_it_goes_when_its_contact_stands_otherwise(room: Room, standing: Standing) -> None:
    room.get()
    room.held.stand(MAYA, replace(PHOTO))
    room.get()
    room.held.stand(MAYA, standing)
    assert room.table.get(LINE) is None


def test_it_goes_when_its_picture_is_drawn_anew(room: Room) -> None:
    room.get()
    other = AvatarSpec(size=49).canvas
    room.held.add(MAYA, other, Rendition.of(b"larger", Format.PNG), PHOTO.version)
    room.get()
    room.show(MAYA, b"again")
    assert room.table.get(LINE) is None


def test_nothing_waits_for_the_garbage_collector(room: Room) -> None:
    gc.disable()
    try:
        room.get().whole()
        room.held.stand(MAYA, replace(PHOTO, version="two"))
        assert len(room.table) == 0
    finally:
        gc.enable()


def spelt(number: int) -> bytes:
    return LINE.replace(b"?", b"?n=%d&" % number)


def test_whoever_varies_the_spelling_pushes_out_only_their_own(room: Room) -> None:
    room.get()
    for number in range(100):
        room.table.learn(spelt(number), VIEW)
        assert len(room.table) <= MAX_COMPANIONS
    room.get()
    assert room.table.get(spelt(99)) is not None
    assert room.table.get(spelt(0)) is None


def test_spellings_in_use_are_not_pushed_out(room: Room) -> None:
    lines = [LINE, *(spelt(number) for number in range(MAX_COMPANIONS - 1))]
    for line in lines:
        room.table.learn(line, VIEW)
        room.get(line)
    room.table.learn(spelt(99), VIEW)
    assert room.table.get(spelt(99)) is None
    for line in lines:
        room.get(line)
    room.clock.now += 61
    room.get(lines[1])
    room.table.learn(spelt(99), VIEW)
    assert room.table.get(spelt(99)) is not None
    assert room.table.get(LINE) is None
    room.get(lines[1])


def test_what_depends_on_no_contact_is_bounded_too() -> None:
    room = Room()
    room.lasting = Avatar(Rendition.of(b"a silhouette", Format.PNG), FORCED, Path.HIT)
    for number in range(2 * MAX_LASTING):
        room.table.learn(spelt(number), replace(VIEW, contact=LEON))
    assert len(room.table) == MAX_LASTING
    ready = room.get(spelt(2 * MAX_LASTING - 1))
    assert b"\r\navatar-reason: forced\r\n" in ready.head()
    assert b"\r\ncache-control: max-age=900\r\n" in ready.head()
    room.lasting = None
    room.clock.now += TRUST
    assert room.table.get(spelt(2 * MAX_LASTING - 1)) is None
    assert len(room.table) == MAX_LASTING - 1


def test_what_nobody_asks_for_now_is_not_held_as_bytes(room: Room) -> None:
    room.get()
    for seconds, asked in ((LINGER - 1, 1), (LINGER, 2), (LINGER, 3)):
        room.clock.now += seconds
        room.table.flush()
        room.get()
        assert room.asked == asked


def test_counts_are_told_once(room: Room) -> None:
    ready = room.get()
    for _ in range(3):
        ready.whole()
    ready.head()
    ready.unmodified(if_none_match="*", if_modified_since="")
    assert not room.telemetry.answers
    for told in (5, 0):
        assert room.table.flush() == told
        assert room.telemetry.answers == {(200, "photo"): 4, (304, "photo"): 1}
