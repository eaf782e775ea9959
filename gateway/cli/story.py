"""Why a contact shows what it shows, told in the order of a request."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.budget import Priority
from gateway.cli.report import ADVICE, time_of
from gateway.errors import (
    AvatarUnavailable,
    GatewayError,
    NoPhoto,
    OverBudget,
    PhotoGone,
    StoreFailed,
)
from gateway.model import Absence, Photo
from gateway.portraits import is_suppression

if TYPE_CHECKING:
    from gateway.assembly import Gateway
    from gateway.cli.report import Report
    from gateway.model import ContactId, PhotoUrl, Portrait

_SIDE: Final = 128
"""Pixels of the first picture that is made to see whether it can be."""


async def tell(gateway: Gateway, contact: ContactId, report: Report, until: float) -> None:
    """Tell all that decides what a viewer of `contact` sees, in the order of a request."""
    report.note(f"{contact.value} is a {contact.kind}")
    if not contact.can_have_photo:
        report.finding("no picture exists for such an id", ADVICE["unsupported"])
        return
    if is_suppression(await _known(gateway, contact, report)):
        return
    await _pause(gateway, contact, report)
    try:
        source = await _ask(gateway, contact, until)
        report.good(f"the API names a picture on {urlsplit(source.url).netloc}{_life(source)}")
        data = await _download(gateway, contact, source, report, until)
        report.good(f"the CDN sends {len(data) / 1024:.0f} KiB")
        _, master = await gateway.quarantine.develop(data, _SIDE, until=until)
        size = len((await master).whole) / 1024
        report.good(f"the picture can be shown (clean copy: {size:.0f} KiB)")
    except NoPhoto as none:
        sure = "certainly" if none.confirmed else "so it says, to be confirmed by one refresh"
        report.finding(f"{none}: no photo, {sure}", ADVICE["none"])
    except AvatarUnavailable as failure:
        report.finding(f"{failure} (reason: {failure.reason})", ADVICE.get(failure.reason, ""))
    except GatewayError as error:
        report.finding(str(error))


async def _pause(gateway: Gateway, contact: ContactId, report: Report) -> None:
    """Tell if the gateway leaves the contact alone for now."""
    pause = await gateway.shared.backoffs.read(_key(gateway, contact))
    if pause is not None and pause.until > time.time():
        report.note(
            f"left alone until {time_of(pause.until)} (reason: {pause.reason},"
            f" failures in a row: {pause.failures}); asked all the same, to see how it stands"
        )


async def _ask(
    gateway: Gateway, contact: ContactId, until: float, *, refresh: bool = False
) -> PhotoUrl:
    """Ask the API, within the budget that serves viewers; raises `AvatarUnavailable`."""
    try:
        async with (
            asyncio.timeout(until - time.monotonic()),
            gateway.way.turn(_key(gateway, contact), Priority.VIEWER) as turn,
        ):
            return await turn.put(contact, refresh=refresh, until=until)
    except TimeoutError:
        raise OverBudget("the budget leaves no question in time") from None


async def _download(
    gateway: Gateway, contact: ContactId, source: PhotoUrl, report: Report, until: float
) -> bytes:
    try:
        return await gateway.origin(source, until=until)
    except PhotoGone:
        report.note("that URL is dead already; asking once for a fresh one")
        fresh = await _ask(gateway, contact, until, refresh=True)
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
                f"the store has a photo, current since {time_of(portrait.since)}, confirmed"
                f" {time_of(portrait.confirmed)}: {fresh} until {time_of(standing.fresh_until)}"
            )
        case Absence(suppressed=True):
            report.finding(
                f"suppressed since {time_of(portrait.since)}: no photo is shown and none fetched",
                "Somebody ordered that; a refresh with the admin token ends it.",
            )
        case Absence():
            sure = "certain" if portrait.certain else "not yet confirmed"
            report.note(f"the store knows since {time_of(portrait.since)}: no photo ({sure})")
    return portrait


def _life(source: PhotoUrl) -> str:
    return "" if source.expires is None else f", signed until {time_of(source.expires)}"


def _key(gateway: Gateway, contact: ContactId) -> str:
    return gateway.portraits.digest(contact).hex()
