"""The contact's id: every form a user may write, one canonical spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.errors import InvalidContact

MAX_ID_LENGTH: Final = 64
"""Longest id accepted, in characters after percent-decoding."""

# Full matches on ASCII only: ``\d`` would accept digits of every script.
_PHONE = re.compile(r"[1-9][0-9]{6,14}")
_USER = re.compile(r"([1-9][0-9]{6,14})(?:[._][0-9]{1,3})?(?::[0-9]{1,5})?")
_LID = re.compile(r"([0-9]{5,20})(?:[._][0-9]{1,3})?(?::[0-9]{1,5})?")
_GROUP = re.compile(r"[0-9]{5,24}|[0-9]{5,16}-[0-9]{9,11}")
_CHANNEL = re.compile(r"[0-9]{10,24}")
_BROADCAST = re.compile(r"status|[0-9]{1,24}")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PUNCTUATION = str.maketrans("", "", "+()-. ")

# The long spelling, the short one, and the digit between their parts: Brazil's ninth digit of
# mobile numbers (which begin with 6 to 9), Mexico's 52/521 and Argentina's 54/549.
_SPELLINGS: Final = (
    (
        re.compile(r"(55[0-9]{2})9([0-9]{8}@c\.us)"),
        re.compile(r"(55[0-9]{2})([6-9][0-9]{7}@c\.us)"),
        "9",
    ),
    (re.compile(r"(52)1([0-9]{10}@c\.us)"), re.compile(r"(52)([0-9]{10}@c\.us)"), "1"),
    (re.compile(r"(54)9([0-9]{10}@c\.us)"), re.compile(r"(54)([0-9]{10}@c\.us)"), "9"),
)

_REFUSED = "the contact id has none of the accepted forms"


class Kind(StrEnum):
    """What stands behind an id; decides the silhouette."""

    PERSON = "person"
    GROUP = "group"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class ContactId:
    """A contact in its one canonical spelling.

    `value` is ``15551234567@c.us``, ``123456789012345@lid``, ``…@g.us``, ``…@newsletter``,
    ``status@broadcast``, ``<n>@broadcast``, ``0@c.us`` or ``me``. The `repr` hides it, since a
    phone number is personal data and a repr ends in logs.
    """

    value: str
    kind: Kind

    def __repr__(self) -> str:
        return f"ContactId(<{self.kind}>)"

    @classmethod
    def parse(cls, text: str) -> ContactId:
        """Read any accepted form, percent-encoded (once) or not.

        Raises `InvalidContact`, whose text does not echo the input.
        """
        user, at, server = _decode(text).strip(" ").partition("@")
        if not at:
            return cls._of_bare(user)
        found = _BY_SERVER.get(server.lower())
        if found is None:
            raise InvalidContact(_REFUSED)
        pattern, suffix, kind = found
        if user == "0" and suffix == "c.us":
            return cls("0@c.us", Kind.PERSON)
        match = pattern.fullmatch(user)
        if match is None:
            raise InvalidContact(_REFUSED)
        # A device or an agent behind the number is the same person: only the group is kept.
        kept = match[1] if pattern.groups else match[0]
        return cls(f"{kept}@{suffix}", kind)

    @classmethod
    def _of_bare(cls, text: str) -> ContactId:
        if text == "me":
            return cls("me", Kind.PERSON)
        digits = text.translate(_PUNCTUATION).removeprefix("00")
        if _PHONE.fullmatch(digits) is None:
            raise InvalidContact(_REFUSED)
        return cls(f"{digits}@c.us", Kind.PERSON)

    @property
    def is_me(self) -> bool:
        """Whether this is the instance's own account by its name ``me``."""
        return self.value == "me"

    @property
    def is_phone(self) -> bool:
        """Whether this is a phone number that a person answers."""
        return self.value.endswith("@c.us") and self.can_have_photo

    @property
    def is_lid(self) -> bool:
        """Whether this is an anonymous id, which may stand for a phone number."""
        return self.value.endswith("@lid")

    def same_phone(self, other: ContactId) -> bool:
        """Whether both are one phone number, in any of the spellings that networks mix up.

        Brazil's ninth digit, Mexico's 52/521 and Argentina's 54/549.
        """
        return _common(self.value) == _common(other.value)

    @property
    def variant(self) -> ContactId | None:
        """The other spelling under which networks know this number; None if there is only one."""
        for long, short, prefix in _SPELLINGS:
            if match := long.fullmatch(self.value):
                return ContactId(match.expand(r"\1\2"), self.kind)
            if match := short.fullmatch(self.value):
                return ContactId(prefix.join((match[1], match[2])), self.kind)
        return None

    @property
    def can_have_photo(self) -> bool:
        """False for broadcasts and WhatsApp's own account: nobody is asked about those."""
        return self.value != "0@c.us" and not self.value.endswith("@broadcast")


_BY_SERVER: Final[dict[str, tuple[re.Pattern[str], str, Kind]]] = {
    "c.us": (_USER, "c.us", Kind.PERSON),
    "s.whatsapp.net": (_USER, "c.us", Kind.PERSON),
    "lid": (_LID, "lid", Kind.PERSON),
    "g.us": (_GROUP, "g.us", Kind.GROUP),
    "newsletter": (_CHANNEL, "newsletter", Kind.CHANNEL),
    "broadcast": (_BROADCAST, "broadcast", Kind.CHANNEL),
}


def _common(value: str) -> str:
    """One spelling for the variants of one phone number."""
    for long, _, _ in _SPELLINGS:
        match = long.fullmatch(value)
        if match is not None:
            return match[1] + match[2]
    return value


def _decode(text: str) -> str:
    """Percent-decode `text` once; whatever is not plain printable ASCII is refused."""
    if len(text) > 3 * MAX_ID_LENGTH or not text.isascii() or _ESCAPE.search(text):
        raise InvalidContact(_REFUSED)
    raw = unquote_to_bytes(text)
    if len(raw) > MAX_ID_LENGTH or any(byte < 0x20 or byte > 0x7E for byte in raw):  # noqa: PLR2004 - the printable range of ASCII
        raise InvalidContact(_REFUSED)
    return raw.decode("ascii")
