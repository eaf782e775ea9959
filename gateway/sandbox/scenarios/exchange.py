"""What a scenario is given: the question, the well-behaved answer, and the bare connection."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sandbox.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.sandbox.gallery import Gallery
    from gateway.sandbox.minting import Photo
    from gateway.sandbox.wire import Line
    from gateway.sandbox.world import World

__all__ = ["Download", "Exchange", "Question", "as_json", "fixed"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to be answered.

    A scenario answers by returning a `Reply`, or says what it likes on `line` and returns None,
    after which the connection is closed. `good` makes the answer that a fault spoils.
    """

    line: Line
    params: Mapping[str, object]
    good: Callable[[], Awaitable[Reply]]

    def number(self, name: str, default: float) -> float:
        """A parameter of the scenario as a number."""
        return float(str(self.params.get(name, default)))

    def count(self, name: str, default: int) -> int:
        """A parameter of the scenario as a whole number."""
        return int(self.number(name, default))

    def text(self, name: str, default: str) -> str:
        """A parameter of the scenario as text."""
        return str(self.params.get(name, default))


@dataclass(frozen=True, slots=True)
class Question(Exchange):
    """A request to the API about the picture of `contact` (canonical id).

    `wording` puts an id and a URL the way the route does.
    """

    world: World
    contact: str
    refresh: bool
    wording: Callable[[str, str | None], object]

    def answer(self, url: str | None, *, about: str | None = None) -> Reply:
        """The route's answer with this URL, about this contact unless another is given."""
        return as_json(200, self.wording(about or self.contact, url))


@dataclass(frozen=True, slots=True)
class Download(Exchange):
    """A request to the CDN for a photo under a good signature; `target` is its URL's path."""

    world: World
    photo: Photo
    gallery: Gallery
    target: str


def as_json(status: int, value: object, *headers: tuple[str, str]) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(value).encode(), headers=headers)


def fixed(reply: Reply) -> Callable[[Exchange], Awaitable[Reply]]:
    """The scenario that always answers this."""

    async def answer(x: Exchange) -> Reply:
        del x
        return reply

    answer.__doc__ = f"{reply.status} {reply.content_type}: {reply.body[:60].decode('latin-1')}"
    return answer
