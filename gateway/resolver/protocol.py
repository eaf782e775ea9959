"""What every resolver does, whichever API is behind it; one contract suite holds them to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gateway.model import ContactId, PhotoUrl
    from gateway.resolver.sessions import Session


class Resolver(Protocol):
    """Learns where a contact's picture is, from one account of one API.

    `until` is the `time.monotonic` by which all must be over.
    """

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        """Return where the picture of `contact` is; `refresh` bypasses the API's own cache.

        Raises `NoPhoto`, `Disconnected`, `OverBudget`, `TimedOut` or `UpstreamFailed`.
        """

    async def session(self, *, until: float) -> Session:
        """Return the session's state, at most a minute old; raises like a picture query."""

    def introduce(self, *, until: float) -> None:
        """Start to learn who the instance itself is, behind everybody."""

    async def alias(self, contact: ContactId, *, until: float) -> ContactId | None:
        """Return the phone number behind a lid, or the lid of a phone number.

        None if the API knows none, or does not say so within a second. Never raises.
        """

    async def aclose(self) -> None:
        """Drop what is under way."""
