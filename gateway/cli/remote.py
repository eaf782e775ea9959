"""A gateway that runs somewhere, asked over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gateway.errors import InvalidSettings
from gateway.signing import sign

if TYPE_CHECKING:
    from gateway.model import ContactId
    from gateway.settings import Settings

_PATIENCE: Final = 60.0


class Remote:
    """The gateway at `base`, which must take this machine's keys and token."""

    def __init__(self, base: str, settings: Settings) -> None:
        self._base = base.rstrip("/")
        token, keys = settings.admin_token, settings.signing_keys
        self._token = None if token is None else token.get_secret_value()
        self._key = keys[0].get_secret_value() if keys else ""

    def outcome(self, contact: ContactId, size: str) -> str:
        """Have a picture of `contact` made; return ``photo`` or the reason of the fallback.

        Raises `InvalidSettings` if the gateway cannot be reached or lets nobody in.
        """
        query = f"?size={size}" if size else ""
        url = f"{self._base}/avatar/{quote(contact.value, safe='@')}.png{query}"
        status, headers, _ = self._ask("GET", sign(url, self._key) if self._key else url)
        source = headers.get("avatar-source", "")
        if not source:
            raise InvalidSettings(f"--url: what answers there is no gateway (status {status})")
        reason = headers.get("avatar-reason", "")
        if reason == "forbidden":
            raise InvalidSettings("--url: the gateway wants signed URLs: set GATEWAY_SIGNING_KEYS")
        return reason or source

    def erase(self, contact: ContactId, *, suppress: bool) -> None:
        """Have every copy dropped; raises `InvalidSettings` if that is refused."""
        if self._token is None:
            raise InvalidSettings("--url needs GATEWAY_ADMIN_TOKEN, as the gateway has it")
        query = "?suppress=true" if suppress else ""
        url = f"{self._base}/avatar/{quote(contact.value, safe='@')}{query}"
        status, _, body = self._ask("DELETE", url)
        if status != 204:  # noqa: PLR2004 - the answer to an order that is done
            raise InvalidSettings(f"--url: the gateway answered {status}{_detail(body)}")

    def _ask(self, method: str, url: str) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(url, method=method)  # noqa: S310 - the base is an http(s) URL
        if self._token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - as above
                return answer.status, _lower(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _lower(error.headers), error.read()
        except (OSError, ValueError):
            raise InvalidSettings("--url: the gateway cannot be reached") from None


def _lower(headers: object) -> dict[str, str]:
    items = headers.items() if hasattr(headers, "items") else ()
    return {name.lower(): value for name, value in items}


def _detail(body: bytes) -> str:
    try:
        return f": {json.loads(body)['detail']}"
    except (ValueError, KeyError, TypeError):
        return ""
