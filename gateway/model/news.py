"""What somebody says has happened to a contact; not to be believed, but worth a look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.model.contact import ContactId


class Tidings(StrEnum):
    """What may have happened."""

    PICTURE = "picture"
    """The picture was changed or taken away."""

    MESSAGE = "message"
    """The contact has written."""


@dataclass(frozen=True, slots=True)
class News:
    """It may be that `what` has happened to `contact`; who tells it twice gives the same `id`."""

    contact: ContactId
    what: Tidings
    id: str
