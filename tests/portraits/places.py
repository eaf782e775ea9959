"""A place where portraits are kept, as tests see it: from outside, and by many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import obstore

from gateway.portraits import PortraitStore, open_objects
from gateway.portraits.store import path_of
from tests.fakes import LIFETIMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from obstore.store import ObjectStore

    from gateway.model import ContactId
    from gateway.portraits.breaker import Breaker


@dataclass(frozen=True)
class Place:
    """Where portraits are kept: `reach` gives another way to the same objects each time."""

    reach: Callable[[], ObjectStore]

    @classmethod
    def in_directory(cls, folder: Path) -> Self:
        return cls(lambda: open_objects((folder / "store").as_uri()))

    def store(self, namespace: str = "wawp|https://api.wawp.net|ABC") -> PortraitStore:
        return portrait_store(self.reach(), namespace=namespace)

    def objects(self) -> dict[str, bytes]:
        """Everything that is kept, by name."""
        there = self.reach()
        names = [str(entry["path"]) for entry in obstore.list(there).collect()]
        return {name: bytes(obstore.get(there, name).bytes()) for name in names}

    def portraits(self) -> dict[str, bytes]:
        return {name: data for name, data in self.objects().items() if name.count("/") > 1}

    def overwrite(self, name: str, data: bytes) -> None:
        obstore.put(self.reach(), name, data)


def portrait_store(
    objects: ObjectStore,
    *,
    namespace: str = "n",
    timeout: float = 30.0,
    capacity: int | None = None,
    breaker: Breaker | None = None,
) -> PortraitStore:
    return PortraitStore(
        objects,
        namespace=namespace,
        lifetimes=LIFETIMES,
        timeout=timeout,
        capacity=capacity,
        breaker=breaker,
    )


def name_of(store: PortraitStore, contact: ContactId) -> str:
    """Under which name `store` keeps `contact`."""
    return path_of(store.digest(contact).hex())
