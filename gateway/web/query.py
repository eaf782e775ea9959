"""The query string as values: strict under our names, forgiving under Gravatar's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from gateway.errors import InvalidOption
from gateway.model import (
    ALIASES,
    DPRS,
    KNOWN,
    MAX_NAME_LENGTH,
    MAX_SIZE,
    MIN_SIZE,
    NAMES,
    AvatarSpec,
    Colour,
    Fallback,
    Format,
    Shape,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]*)?")
_COLOUR = re.compile(r"[0-9A-Fa-f]{6}")
_FALLBACKS: Final = {"mp": Fallback.SILHOUETTE, "mm": Fallback.SILHOUETTE} | {
    str(fallback): fallback for fallback in Fallback
}
_DPRS: Final = {f"{dpr:g}": dpr for dpr in DPRS}


_NO_WISHES: Final = frozenset(("refresh", "exp", "sig"))
"""Parameters on which nothing depends that is drawn."""

DEFAULT_SIZE: Final = 128

MAX_SHARED: Final = 512
"""Wishes that are remembered: a site asks for all its faces in the same few ways."""

MAX_LENGTH: Final = 256
"""Characters of the values that are remembered with them."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where the query says nothing."""

    size: int = DEFAULT_SIZE
    shape: Shape = Shape.SQUARE
    fallback: Fallback = Fallback.SILHOUETTE


@dataclass(frozen=True, slots=True)
class Query:
    """The known parameters: the first value of each, and whether one was given twice."""

    values: Mapping[str, str]
    repeated: str = ""

    @classmethod
    def parse(cls, query: str) -> Query:
        """Split and decode `query`; unknown names are passed over."""
        values: dict[str, str] = {}
        repeated = ""
        for pair in query.split("&"):
            name, _, value = pair.partition("=")
            name = unquote_plus(name)
            if name not in KNOWN:
                continue
            if name in values:
                repeated = repeated or name
            else:
                values[name] = unquote_plus(value)
        return cls(values, repeated)

    @property
    def refresh(self) -> bool:
        """Whether the API's own cache is to be bypassed, by whoever may ask for that."""
        return self.values.get("refresh") == "true"

    def options(self) -> dict[str, str]:
        """The values given, under our own names."""
        named = {name: self._alias(name) for name in ALIASES}
        own = {name: self.values[name] for name in NAMES if name in self.values}
        return own | {name: value for name, value in named.items() if value}

    def spec(self, fmt: Format, defaults: Defaults) -> AvatarSpec:
        """Check every option; raises `InvalidOption`, naming the option and what it takes.

        Who wants the same as others have wanted shares what that became.
        """
        wishes = tuple(pair for pair in self.values.items() if pair[0] not in _NO_WISHES)
        if self.repeated or sum(len(value) for _, value in wishes) > MAX_LENGTH:
            return self._checked(fmt, defaults)
        return _shared(wishes, fmt, defaults)

    def _checked(self, fmt: Format, defaults: Defaults) -> AvatarSpec:
        if self.repeated:
            raise InvalidOption(f"{self.repeated} is given twice")
        dpr = self._dpr()
        return AvatarSpec(
            size=self._size(defaults.size, dpr),
            dpr=dpr,
            format=fmt,
            shape=self._shape(defaults.shape),
            bg=self._colour("bg"),
            ring=self._colour("ring"),
            fallback=self._fallback(defaults.fallback),
            name=self._name(),
            forced=self._forced(),
            version=self.values.get("v", ""),
        )

    def refused(self, fmt: Format) -> AvatarSpec:
        """What is drawn with a refusal: a silhouette of the size asked for, as far as it is one."""
        size = _number(self.values.get("size", self.values.get("s", "")))
        empty = _FALLBACKS.get(self._alias("fallback")) is Fallback.NOT_FOUND
        return AvatarSpec(
            size=DEFAULT_SIZE if size is None else max(MIN_SIZE, size),
            format=fmt,
            fallback=Fallback.NOT_FOUND if empty else Fallback.SILHOUETTE,
        )

    def _alias(self, name: str) -> str:
        """The value under `name`, else under the first of its aliases that is given."""
        given = (self.values[each] for each in (name, *ALIASES[name]) if each in self.values)
        return next(given, "")

    def _size(self, default: int, dpr: float) -> int:
        text = self.values.get("size")
        if text is not None:
            if not (text.isascii() and text.isdigit() and len(text) <= 4):  # noqa: PLR2004 - digits of 1024
                raise InvalidOption(f"size takes a whole number from {MIN_SIZE} to {MAX_SIZE}")
            size = int(text)
            if not MIN_SIZE <= size <= MAX_SIZE:
                raise InvalidOption(f"size takes a whole number from {MIN_SIZE} to {MAX_SIZE}")
        else:
            alias = _number(self.values.get("s", ""))
            size = default if alias is None else alias
            size = max(MIN_SIZE, min(size, int(MAX_SIZE / dpr)))
        if size * dpr > MAX_SIZE:
            raise InvalidOption(f"size times dpr is at most {MAX_SIZE}")
        return size

    def _dpr(self) -> float:
        text = self.values.get("dpr", "1")
        if text not in _DPRS:
            raise InvalidOption(f"dpr takes {', '.join(_DPRS)}")
        return _DPRS[text]

    def _shape(self, default: Shape) -> Shape:
        text = self.values.get("shape", default)
        if text not in set(Shape):
            raise InvalidOption(f"shape takes {', '.join(Shape)}")
        return Shape(text)

    def _colour(self, name: str) -> Colour | None:
        text = self.values.get(name)
        if text is None:
            return None
        if _COLOUR.fullmatch(text) is None:
            raise InvalidOption(f"{name} takes six hexadecimal digits")
        return Colour(*bytes.fromhex(text))

    def _fallback(self, default: Fallback) -> Fallback:
        text = self.values.get("fallback")
        if text is not None:
            if text not in _FALLBACKS:
                raise InvalidOption(f"fallback takes {', '.join(Fallback)}")
            return _FALLBACKS[text]
        alias = self._alias("fallback")
        return _FALLBACKS.get(alias, Fallback.SILHOUETTE) if alias else default

    def _name(self) -> str:
        name = self.values.get("name", "")
        if len(name) > MAX_NAME_LENGTH:
            raise InvalidOption(f"name takes up to {MAX_NAME_LENGTH} characters")
        if not name.isascii():
            try:
                name.encode()
            except UnicodeEncodeError:  # of a command line in no UTF-8
                raise InvalidOption("name takes text in UTF-8") from None
        return name

    def _forced(self) -> bool:
        text = self.values.get("force")
        if text is not None and text != "y":
            raise InvalidOption("force takes y")
        return self._alias("force") == "y"


@lru_cache(MAX_SHARED)
def _shared(wishes: tuple[tuple[str, str], ...], fmt: Format, defaults: Defaults) -> AvatarSpec:
    return Query(dict(wishes))._checked(fmt, defaults)  # noqa: SLF001 - of the same module


def _number(text: str) -> int | None:
    """The whole part of a number of any length, within 0 and `MAX_SIZE`; None if it is none."""
    return int(min(max(float(text), 0), MAX_SIZE)) if _NUMBER.fullmatch(text) else None
