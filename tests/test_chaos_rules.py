"""What is drawn and judged in chaos: the same seed is the same luck, and no fault goes unseen."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from gateway.errors import Reason
from gateway.imaging.cleaning import clean
from gateway.imaging.rendering import render
from gateway.model import Canvas, Format, Shape
from gateway.sandbox.scenarios import API, CDN
from tests.e2e.album import colour_of, picture_in
from tests.e2e.wire import Received
from tests.proof.chaos.faults import API_FAULTS, CDN_FAULTS, FAULTS_FOR_ALL
from tests.proof.chaos.judging import FORMATS, Request, any_request, fault
from tests.proof.chaos.memory import slope
from tests.proof.chaos.play import WAYS
from tests.proof.chaos.report import markdown
from tests.proof.chaos.schedule import LANES, LASTING, Kind, draw
from tests.proof.chaos.tally import Tally
from tests.proof.chaos.viewers import Viewers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proof.chaos.house import House
    from tests.proof.chaos.pressure import Pressure

ASKED = Request(7, 48, "png", "circle")


def answer(
    number: int = 7, *, size: int = 48, extension: Format = Format.PNG, reason: str = ""
) -> Received:
    """The picture of a contact as the gateway draws it; with `reason` said to be a fallback."""
    master = clean(picture_in(colour_of(number)))
    headers = {"avatar-source": "fallback" if reason else "photo"}
    headers |= {"avatar-reason": reason} if reason else {}
    return Received(200, headers, render(master, Canvas(size, extension, Shape.CIRCLE)))


def test_a_seed_is_a_schedule() -> None:
    drawn = draw(5, 300, rest=5)
    assert drawn == draw(5, 300, rest=5)
    assert drawn != draw(6, 300, rest=5)
    assert {each.kind for each in drawn} == set(Kind) == set(WAYS)
    assert all(0 <= each.at <= each.at + each.lasting <= 300 for each in drawn)


@pytest.mark.parametrize("lane", LANES)
def test_in_a_lane_one_thing_follows_the_other(lane: str) -> None:
    drawn = [each for each in draw(5, 600, rest=5) if each.lane == lane]
    assert len(drawn) > 20
    assert all(one.at + one.lasting < next_one.at for one, next_one in pairwise(drawn))
    assert {each.kind for each in drawn[: len(LANES[lane])]} == set(LANES[lane])
    for each in drawn[:-1]:
        least, most = LASTING.get(each.kind, (0.0, 0.0))
        assert least <= each.lasting <= most


def test_every_fault_is_one_that_the_sandbox_can_play() -> None:
    named = {each for each in (*API_FAULTS, *FAULTS_FOR_ALL) if not each.startswith("url:")}
    assert named <= set(API)
    assert set(CDN_FAULTS) <= set(CDN)


@pytest.mark.parametrize("extension", FORMATS)
def test_the_right_photo_is_right(extension: str) -> None:
    asked = Request(7, 48, extension, "circle")
    assert fault(asked, answer(extension=Format(extension))) is None


@pytest.mark.parametrize(
    ("received", "told"),
    [
        (answer(8), "shows {8}"),
        (answer(size=47), "47"),
        (answer(extension=Format.WEBP), "WEBP"),
        (answer(reason=Reason.NONE), "a fallback for none"),
        (answer(reason=Reason.INTERNAL), "a fallback for internal"),
        (Received(503, {}, b""), "status 503"),
        (Received(200, {}, b"no picture"), "no picture"),
        (Received(200, {}, answer().body[:100]), "no picture"),
        (Received(200, {}, answer().body), "a fallback for nothing"),
    ],
)
def test_whatever_is_wrong_is_found(received: Received, told: str) -> None:
    tally = Tally()
    tally.judge(ASKED, received, 0.1)
    [found] = tally.wrong
    assert told in found
    assert tally.errors == (received.status >= 500)


@pytest.mark.parametrize("reason", [Reason.UPSTREAM, Reason.TIMEOUT, Reason.BUSY])
def test_a_fallback_may_have_a_passing_reason(reason: Reason) -> None:
    assert fault(ASKED, answer(8, reason=reason)) is None


@pytest.mark.anyio
@pytest.mark.parametrize("kills", [False, True], ids=["alive", "killed"])
async def test_a_request_without_an_answer_is_lost_unless_its_worker_was_killed(
    *, kills: bool
) -> None:
    tally, asked = Tally(), asyncio.Event()

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if kills:
            viewers.doom([writer.get_extra_info("peername")[1]])
        writer.close()
        asked.set()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = "http://{}:{}".format(*server.sockets[0].getsockname())
    house = cast("House", SimpleNamespace(served=[SimpleNamespace(url=url)], people=1))
    viewers = Viewers(house, tally, number=1, pace=60)
    async with server, viewers.looking(1):
        await asked.wait()
    assert (len(tally.lost), tally.cut, tally.exposed) == ((0, 1, 1) if kills else (1, 0, 0))


@pytest.mark.parametrize(("share", "late"), [(0.0, 1), (0.5, 1), (0.6, 0)])
def test_nobody_is_late_on_a_machine_that_has_no_time(share: float, late: int) -> None:
    tally = Tally()
    tally.wait_in_vain(ASKED, cast("Pressure", SimpleNamespace(share=lambda: share)))
    assert (len(tally.late), len(tally.starved)) == (late, 1 - late)


def test_requests_are_of_the_people_there_are() -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    assert {any_request(chance, 3).number for _ in range(100)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("minutes", "grown"),
    [([], 0.0), ([5.0], 0.0), ([1, 2, 3, 4], 1.0), ([10, 10, 90, 10, 10], 0.0), ([9, 7, 5], -2.0)],
)
def test_a_slope_is_told_whatever_one_minute_does(minutes: Sequence[float], grown: float) -> None:
    assert slope(minutes) == grown


def test_a_report_has_a_row_for_each_part() -> None:
    found = {"seed": 5, "lost": [], "late": ["a|b"] * 30, "answers": {"photo": 9}}
    text = markdown("Proof", found)
    assert "| seed | 5 |" in text
    assert "| lost | none |" in text
    assert "a\\|b … and 10 more" in text
    assert "| answers: photo | 9 |" in text
