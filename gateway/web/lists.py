"""Lists of contacts in the bodies of requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gateway.errors import Forbidden, InvalidContact
from gateway.web.bodies import TooLarge, body_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive

    from gateway.model import ContactId
    from gateway.web.access import Access

MAX_BODY: Final = 2**20
"""Most bytes of a list of contacts, from whoever may ask about anybody."""

MAX_SIGNED_BODY: Final = 2**18
"""Most bytes of a list from others; 200 signed URLs take a good half of it."""


class BadList(ValueError):
    """The body names no contacts; `status` says how that is answered."""

    def __init__(self, detail: str, *, status: int = 400) -> None:
        super().__init__(detail)
        self.status = status


async def asked(
    receive: Receive,
    read: Callable[[str], Access],
    *,
    most: int | None = None,
    size: int = MAX_BODY,
) -> dict[ContactId, Access]:
    """Read a JSON list of contacts, each as `read` takes it; raises `BadList`.

    It has `most` items, in at most `size` bytes.
    """
    try:
        found = json.loads(await body_of(receive, size))
    except TooLarge:
        raise BadList(f"At most {size} bytes are read.", status=413) from None
    except (ValueError, RecursionError):
        raise BadList("The body is no JSON.") from None
    if not isinstance(found, list):
        raise BadList("The body is no JSON list of contacts.")
    if most is not None and len(found) > most:
        raise BadList(f"At most {most} contacts can be listed at once.")
    named: dict[ContactId, Access] = {}
    for number, each in enumerate(found):
        try:
            access = read(each if isinstance(each, str) else "")
            named[access.contact()] = access
        except Forbidden as failure:
            raise BadList(f"Item {number}: {failure}.", status=403) from None
        except InvalidContact:
            raise BadList(f"Item {number} has none of the forms of a contact id.") from None
    return named
