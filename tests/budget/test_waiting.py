"""Who waits, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import Priority
from gateway.budget.waiting import WaitingList

VIEWER, RENEWAL, WARMING = Priority


def listed(*places: tuple[str, Priority]) -> WaitingList[str]:
    """A list of waiters who bear their keys' names."""
    waiting = WaitingList[str]()
    for key, priority in places:
        waiting.add(key, priority, key)
    return waiting


def drained(waiting: WaitingList[str]) -> str:
    return "".join(waiting.pop() for _ in range(len(waiting)))


def test_viewers_come_before_renewals_and_those_before_warming() -> None:
    waiting = listed(("w", WARMING), ("r", RENEWAL), ("v", VIEWER))
    assert drained(waiting) == "vrw"


def test_the_newest_viewer_comes_first_and_all_others_in_their_order() -> None:
    viewers = [(key, VIEWER) for key in "abc"]
    renewals = [(key, RENEWAL) for key in "def"]
    warmed = [(key, WARMING) for key in "ghi"]
    assert drained(listed(*viewers, *renewals, *warmed)) == "cbadefghi"


def test_an_empty_list_has_nobody_to_give() -> None:
    waiting = listed()
    assert waiting.first() is None
    with pytest.raises(IndexError):
        waiting.pop()


def test_a_contact_stands_once_and_all_who_wait_for_it_in_its_place() -> None:
    waiting = WaitingList[int]()
    waiting.add("a", RENEWAL, 1)
    waiting.add("a", RENEWAL, 2)
    assert len(waiting) == 1
    assert [waiting.pop(), waiting.pop()] == [1, 2]
    assert len(waiting) == 0


def test_a_viewer_raises_a_contact_that_waits() -> None:
    waiting = listed(("a", WARMING), ("b", RENEWAL), ("c", VIEWER))
    waiting.hurry("a", VIEWER)
    assert drained(waiting) == "acb"


def test_a_viewer_who_comes_again_is_the_newest() -> None:
    waiting = listed(("a", VIEWER), ("b", VIEWER))
    waiting.hurry("a", VIEWER)
    assert drained(waiting) == "ab"


def test_nobody_is_lowered_and_a_renewal_keeps_its_place() -> None:
    waiting = listed(("a", RENEWAL), ("b", RENEWAL), ("c", VIEWER))
    waiting.hurry("a", RENEWAL)
    waiting.hurry("c", WARMING)
    waiting.hurry("unknown", VIEWER)
    assert drained(waiting) == "cab"


def test_whoever_leaves_is_not_served_and_leaves_the_others() -> None:
    waiting = WaitingList[int]()
    waiting.add("a", VIEWER, 1)
    waiting.add("a", VIEWER, 2)
    waiting.add("b", VIEWER, 3)
    waiting.discard("a", 1)
    waiting.discard("b", 3)
    waiting.discard("b", 3)
    assert len(waiting) == 1
    assert waiting.pop() == 2


@pytest.mark.parametrize(
    ("places", "falls"),
    [
        ([("a", VIEWER), ("b", RENEWAL), ("c", WARMING), ("d", WARMING)], "c"),
        ([("a", VIEWER), ("b", RENEWAL), ("c", RENEWAL)], "b"),
        ([("a", VIEWER), ("b", VIEWER)], "a"),
        ([("a", VIEWER), ("b", VIEWER), ("c", WARMING)], "c"),
    ],
)
def test_the_oldest_of_the_lowest_priority_falls_out(
    places: list[tuple[str, Priority]], falls: str
) -> None:
    waiting = listed(*places)
    assert list(waiting.drop_last()) == [falls]
    assert falls not in drained(waiting)


def test_how_many_come_before_is_counted_as_far_as_asked() -> None:
    waiting = listed(*((key, VIEWER) for key in "abcde"), ("r", RENEWAL))
    assert [waiting.ahead(key, most=10) for key in "edcbar"] == [0, 1, 2, 3, 4, 5]
    assert waiting.ahead("a", most=2) == 2
    assert waiting.ahead("a new viewer", most=10) == 0


def test_all_who_waited_are_told_when_it_is_emptied() -> None:
    waiting = listed(("a", VIEWER), ("b", WARMING))
    assert sorted(waiting.clear()) == ["a", "b"]
    assert len(waiting) == 0
    assert waiting.first() is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "hurry", "discard", "pop", "drop"]),
            st.sampled_from("abcdef"),
            st.sampled_from(Priority),
        )
    )
)
def test_nobody_is_lost_or_served_twice(events: list[tuple[str, str, Priority]]) -> None:
    waiting, inside, number = WaitingList[tuple[str, int]](), set[tuple[str, int]](), 0
    for event, key, priority in events:
        if event == "add":
            number += 1
            waiting.add(key, priority, (key, number))
            inside.add((key, number))
        elif event == "hurry":
            waiting.hurry(key, priority)
        elif event == "discard":
            found = next((waiter for waiter in inside if waiter[0] == key), (key, 0))
            waiting.discard(key, found)
            inside.discard(found)
        elif inside:
            gone = {waiting.pop()} if event == "pop" else set(waiting.drop_last())
            assert gone <= inside
            inside -= gone
        assert len(waiting) == len({key for key, _ in inside})
        assert (waiting.first() is None) == (not inside)
    assert set(waiting.clear()) == inside
