"""Two names of one person: asked for once, remembered, and never waited for long."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from gateway.model import ContactId
from gateway.resolver.aliases import ALIAS_LIFE, ALIAS_REST, AT_ONCE, MOST, Aliases
from tests.fakes import MAYA, Clock, FakeApi
from tests.resolver.engines import URL, Engine, EvolutionEngine, WahaEngine, WawpEngine

NUMBER = ContactId.parse("12025550143")
LID = ContactId.parse("123456789012345@lid")
GROUP = ContactId.parse("123456@g.us")
PLACES = {"wawp": "/v2/lids/", "waha": "/api/my office/lids/"}


@pytest.fixture(params=[WawpEngine(), WahaEngine()], ids=lambda engine: engine.name)
def api_kind(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def knowing(api_kind: Engine, answer: httpx.Response | Exception) -> FakeApi:
    place = PLACES[api_kind.name]
    return api_kind.api().on(f"{place}{LID.value}", answer).on(f"{place}pn/12025550143", answer)


@pytest.mark.parametrize(
    "pair",
    [
        {"lid": LID.value, "number": "12025550143"},
        {"lid": LID.value, "pn": "12025550143@c.us"},
        {"lid": LID.value, "number": "12025550143@s.whatsapp.net", "pn": None},
    ],
)
async def test_both_names_lead_to_each_other(api_kind: Engine, pair: dict[str, object]) -> None:
    api, clock = knowing(api_kind, httpx.Response(200, json=pair)), Clock()
    async with api_kind.asking(api, clock) as resolver:
        for _ in range(3):
            assert await resolver.alias(LID, until=soon()) == NUMBER
            assert await resolver.alias(NUMBER, until=soon()) == LID
            clock.advance(ALIAS_LIFE / 3 - 1)
        assert len(api.requests) == 2
        clock.advance(10)
        assert await resolver.alias(LID, until=soon()) == NUMBER
    assert len(api.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json=None),
        httpx.Response(200, json={"lid": None, "number": None}),
        httpx.Response(200, json={"lid": 5, "number": 5, "pn": ["x"]}),
        httpx.Response(200, json={"lid": NUMBER.value, "number": LID.value}),
        httpx.Response(200, json={"lid": "nobody", "number": "nobody", "pn": "0@c.us"}),
        httpx.Response(200, json=[]),
        httpx.Response(404),
    ],
)
async def test_that_there_is_no_other_name_is_remembered_for_a_day(
    api_kind: Engine, answer: httpx.Response
) -> None:
    api, clock = knowing(api_kind, answer), Clock()
    async with api_kind.asking(api, clock) as resolver:
        for contact in (LID, NUMBER, LID, NUMBER):
            assert await resolver.alias(contact, until=soon()) is None
            clock.advance(ALIAS_REST)
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(500), httpx.Response(422), httpx.Response(429), httpx.ConnectError("x")],
)
async def test_what_could_not_be_learned_is_asked_for_again_after_a_minute(
    api_kind: Engine, answer: httpx.Response | Exception
) -> None:
    api, clock = knowing(api_kind, answer), Clock()
    async with api_kind.asking(api, clock) as resolver:
        for _ in range(3):
            assert await resolver.alias(LID, until=soon()) is None
        assert len(api.requests) == 1
        clock.advance(ALIAS_REST)
        assert await resolver.alias(LID, until=soon()) is None
    assert len(api.requests) == 2


async def test_an_answer_that_names_the_number_behind_a_lid_spares_the_question(
    api_kind: Engine,
) -> None:
    api = api_kind.api().on(api_kind.picture, api_kind.photo(URL, NUMBER.value))
    async with api_kind.asking(api) as resolver:
        await resolver(LID, refresh=False, until=soon())
        assert await resolver.alias(LID, until=soon()) == NUMBER
    assert len(api.requests) == 1


@pytest.mark.parametrize("contact", [GROUP, ContactId.parse("me"), ContactId.parse("0@c.us")])
async def test_only_people_have_two_names(api_kind: Engine, contact: ContactId) -> None:
    api = api_kind.api()
    async with api_kind.asking(api) as resolver:
        assert await resolver.alias(contact, until=soon()) is None
    assert api.requests == []


async def test_evolution_knows_none() -> None:
    api = EvolutionEngine().api()
    async with EvolutionEngine().asking(api) as resolver:
        assert await resolver.alias(LID, until=soon()) is None
    assert api.requests == []


class Slow:
    """Looks up once `gate` opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[ContactId] = []

    async def __call__(self, contact: ContactId, until: float) -> ContactId | None:
        del until
        self.asked.append(contact)
        await self.gate.wait()
        return NUMBER


async def test_nobody_waits_beyond_their_time_and_what_comes_later_is_kept() -> None:
    slow = Slow()
    aliases = Aliases(slow, clock=Clock())
    assert await aliases(LID, until=soon(0.02)) is None
    slow.gate.set()
    assert await aliases(LID, until=soon()) == NUMBER
    assert await aliases(LID, until=soon(-1)) == NUMBER
    assert slow.asked == [LID]
    await aliases.aclose()


async def test_only_a_few_questions_are_under_way_at_a_time() -> None:
    slow = Slow()
    aliases = Aliases(slow, clock=Clock())
    lids = [ContactId.parse(f"{number:05}@lid") for number in range(10)]
    assert await asyncio.gather(*(aliases(each, until=soon(0.02)) for each in lids)) == [None] * 10
    assert len(slow.asked) == AT_ONCE
    await aliases.aclose()


async def test_only_so_many_are_remembered() -> None:
    slow = Slow()
    slow.gate.set()
    aliases = Aliases(slow, clock=Clock())
    lids = [ContactId.parse(f"{number:06}@lid") for number in range(MOST + 1)]
    for each in [*lids, lids[-1], lids[0]]:
        await aliases(each, until=soon())
    assert len(slow.asked) == MOST + 2


async def test_a_clock_that_is_set_back_keeps_nothing_for_ever() -> None:
    slow, clock = Slow(), Clock()
    slow.gate.set()
    aliases = Aliases(slow, clock=clock)
    await aliases(MAYA, until=soon())
    clock.advance(-ALIAS_LIFE)
    await aliases(MAYA, until=soon())
    assert len(slow.asked) == 2
