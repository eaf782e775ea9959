"""What drawn fallbacks may take of the cache, and who of them goes first."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class Allowance:
    """Room for `most` bytes of drawings; what was used least recently goes first.

    What the cache has dropped by itself is counted until its turn comes: a little too much.
    """

    def __init__(self, most: float) -> None:
        self.most = most
        self._sizes: OrderedDict[Hashable, int] = OrderedDict()
        self._taken = 0

    def use(self, drawing: Hashable) -> None:
        """Note that a drawing that is held was used."""
        self._sizes.move_to_end(drawing)

    def take(self, drawing: Hashable, size: int) -> list[Hashable]:
        """Count a drawing of `size` bytes, at most `most`; return those that must go for it."""
        going = []
        self._taken -= self._sizes.pop(drawing, 0)
        while self._sizes and self._taken + size > self.most:
            oldest, its_size = self._sizes.popitem(last=False)
            self._taken -= its_size
            going.append(oldest)
        self._taken += size
        self._sizes[drawing] = size
        return going

    def clear(self) -> None:
        """Count none."""
        self._sizes.clear()
        self._taken = 0
