"""Who waits for a query, and in which order they get one."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Priority(IntEnum):
    """What a query is for; the lower comes first."""

    VIEWER = 0
    """Somebody looks at the fallback."""

    RENEWAL = 1
    """A photo is confirmed, or that there is none, behind an answer."""

    WARMING = 2
    """Nobody has asked yet."""


@dataclass(slots=True, eq=False)
class Place(Generic[T]):
    """A contact's one place, and those who wait in it."""

    key: str
    priority: Priority
    waiters: deque[T] = field(default_factory=deque)


class WaitingList(Generic[T]):
    """Places by contact: viewers before all others, the newest first, the rest in their order.

    A contact stands once, under the best priority that anybody asked for.
    """

    def __init__(self) -> None:
        self._places: dict[str, Place[T]] = {}
        self._orders: tuple[OrderedDict[str, Place[T]], ...] = tuple(
            OrderedDict() for _ in Priority
        )

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def add(self, key: str, priority: Priority, waiter: T) -> None:
        """Wait for `key`, in its place if it has one."""
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = self._orders[priority][key] = Place(key, priority)
        place.waiters.append(waiter)
        self.hurry(key, priority)

    def hurry(self, key: str, priority: Priority) -> None:
        """Let `key` come sooner, if it waits; a viewer who comes makes it the newest."""
        place = self._places.get(key)
        if place is None or priority > place.priority:
            return
        if priority < place.priority:
            del self._orders[place.priority][key]
            place.priority = priority
            self._orders[priority][key] = place
        if priority is Priority.VIEWER:
            self._orders[priority].move_to_end(key)

    def first(self) -> Place[T] | None:
        """Whose turn is next."""
        return next(self._in_order(), None)

    def pop(self) -> T:
        """Take who waits first out of the list; `IndexError` if nobody does."""
        place = self.first()
        if place is None:
            raise IndexError
        waiter = place.waiters.popleft()
        if not place.waiters:
            self._remove(place)
        return waiter

    def discard(self, key: str, waiter: T) -> None:
        """Let `waiter` leave, if it waits."""
        place = self._places.get(key)
        if place is not None and waiter in place.waiters:
            place.waiters.remove(waiter)
            if not place.waiters:
                self._remove(place)

    def drop_last(self) -> deque[T]:
        """Take the oldest of the lowest priority out, and return who waited in it."""
        order = next(order for order in reversed(self._orders) if order)
        place = next(iter(order.values()))
        self._remove(place)
        return place.waiters

    def ahead(self, key: str, *, most: int) -> int:
        """How many places come before `key`'s, or before a new viewer's; counted up to `most`."""
        if key not in self._places:
            return 0
        for number, place in enumerate(islice(self._in_order(), most)):
            if place.key == key:
                return number
        return most

    def clear(self) -> list[T]:
        """Empty the list, and return all who waited."""
        waiters = [waiter for place in self._places.values() for waiter in place.waiters]
        self._places.clear()
        for order in self._orders:
            order.clear()
        return waiters

    def _in_order(self) -> Iterator[Place[T]]:
        viewers, *others = self._orders
        yield from reversed(viewers.values())
        for order in others:
            yield from order.values()

    def _remove(self, place: Place[T]) -> None:
        del self._places[place.key]
        del self._orders[place.priority][place.key]
