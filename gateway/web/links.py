"""URLs of avatars, as documents give them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, urlencode

from gateway.model import DPRS, MAX_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import AvatarSpec

_DENSITIES: Final = tuple(dpr for dpr in DPRS if dpr == int(dpr))


class Sign(Protocol):
    """Signs the URL of an avatar."""

    def __call__(self, url: str, *, expires: float | None = None) -> str:
        """Return `url`, signed, good until `expires` (Unix seconds)."""


@dataclass(frozen=True, slots=True)
class Links:
    """URLs below `base`, or paths if that is empty; signed by `sign`, if there is one.

    Signed ones are good until `end`, in Unix seconds. A token is as good as a signature.
    """

    base: str
    sign: Sign | None = None
    end: float = math.inf

    def until(self, end: float) -> Links:
        """Return the same, but for what ends then."""
        return replace(self, end=end)

    def picture(self, name: str, options: Mapping[str, str]) -> str:
        """Return the URL of the picture of whom `name` names in a path."""
        query = urlencode(options, quote_via=quote)
        url = f"{self.base}/avatar/{quote(name, safe='@~')}.png" + (f"?{query}" if query else "")
        if self.sign is None or (name.startswith("~") and math.isinf(self.end)):
            return url
        return self.sign(url, expires=None if math.isinf(self.end) else self.end)

    def srcset(self, name: str, options: Mapping[str, str], spec: AvatarSpec) -> str:
        """Return the same for screens of each density that the size leaves room for."""
        fitting = [dpr for dpr in _DENSITIES if spec.size * dpr <= MAX_SIZE]
        return ", ".join(f"{self.picture(name, _at(options, dpr))} {dpr:g}x" for dpr in fitting)


def _at(options: Mapping[str, str], dpr: float) -> dict[str, str]:
    rest = {name: value for name, value in options.items() if name != "dpr"}
    return rest if dpr == 1 else {**rest, "dpr": f"{dpr:g}"}
