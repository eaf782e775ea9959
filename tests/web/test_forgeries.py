"""No URL that was tampered with is answered; a part of the proof of a hundred thousand."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

from gateway.signing import Keyring
from gateway.signing.tokens import Tokens
from gateway.web import Gate
from tests.fakes import Clock, FakeAvatars
from tests.web.forgeries import ALPHABET, FORGERS, KEYS, SPOILS, forgeries, respelt
from tests.web.test_application import Edge, photo

EVERY: Final = 50
"""Of so many forgeries one is asked for as it was before, too."""


async def accepted(number: int, *, seed: int) -> Counter[str]:
    """Ask for `number` forgeries; how many of each kind were let in.

    Each gets the very refusal of all the others of its size, and nobody behind the edge is asked
    about any. What each was made from is good.
    """
    service = FakeAvatars(photo())
    edge = Edge(service, gate=Gate(Keyring(KEYS), Tokens(KEYS).unseal, clock=Clock()))
    let_in: Counter[str] = Counter()
    refusals = set()
    for count, (kind, good, forged) in enumerate(forgeries(number, seed=seed)):
        refused = await edge.ask(forged)
        if refused.status != 403 or service.asked:
            let_in[kind] += 1
            service.asked.clear()
            continue
        refusals.add((refused.status, *sorted(refused.headers.values()), refused.body))
        if count % EVERY == 0:
            assert (await edge.ask(good.url)).status == 200
            assert len(service.asked) == 1
            service.asked.clear()
    assert edge.telemetry.bugs == 0
    assert len(refusals) <= 4, "a refusal tells something but the format asked for"
    return let_in


async def test_two_thousand_forgeries_are_refused_alike_and_cost_no_look_up() -> None:
    assert await accepted(2_000, seed=1) == {}


def test_every_kind_of_forgery_differs_from_what_it_was_made_from() -> None:
    kinds = set()
    for kind, good, forged in forgeries(2_000, seed=2):
        assert forged != good.url
        kinds.add(kind)
    assert kinds == {forger.__name__ for forger in FORGERS}
    dice = random.Random(3)  # noqa: S311 - tests must be repeatable
    for spoil in SPOILS:
        for _ in range(200):
            text = "".join(dice.choices(ALPHABET, k=22))
            assert spoil(text, dice) != text
    assert respelt("A" * 22, dice) in {"A" * 21 + character for character in ALPHABET[1:16]}
