"""``doctor``: what is wrong with the set-up, or why a contact shows a silhouette, in plain words.

It looks at the same pieces that serve requests, asks the upstream at most once about a contact
(without bypassing its cache, within the same budget) and keeps nothing of what it learns.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.app import check
from gateway.assembly import open_gateway
from gateway.cli.report import ADVICE, Report, time_of
from gateway.cli.story import tell
from gateway.edge import bounds
from gateway.errors import AvatarUnavailable, InvalidSettings, StoreFailed
from gateway.model import ContactId
from gateway.settings import Settings, misspelt
from gateway.telemetry import configure_logging

if TYPE_CHECKING:
    from gateway.assembly import Gateway
    from gateway.sources import Source

_SHORT: Final = 16
"""Characters that a key should have at least."""


def run(contact: str) -> int:
    """Report on the set-up, or on `contact` if it is not empty; 1 if there is a finding.

    Raises `InvalidContact` or `InvalidSettings` for what cannot even be looked at.
    """
    who = ContactId.parse(contact) if contact else None
    settings = Settings.load()
    configure_logging(level="error", as_json=False)
    os.umask(0o077)  # portraits are for this user alone
    report = Report()
    _settings(settings, report)
    try:
        check(settings)
    except InvalidSettings as error:
        report.finding(str(error))
        return 1
    asyncio.run(_examine(settings, who, report))
    return 1 if report.findings else 0


def _settings(settings: Settings, report: Report) -> None:
    for name, nearest in misspelt(os.environ):
        report.finding(f"{name} is no setting", f"Did you mean {nearest}?" if nearest else "")
    _guard(settings, report)
    report.good(f"settings can be read; photos are kept in {settings.store}")


def _guard(settings: Settings, report: Report) -> None:
    """Tell who may ask; where it is served is known as far as the environment says so."""
    public = urlsplit(settings.public_url or "").hostname or "127.0.0.1"
    listens = "0.0.0.0" if os.environ.get("PORT") else "127.0.0.1"  # noqa: S104 - where `serve` would
    host = next(filter(settings.unguarded_on, (public, listens)), None)
    if host is not None:
        report.finding(
            f"served on {host} without GATEWAY_SIGNING_KEYS: anybody may ask for any number",
            "Set a long random key, and sign your URLs: docs/signing.md.",
        )
    elif not settings.signing_keys:
        report.note("URLs are not signed: let nobody but this machine reach the gateway")
    for key in settings.signing_keys:
        if len(key.get_secret_value()) < _SHORT:
            report.finding(
                f"a key of GATEWAY_SIGNING_KEYS has fewer than {_SHORT} characters",
                "It can be guessed from any URL that it signed; take a long random one.",
            )


async def _examine(settings: Settings, contact: ContactId | None, report: Report) -> None:
    until = time.monotonic() + settings.upstream_timeout
    async with open_gateway(settings) as gateway:
        await _store(gateway, report)
        for source in gateway.sources:
            await _session(source, report, until)
            await _budget(source, report)
        _sharing(gateway, settings, report)
        if contact is not None:
            print()
            await tell(gateway, contact, report, until)


async def _store(gateway: Gateway, report: Report) -> None:
    try:
        await gateway.portraits.open()
    except StoreFailed as failure:
        report.finding(str(failure), "Without it every restart asks for every photo again.")
    else:
        report.good("the store answers")


async def _session(source: Source, report: Report, until: float) -> None:
    host = source.host
    try:
        session = await source.resolver.session(until=until)
    except AvatarUnavailable as failure:
        report.finding(f"{host}: {failure}", ADVICE.get(failure.reason, ""))
        return
    report.good(f"{host} answers and takes the credentials")
    if session.works:
        report.good("the WhatsApp session works")
    else:
        report.finding(f"the WhatsApp session is {session.status}", ADVICE["disconnected"])


async def _budget(source: Source, report: Report) -> None:
    """Tell how the budget of an API stands."""
    status = await source.budget.status()
    if status.open_since is not None:
        report.finding(
            f"{source.host} has been failing since {time_of(status.open_since)}",
            "Nobody is asked but for one question each five seconds, to see whether it is back.",
        )
    elif status.paused_until is not None:
        report.finding(
            f"{source.host} wants to be left alone until {time_of(status.paused_until)}",
            ADVICE["budget"],
        )
    elif status.left is not None:
        report.good(f"the budget has room for {status.left} questions now")


def _sharing(gateway: Gateway, settings: Settings, report: Report) -> None:
    """Tell what workers and machines have in common."""
    for part, detail in gateway.telemetry.degraded.items():
        if part != "store":
            report.finding(f"{part}: {detail}")
    for what, bound in bounds(settings).items():
        report.note(f"{what}: {bound}")
