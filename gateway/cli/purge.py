"""``purge``: drop every copy of contacts, everywhere."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from gateway.app import check
from gateway.assembly import open_gateway
from gateway.cli.remote import Remote
from gateway.errors import InvalidSettings, StoreFailed
from gateway.model import ContactId
from gateway.telemetry import configure_logging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.settings import Settings


def run(settings: Settings, contacts: Sequence[str], *, suppress: bool, url: str) -> int:
    """Erase `contacts`, by the gateway at `url` or in the store; all are read before the first.

    With `suppress` none of them is shown again until a refresh. Raises `InvalidContact` or
    `InvalidSettings`.
    """
    named = tuple(dict.fromkeys(ContactId.parse(each) for each in contacts))
    if url:
        remote = Remote(url, settings)
        for contact in named:
            remote.erase(contact, suppress=suppress)
    else:
        check(settings)
        if settings.store == "memory:":
            raise InvalidSettings("GATEWAY_STORE is memory:, which only --url can reach")
        configure_logging(level="error", as_json=False)
        os.umask(0o077)  # portraits are for this user alone
        asyncio.run(_purge(settings, named, suppress=suppress))
    done = "erased and suppressed" if suppress else "erased"
    print(f"{len(named)} {'contact' if len(named) == 1 else 'contacts'} {done}")
    return 0


async def _purge(settings: Settings, contacts: Sequence[ContactId], *, suppress: bool) -> None:
    async with open_gateway(settings) as gateway:
        order = gateway.keeper.suppress if suppress else gateway.keeper.erase
        for contact in contacts:
            try:
                await order(contact)
            except StoreFailed as failure:
                raise InvalidSettings(f"not erased: {failure}") from None
