"""Conditional requests: who already holds the bytes gets none."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Reason
from gateway.model import Format, Rendition, Standing
from gateway.web.conditional import not_modified
from tests.fakes import T0, standing_of_photo

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE = Rendition.of(b"picture", Format.PNG)
TAG = PICTURE.etag
SINCE = T0 - 3600
PHOTO = standing_of_photo(since=SINCE)
FALLBACK = Standing(T0 + 60, T0 + 60, reason=Reason.NONE)


def held(*, tags: str = "", since: str = "", standing: Standing = PHOTO) -> bool:
    return not_modified(PICTURE, standing, if_none_match=tags, if_modified_since=since)


def date(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)


@pytest.fixture
def _far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time is nine hours ahead."""
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_who_says_nothing_gets_all() -> None:
    assert not held()


MATCHING = [
    TAG,
    f"W/{TAG}",
    f'"other", {TAG}',
    f'{TAG}, "other"',
    f'"a","b",W/{TAG},"c"',
    f"  {TAG}  ",
    f'"", {TAG}',
    f", ,{TAG},",
    f"nonsense, {TAG}",
    "*",
    " * ",
]


@pytest.mark.parametrize("tags", MATCHING)
@pytest.mark.parametrize("standing", [PHOTO, FALLBACK])
def test_a_known_tag_is_found_in_any_list_and_weakly(tags: str, standing: Standing) -> None:
    assert held(tags=tags, standing=standing)


OTHERS = [
    '"other"',
    'W/"other"',
    '""',
    TAG.strip('"'),
    TAG[:-1],
    TAG[1:],
    f"w/{TAG}",
    f"W/ {TAG}",
    f"W{TAG}",
    f"'{TAG[1:-1]}'",
    f'"{TAG}"',
    f'{TAG}"',
    TAG.replace('"', '"x', 1),
    f"{TAG};q=1",
    f"{TAG} {TAG}",
    TAG.upper() if TAG.upper() != TAG else '"X"',
    f'"W/{TAG[1:]}',
    '"*"',
    "W/*",
    "**",
    ",",
    '"',
    "*, *",
    "\\" + TAG,
    f'"a b{TAG[1:]}',
]


@pytest.mark.parametrize("tags", OTHERS)
def test_any_other_or_malformed_tag_gets_all(tags: str) -> None:
    assert not held(tags=tags)


@pytest.mark.parametrize(
    ("since", "fresh"),
    [
        (date(SINCE), True),
        (date(SINCE + 1), True),
        (date(T0), True),
        (date(SINCE - 1), False),
        (date(0), False),
        ("", False),
        ("yesterday", False),
        ("0", False),
        ("Sun, 32 Nov 2026 08:49:37 GMT", False),
        ("Sun, 06 Nov 2026 25:49:37 GMT", False),
        ("Sun, 06 Nov 99999999999999 08:49:37 GMT", False),
        ("Sun, 06 Nov 2026 08:49:37 +99999999999999", False),
        ("\x00", False),
        ('"', False),
    ],
)
def test_a_date_counts_for_photos(since: str, *, fresh: bool) -> None:
    assert held(since=since) is fresh


def test_the_date_that_was_sent_is_understood_when_it_comes_back() -> None:
    # Last-Modified has whole seconds; the photo became current somewhere within that second.
    standing = standing_of_photo(since=SINCE + 0.75)
    assert held(since=date(int(SINCE)), standing=standing)


@pytest.mark.parametrize("since", [date(T0), date(T0 + 1e6)])
def test_a_fallback_has_no_date_to_compare_with(since: str) -> None:
    assert not held(since=since, standing=FALLBACK)


@pytest.mark.usefixtures("_far_east")
@pytest.mark.parametrize(
    ("since", "fresh"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", True),
        ("Sunday, 06-Nov-94 08:49:37 GMT", True),
        ("Sun Nov  6 08:49:37 1994", True),
        ("Sun, 06 Nov 1994 08:49:36 GMT", False),
        ("Sunday, 06-Nov-94 08:49:36 GMT", False),
        ("Sun Nov  6 08:49:36 1994", False),
        ("Sun Nov  6 17:49:36 1994", True),
    ],
)
def test_all_three_forms_of_a_date_are_in_utc_wherever_the_machine_is(
    since: str, *, fresh: bool
) -> None:
    assert held(since=since, standing=standing_of_photo(since=784_111_777.0)) is fresh


@pytest.mark.parametrize("since", [date(T0), date(0), "nonsense"])
def test_a_tag_makes_the_date_void(since: str) -> None:
    assert held(tags=TAG, since=since)
    assert not held(tags='"other"', since=since)
    assert not held(tags="nonsense", since=since)


@given(st.text(), st.text())
def test_any_headers_at_all_get_an_answer(tags: str, since: str) -> None:
    assert held(tags=tags, since=since) in {True, False}


_words = st.sampled_from(
    ["Sun,", "Sun", "06", "6", "Nov", "1994", "94", "08:49:37", "8.49.37", "GMT", "-0000", "+0530",
     "(", '"', ":", "-", ".", "08:49", "a-b-c", "0", "9" * 20, ",", "(c)", "\\", "\x00"]
)  # fmt: skip


@given(st.lists(_words).map(" ".join))
def test_anything_like_a_date_gets_an_answer(since: str) -> None:
    assert held(since=since) in {True, False}


@given(st.lists(st.sampled_from(['"other"', 'W/"x"', "nonsense", "", '"']), max_size=5))
def test_the_place_in_the_list_does_not_matter(others: list[str]) -> None:
    for place in range(len(others) + 1):
        tags = ",".join([*others[:place], TAG, *others[place:]])
        assert held(tags=tags)
