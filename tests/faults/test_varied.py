"""Whoever varies what is drawn gets faces, and takes from nobody what is held."""

from __future__ import annotations

import random

import pytest

from gateway.sandbox import Sandbox
from tests.faults.stage import behind, staged
from tests.proof.vary import HIDDEN, MAYA, target

pytestmark = pytest.mark.anyio


async def test_who_varies_everything_gets_faces_and_pushes_out_nobody() -> None:
    """A megabyte is held in all; fallbacks of every colour would fill it many times."""
    dice = random.Random(5)  # noqa: S311 - a test must be repeatable
    async with Sandbox() as sandbox, staged(
        behind(sandbox.base_url, GATEWAY_CACHE_SIZE="1MiB")
    ) as stage:  # fmt: skip
        other = "447700900123@c.us"
        face = (await stage.see(other, size=96)).response.content
        for number in range(200):
            size, colour = dice.randrange(16, 300), f"{dice.randrange(2**24):06x}"
            wish = f"size={size}&bg={colour}&fallback={dice.choice(('initials', 'identicon'))}"
            answer = await stage.ask(f"/avatar/{HIDDEN}.png?{wish}&name=Ada+L{number}")
            assert (answer.status_code, answer.headers["avatar-source"]) == (200, "fallback")
        again = await stage.see(other, size=96)
        assert (again.waits, again.response.content) == (False, face)


def test_the_attack_of_the_proof_never_asks_for_the_same_twice() -> None:
    dice = random.Random(5)  # noqa: S311 - as above
    wanted = [target(dice) for _ in range(5_000)]
    assert len(set(wanted)) == len(wanted)
    assert all(url.startswith((f"/avatar/{MAYA}.", f"/avatar/{HIDDEN}.")) for url in wanted)
