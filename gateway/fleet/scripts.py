"""What the server runs for us: Lua, one script an operation, each of them atomic."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "lua"


@dataclass(frozen=True, slots=True)
class Script:
    """Text in Lua, and the SHA-1 by which a server that has seen it knows it."""

    text: str = field(repr=False)
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False)
        object.__setattr__(self, "sha", digest.hexdigest())


def script(*names: str, flags: str = "") -> Script:
    """Read the files `names`, one after the other.

    `flags` are the server's own: ``no-writes`` runs on a replica, ``allow-oom`` on a full server;
    any other script is refused there before it has changed anything.
    """
    head = f"#!lua flags={flags}\n" if flags else "#!lua\n"
    return Script(head + "".join((_FOLDER / f"{name}.lua").read_text() for name in names))
