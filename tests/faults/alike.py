"""People without a photo, each for another reason, and what a viewer sees of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

    from gateway.sandbox import Sandbox

WHY: Final = {
    "hides it": "not_found",
    "never set one": "url_null",
    "took it away": "url_empty",
    "was never asked": "url_missing",
    "is not on WhatsApp": "not_found_unknown",
    "is gone": "not_found_empty",
}
"""Why there is no photo, and a dress in which the API may say so: it tells no reasons."""

_PASSING: Final = re.compile(r"(ttl=|^max-age=(?=1[0-9]$|20$))[0-9]+$")


def number_of(why: str, count: int) -> str:
    """A number of somebody; others have others."""
    return str(15_550_000_001 + 1_000_000 * list(WHY).index(why) + 10 * count)


def cast(sandbox: Sandbox, number: int = 1) -> dict[str, list[str]]:
    """So many contacts for each reason."""
    found = {why: [number_of(why, each) for each in range(number)] for why in WHY}
    for why, numbers in found.items():
        for each in numbers:
            sandbox.set_contact(each, api=WHY[why])
    return found


def seen(response: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """What a viewer sees, but for the time of day and how long ago this was learned."""
    headers = [
        (name, _PASSING.sub(r"\1", value) if name != "date" else "")
        for name, value in response.headers.items()
    ]
    return response.status_code, headers, response.content
