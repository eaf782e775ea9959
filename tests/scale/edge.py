"""What a cache in front leaves to the gateway: a formula, not a simulation."""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.scale.traffic import DAY

LIFE: Final = 0.95 * 3600
"""Seconds for which a fresh photo may be kept downstream: an hour, less what spreads it."""


def reaching(views: int, contacts: int, urls: int, *, nodes: int = 1, life: float = LIFE) -> float:
    """How many of the `views` a day come through, 0-1, with `urls` pictures of each contact.

    Each of `nodes` caches has room for all, gets its part of the views of each picture at random
    times, and asks again when `life` is over: so of n views in a life one in 1 + n comes through.
    """
    popular = 1 / np.arange(1, contacts + 1)
    each = views / DAY * popular / popular.sum() / urls / nodes
    return float((each / (1 + each * life)).sum() * urls * nodes * DAY / views)
