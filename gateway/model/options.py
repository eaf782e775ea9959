"""The names that a URL's query may hold: ours, and Gravatar's for the same things."""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    "size", "dpr", "shape", "bg", "ring", "fallback", "name", "force", "refresh", "v", "exp", "sig",
)  # fmt: skip
"""Every option, under our name."""

ALIASES: Final = {
    "size": ("s",),
    "fallback": ("d", "default"),
    "force": ("f", "forcedefault"),
}
"""Other names of an option, as users of Gravatar write it."""

KNOWN: Final = frozenset(NAMES).union(*ALIASES.values())
"""Every name that means something; what has another is passed over, and not signed."""
