"""Who may ask: judged before the contact is read, an option is checked or anything is looked up."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from gateway.errors import Forbidden
from gateway.model import ContactId
from gateway.signing import Claim, Keyring
from gateway.web.query import Query
from gateway.web.target import Target, raw_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

# Its mark percent-encoded makes it no id of another form, but another spelling: to be refused.
_TOKEN = re.compile(r"(?:~|%7e).*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Access:
    """What a request has been let in for.

    `token` is empty unless the contact was named by one; then no answer may hold the contact's own
    id. `signed` says that the URL is one that we or a holder of the key have made, word for word,
    and `end` until when (Unix seconds).
    """

    id: str = field(repr=False)
    token: str = field(default="", repr=False)
    signed: bool = False
    end: float = math.inf

    def contact(self) -> ContactId:
        """Return whose picture is asked for; raises `InvalidContact`."""
        return ContactId.parse(self.id)

    def name_of(self, contact: ContactId) -> str:
        """Return the name of `contact` that its viewer may know."""
        return self.token or contact.value


def nobody(_token: str) -> NoReturn:
    """Open no token: without a key nobody can have made one."""
    raise Forbidden


class Gate:
    """With keys, lets in whose URL is signed or names a contact by a token; without, everybody.

    `unseal` opens a token or raises `Forbidden`, by default always; `clock` gives Unix seconds.
    """

    def __init__(
        self,
        keyring: Keyring,
        unseal: Callable[[str], ContactId] = nobody,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keyring = keyring
        self._unseal = unseal
        self._clock = clock

    @property
    def guards(self) -> bool:
        """Whether there are keys, so that URLs can show that somebody may ask."""
        return bool(self._keyring)

    def read(self, text: str) -> Access:
        """Return whom `text` names, an id or a token, for who may ask for anybody.

        Raises `Forbidden` for a token that is none of ours.
        """
        if _TOKEN.fullmatch(text):
            return Access(self._unseal(text).value, text)
        return Access(text)

    def read_signed(self, text: str) -> Access:
        """Return whom `text` names, a token or the signed URL of an avatar, for anybody.

        Raises `Forbidden`, also for the URL of a forced fallback: it shows nothing of the contact,
        and is not to be exchanged for one that does.
        """
        if _TOKEN.fullmatch(text):
            return self.read(text)
        address, _, query = text.partition("#")[0].partition("?")
        rest = address.rpartition("/avatar/")[2]
        raw = f"/avatar/{rest}".encode(errors="replace")
        scope = {
            "path": raw.decode(),
            "raw_path": raw,
            "query_string": query.encode(errors="replace"),
            "headers": [],
        }
        target = Target.of(scope)
        if not self.guards or target is None or "force" in Query.parse(query).options():
            raise Forbidden
        return self.judge(scope, target)

    def judge(self, scope: Scope, target: Target) -> Access:
        """Judge the URL as it was sent; raises `Forbidden`.

        A token needs no signature, but whoever shows one is judged by it.
        """
        token = target.text if _TOKEN.fullmatch(target.text) else ""
        signed, end = False, math.inf
        if self._keyring:
            claim = Claim.of(raw_path(scope), scope["query_string"])
            signed = claim.made or not token
            if signed:
                self._keyring.verify(claim, now=self._clock())
                end = claim.end
        contact = self._unseal(token).value if token else target.text
        return Access(contact, token, signed=signed, end=end)


OPEN: Final = Gate(Keyring(), nobody)
"""The gate of a gateway that has no keys."""
