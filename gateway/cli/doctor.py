"""``doctor``: what is wrong with the set-up, or why a contact shows a silhouette, in plain words.

It looks at the same pieces that serve requests, asks the upstream at most once about a contact
(without bypassing its cache) and keeps nothing of what it learns.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.app import check
from gateway.assembly import open_gateway
from gateway.errors import (
    AvatarUnavailable,
    GatewayError,
    InvalidSettings,
    NoPhoto,
    PhotoGone,
    StoreFailed,
)
from gateway.model import Absence, ContactId, Photo
from gateway.portraits import is_suppression
from gateway.settings import Settings, misspelt
from gateway.telemetry import configure_logging

if TYPE_CHECKING:
    from gateway.assembly import Gateway
    from gateway.model import PhotoUrl, Portrait

_ADVICE: Final = {
    "none": "The person hides the photo from you, or has none: that is their choice, and final.",
    "timeout": "The upstream hangs; the gateway asks again later, with growing pauses.",
    "disconnected": "Link the phone again in the Wawp console (scan the QR code).",
    "upstream": "Check WAWP_BASE_URL, the credentials and whether the API is up.",
    "budget": "The account's quota or rate is used up; wait, or ask less.",
    "blocked": "If you trust it, add its origin to GATEWAY_CDN_ORIGINS; a private one by address.",
    "undecodable": "What the CDN sends is no JPEG, PNG, WebP or GIF that can be shown.",
    "unsupported": "Broadcasts and WhatsApp's own account have no picture.",
    "busy": "This machine is overloaded.",
}


_SHORT: Final = 16
"""Characters; whoever sees one signed URL can guess at a shorter key for as long as it takes."""

_SIDE: Final = 128
"""Pixels of the first picture that is made to see whether it can be."""


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
    names = settings.not_in_force()
    if names:
        report.finding(f"{', '.join(names)}: given, but not yet in force in this version")
    for name, nearest in misspelt(os.environ):
        report.finding(f"{name} is no setting", f"Did you mean {nearest}?" if nearest else "")
    _guard(settings, report)
    report.good(f"settings can be read; photos are kept in {settings.store}")


def _guard(settings: Settings, report: Report) -> None:
    """Tell who may ask; where it is served is known as far as the environment says so."""
    public = urlsplit(settings.public_url or "").hostname
    host = public or ("0.0.0.0" if os.environ.get("PORT") else "127.0.0.1")  # noqa: S104 - where `serve` would listen
    if settings.unguarded_on(host):
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
        await _session(gateway, settings, report, until)
        if contact is not None:
            print()
            await _story(gateway, contact, report, until)


async def _store(gateway: Gateway, report: Report) -> None:
    try:
        await gateway.portraits.open()
    except StoreFailed as failure:
        report.finding(str(failure), "Without it every restart asks for every photo again.")
    else:
        report.good("the store answers")


async def _session(gateway: Gateway, settings: Settings, report: Report, until: float) -> None:
    host = urlsplit(settings.wawp_base_url).netloc
    try:
        session = await gateway.resolver.session(until=until)
    except AvatarUnavailable as failure:
        report.finding(f"{host}: {failure}", _ADVICE.get(failure.reason, ""))
        return
    report.good(f"{host} answers and takes the credentials")
    if session.works:
        report.good("the WhatsApp session works")
    else:
        report.finding(f"the WhatsApp session is {session.status}", _ADVICE["disconnected"])


async def _story(gateway: Gateway, contact: ContactId, report: Report, until: float) -> None:
    """Tell all that decides what a viewer of `contact` sees, in the order of a request."""
    report.note(f"{contact.value} is a {contact.kind}")
    if not contact.can_have_photo:
        report.finding("no picture exists for such an id", _ADVICE["unsupported"])
        return
    if is_suppression(await _known(gateway, contact, report)):
        return
    try:
        source = await gateway.resolver(contact, refresh=False, until=until)
        report.good(f"the API names a picture on {urlsplit(source.url).netloc}{_life(source)}")
        data = await _download(gateway, contact, source, report, until)
        report.good(f"the CDN sends {len(data) / 1024:.0f} KiB")
        _, master = await gateway.quarantine.develop(data, _SIDE, until=until)
        size = len((await master).whole) / 1024
        report.good(f"the picture can be shown (clean copy: {size:.0f} KiB)")
    except NoPhoto as none:
        sure = "certainly" if none.confirmed else "so it says, to be confirmed by one refresh"
        report.finding(f"{none}: no photo, {sure}", _ADVICE["none"])
    except AvatarUnavailable as failure:
        report.finding(f"{failure} (reason: {failure.reason})", _ADVICE.get(failure.reason, ""))
    except GatewayError as error:
        report.finding(str(error))


async def _download(
    gateway: Gateway, contact: ContactId, source: PhotoUrl, report: Report, until: float
) -> bytes:
    try:
        return await gateway.origin(source, until=until)
    except PhotoGone:
        report.note("that URL is dead already; asking once for a fresh one")
        fresh = await gateway.resolver(contact, refresh=True, until=until)
        return await gateway.origin(fresh, until=until)


async def _known(gateway: Gateway, contact: ContactId, report: Report) -> Portrait | None:
    try:
        portrait = await gateway.portraits.get(contact)
    except StoreFailed:
        return None
    if portrait is None:
        report.note("the store knows nothing of this contact yet")
        return None
    standing = gateway.portraits.judge(contact, portrait)
    fresh = "fresh" if standing.fresh_until > time.time() else "stale"
    match portrait:
        case Photo():
            report.good(
                f"the store has a photo, current since {_time(portrait.since)}, confirmed"
                f" {_time(portrait.confirmed)}: {fresh} until {_time(standing.fresh_until)}"
            )
        case Absence(suppressed=True):
            report.finding(
                f"suppressed since {_time(portrait.since)}: no photo is shown and none fetched",
                "Somebody ordered that; a refresh with the admin token ends it.",
            )
        case Absence():
            sure = "certain" if portrait.certain else "not yet confirmed"
            report.note(f"the store knows since {_time(portrait.since)}: no photo ({sure})")
    return portrait


def _life(source: PhotoUrl) -> str:
    return "" if source.expires is None else f", signed until {_time(source.expires)}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
