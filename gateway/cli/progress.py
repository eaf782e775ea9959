"""How far a long command has come: shown as a bar, and kept so that it can be taken up again."""

from __future__ import annotations

import hmac
import os
import secrets
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from gateway.model import ContactId

SETTLED: Final = frozenset({"photo", "none", "unsupported"})
"""Outcomes that need not be asked for again when the command is taken up."""

_KEY_BYTES: Final = 32


class Progress:
    """The outcome of each of `contacts`, written down as it comes.

    The file lies in the user's state directory and is named by a hash of `purpose` and the list,
    under a key that lies beside it: else the numbers of a short list could be found by trial. It
    holds places in the list and outcomes, no contact, and is removed once everything is settled.
    """

    def __init__(self, contacts: Iterable[ContactId], *, purpose: str) -> None:
        self._numbers = {contact: number for number, contact in enumerate(contacts)}
        listed = "\n".join(contact.value for contact in self._numbers)
        state = _state()
        mac = hmac.digest(_key(state), f"{purpose}\n{listed}".encode(), "sha256")
        self._path = state / f"warm-{mac.hex()[:24]}"
        self._outcomes: dict[int, str] = {}
        self._file: int | None = None

    def __enter__(self) -> Self:
        with suppress(OSError, ValueError):
            for line in self._path.read_text().splitlines():
                number, _, outcome = line.partition(" ")
                if outcome in SETTLED:
                    self._outcomes[int(number)] = outcome
        with suppress(OSError):  # without a place to write, it works but cannot be taken up
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
            self._file = os.open(self._path, flags, 0o600)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.close(self._file)
        if not self.left:
            self._path.unlink(missing_ok=True)

    @property
    def left(self) -> list[ContactId]:
        """Contacts that have no settled outcome, in order."""
        return [
            contact
            for contact, number in self._numbers.items()
            if self._outcomes.get(number) not in SETTLED
        ]

    @property
    def total(self) -> int:
        """How many contacts there are."""
        return len(self._numbers)

    def counts(self) -> Counter[str]:
        """How many contacts came to which outcome, so far."""
        return Counter(self._outcomes.values())

    def note(self, contact: ContactId, outcome: str) -> None:
        """Write down what came of `contact`."""
        number = self._numbers[contact]
        self._outcomes[number] = outcome
        if self._file is not None:
            with suppress(OSError):
                os.write(self._file, f"{number} {outcome}\n".encode())


def _key(state: Path) -> bytes:
    """The key in the directory `state`, made if there is none; of no use later if it cannot be."""
    path, key = state / "key", secrets.token_bytes(_KEY_BYTES)
    with suppress(OSError):
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            found = path.read_bytes()
            if len(found) == _KEY_BYTES:
                return found
        made = state / f"key.{os.getpid()}"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key)
        made.replace(path)
    return key


def _state() -> Path:
    base = os.environ.get("XDG_STATE_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return home / "avatar-gateway"
