"""How long a portrait is true: the tables of fresh, stale and over."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Reason
from gateway.model import Absence, Photo, PhotoUrl, Portrait
from gateway.portraits import Lifetimes

SINCE, CONFIRMED = 1_000.0, 10_000.0
LIFETIMES = Lifetimes(photo=100.0, none=200.0, stale=1000.0, confirm=6.0)
PHOTO = Photo(
    PhotoUrl("https://pps.whatsapp.net/v/a.jpg"), 5_000.0, SINCE, CONFIRMED, "0a1b", None, b"master"
)
CERTAIN = Absence(since=CONFIRMED, certain=True)
UNCERTAIN = Absence(since=CONFIRMED, certain=False)
SUPPRESSED = Absence(since=CONFIRMED, certain=True, suppressed=True)


@pytest.mark.parametrize(
    ("portrait", "spread", "fresh", "expires"),
    [
        (PHOTO, 0.0, 100, 1000),
        (PHOTO, 0.5, 105, 1000),
        (PHOTO, 1.0, 110, 1000),
        (CERTAIN, 0.0, 200, 1000),
        (CERTAIN, 0.5, 210, 1000),
        (CERTAIN, 1.0, 220, 1000),
        # Nobody waits longer than agreed for a confirmation.
        (UNCERTAIN, 0.0, 6, 200),
        (UNCERTAIN, 1.0, 6, 200),
        # What was ordered is not for time to undo.
        (SUPPRESSED, 0.5, math.inf, math.inf),
    ],
)
def test_ages_count_from_the_last_confirmation(
    portrait: Portrait, spread: float, fresh: float, expires: float
) -> None:
    standing = LIFETIMES.standing(portrait, spread=spread)
    assert standing.fresh_until - CONFIRMED == pytest.approx(fresh)
    assert standing.expires - CONFIRMED == pytest.approx(expires)


@pytest.mark.parametrize(
    ("lifetimes", "portrait", "fresh", "expires"),
    [
        # What is fresh is shown, however short the stale life was set.
        (Lifetimes(photo=100, none=200, stale=50, confirm=6), PHOTO, 110, 110),
        (Lifetimes(photo=100, none=200, stale=50, confirm=6), CERTAIN, 220, 220),
        (Lifetimes(photo=100, none=3, stale=50, confirm=6), UNCERTAIN, 6, 6),
    ],
)
def test_nothing_is_over_before_it_is_stale(
    lifetimes: Lifetimes, portrait: Portrait, fresh: float, expires: float
) -> None:
    standing = lifetimes.standing(portrait, spread=1.0)
    assert standing.fresh_until - CONFIRMED == pytest.approx(fresh)
    assert standing.expires - CONFIRMED == pytest.approx(expires)


def test_a_photo_stands_by_its_version_since_it_became_current() -> None:
    standing = LIFETIMES.standing(PHOTO, spread=0.0)
    assert (standing.reason, standing.since, standing.version) == (None, SINCE, PHOTO.version)
    assert not standing.settled


@pytest.mark.parametrize(
    ("portrait", "settled"), [(CERTAIN, True), (UNCERTAIN, False), (SUPPRESSED, True)]
)
def test_an_absence_is_settled_once_it_is_certain(portrait: Absence, *, settled: bool) -> None:
    standing = LIFETIMES.standing(portrait, spread=0.0)
    assert standing.reason is Reason.NONE
    assert standing.settled is settled
    assert (standing.since, standing.version) == (None, "")


lives = st.floats(min_value=0.001, max_value=1e8)


@given(
    st.builds(Lifetimes, photo=lives, none=lives, stale=lives, confirm=lives),
    st.sampled_from([PHOTO, CERTAIN, UNCERTAIN]),
    st.floats(0, 1),
)
def test_a_spread_lengthens_by_at_most_a_tenth_and_never_shortens(
    lifetimes: Lifetimes, portrait: Portrait, spread: float
) -> None:
    plain = lifetimes.standing(portrait, spread=0.0)
    spread_out = lifetimes.standing(portrait, spread=spread)
    life = plain.fresh_until - CONFIRMED
    assert plain.fresh_until <= spread_out.fresh_until <= plain.fresh_until + 0.1 * life + 1e-3
    assert spread_out.fresh_until <= spread_out.expires
