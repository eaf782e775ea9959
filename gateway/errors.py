"""Everything that can go wrong, as one tree.

::

    GatewayError
    ├── InvalidRequest            what the viewer sent cannot be understood → 400
    │   ├── InvalidContact
    │   ├── InvalidOption
    │   └── Forbidden             no valid signature or token → 403, judged before all else
    ├── TooSoon                   the contact was refreshed a moment ago → 429
    ├── InvalidSettings           what the operator set cannot be used → no start
    ├── StoreFailed               the portrait store is broken or slow → a miss
    ├── SharingFailed             what a machine's workers share is broken or slow → on alone
    ├── FleetFailed               Valkey is broken or slow → on as on one machine
    └── AvatarUnavailable         no photo can be shown now → a fallback, 200
        ├── NoPhoto               hidden, never set, not on WhatsApp
        ├── NoSuchPhoto           no picture can exist for such an id
        ├── FallbackForced        the viewer asked for the fallback
        ├── TimedOut              the deadline passed, or something hung
        ├── Disconnected          the instance is not linked to a phone
        ├── UpstreamFailed        an error, or an answer nobody can read
        │   ├── Unreachable       no connection, or none that lasted
        │   ├── ServerError       5xx: a fault of its own
        │   ├── Refused           it does not take our credentials
        │   └── PhotoGone         the CDN no longer serves this URL
        ├── OverBudget            asked too often, or nothing left to ask with
        ├── Blocked               the picture's URL is not one we may fetch
        ├── Undecodable           what came is no picture we take
        │   └── Rejected          it is one, and will be refused whenever it comes
        └── Busy                  our own queue is full

Only `AvatarUnavailable` becomes a silhouette with status 200. Any exception outside this tree
is a bug: logged, counted and answered with 500.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Reason(StrEnum):
    """Why a viewer sees a fallback; the public values of ``Avatar-Reason``."""

    NONE = "none"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    UPSTREAM = "upstream"
    BUDGET = "budget"
    BLOCKED = "blocked"
    UNDECODABLE = "undecodable"
    UNSUPPORTED = "unsupported"
    FORCED = "forced"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    BUSY = "busy"
    INTERNAL = "internal"


class GatewayError(Exception):
    """The root of the tree: whatever the gateway itself raises on purpose."""


class InvalidRequest(GatewayError):
    """The request cannot be understood; the text is safe to show and echoes nothing."""

    reason: ClassVar[Reason] = Reason.INVALID


class InvalidContact(InvalidRequest):
    """The contact id has none of the accepted forms."""


class InvalidOption(InvalidRequest):
    """A query parameter is out of range, malformed or given twice."""


class Forbidden(InvalidRequest):
    """The URL needs a valid signature or token; one text, whatever was wrong with it."""

    reason = Reason.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("the signature or token is missing, wrong or expired")


class TooSoon(GatewayError):
    """The contact was refreshed a moment ago; it may be again in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__("the contact was refreshed less than a minute ago")
        self.seconds = seconds


class InvalidSettings(GatewayError):
    """A setting is missing or wrong; the text is one line naming the setting."""


class StoreFailed(GatewayError):
    """The portrait store is down, slow, full or forbidden; a viewer never notices."""


class SharingFailed(GatewayError):
    """What the workers of one machine share is broken, slow or forbidden; each goes on alone."""


class FleetFailed(GatewayError):
    """Valkey is down, slow, full or forbidden; each machine goes on alone."""


class AvatarUnavailable(GatewayError):
    """No photo can be shown now.

    The text is for the operator's log and for ``doctor``: it never holds a token, a signed URL,
    a contact or text of the upstream.
    """

    reason: ClassVar[Reason]


class NoPhoto(AvatarUnavailable):
    """Hidden, never set or not on WhatsApp: nobody can tell which.

    `confirmed` says that the answer needs no second question: it named the contact, or it
    answered a refresh.
    """

    reason = Reason.NONE

    def __init__(self, detail: str, *, confirmed: bool) -> None:
        super().__init__(detail)
        self.confirmed = confirmed


class NoSuchPhoto(AvatarUnavailable):
    """No picture exists for such an id: a broadcast list or WhatsApp's own account."""

    reason = Reason.UNSUPPORTED


class FallbackForced(AvatarUnavailable):
    """The viewer asked for the fallback."""

    reason = Reason.FORCED


class TimedOut(AvatarUnavailable):
    """The deadline passed, or the upstream hung."""

    reason = Reason.TIMEOUT


class Disconnected(AvatarUnavailable):
    """The WhatsApp instance is not linked to a phone."""

    reason = Reason.DISCONNECTED


class UpstreamFailed(AvatarUnavailable):
    """The upstream answered with an error, not at all, or unreadably."""

    reason = Reason.UPSTREAM


class Unreachable(UpstreamFailed):
    """No connection to the upstream, or one that did not last until the answer."""


class ServerError(UpstreamFailed):
    """The upstream answered with a fault of its own (5xx).

    `passing` says that the same question may fare better in a moment (502, 503, 504).
    """

    def __init__(self, detail: str, *, passing: bool) -> None:
        super().__init__(detail)
        self.passing = passing


class Refused(UpstreamFailed):
    """The upstream does not take our credentials: only the operator can mend that."""


class PhotoGone(UpstreamFailed):
    """The CDN no longer serves this URL; a freshly signed one may work."""


class OverBudget(AvatarUnavailable):
    """Our rate, the account's quota or the upstream's patience is used up.

    `retry_after` is how many seconds the upstream wants to be left alone, if it said so.
    """

    reason = Reason.BUDGET

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Blocked(AvatarUnavailable):
    """The picture's URL, address or redirect is not one we may fetch."""

    reason = Reason.BLOCKED


class Undecodable(AvatarUnavailable):
    """What came is no picture that we take."""

    reason = Reason.UNDECODABLE


class Rejected(Undecodable):
    """A picture that claims too much, or that failed in the quarantine: it will not get better."""


class Busy(AvatarUnavailable):
    """Our own queue is full."""

    reason = Reason.BUSY
