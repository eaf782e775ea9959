"""What `doctor` finds, line by line, and what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

ADVICE: Final = {
    "none": "The person hides the photo from you, or has none: that is their choice, and final.",
    "timeout": "The upstream hangs; the gateway asks again later, with growing pauses.",
    "disconnected": "Link the phone again in the console of the API (scan the QR code).",
    "upstream": "Check the API's address and credentials in the settings, and whether it is up.",
    "budget": "The account's quota or rate is used up; wait, or ask less.",
    "blocked": "If you trust it, add its origin to GATEWAY_CDN_ORIGINS; a private one by address.",
    "undecodable": "What the CDN sends is no JPEG, PNG, WebP or GIF that can be shown.",
    "unsupported": "Broadcasts and WhatsApp's own account have no picture.",
    "busy": "This machine is overloaded.",
}
"""What to do, by the reason of a fallback."""


class Report:
    """Lines for a person; counts the findings."""

    def __init__(self) -> None:
        self.findings = 0

    def good(self, text: str) -> None:
        """Tell what is as it should be."""
        print(f"  ok       {text}")

    def note(self, text: str) -> None:
        """Tell what is neither good nor bad."""
        print(f"  note     {text}")

    def finding(self, text: str, advice: str = "") -> None:
        """Tell what is wrong, and what to do."""
        self.findings += 1
        print(f"  finding  {text}")
        if advice:
            print(f"           {advice}")


def time_of(seconds: float) -> str:
    """Return Unix seconds as people in charge of servers read them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
