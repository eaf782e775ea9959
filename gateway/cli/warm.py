"""``warm``: learn about many contacts before anybody looks, gently, and to be taken up again."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from gateway.app import check
from gateway.assembly import open_gateway
from gateway.cli.contacts import read_contacts
from gateway.cli.progress import SETTLED, Progress
from gateway.cli.remote import Remote
from gateway.errors import AvatarUnavailable, InvalidOption
from gateway.settings.kinds import rate_of
from gateway.sources import namespace_of
from gateway.telemetry import configure_logging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from rich.progress import TaskID

    from gateway.keeper import Keeper
    from gateway.model import ContactId
    from gateway.settings import Settings

    Learn = Callable[[ContactId], Awaitable[str]]

ROUNDS: Final = 3
"""How often a contact is tried whose outcome may pass."""

_PASSING: Final = frozenset({"timeout", "budget", "busy"})
_AT_ONCE: Final = 4
_REST: Final = 15.0


def run(settings: Settings, source: Path, *, url: str, rate: str, size: str) -> int:
    """Warm the contacts of `source`; 1 if some came to a failure or could not be read.

    With `url` by asking the gateway there, else by learning into the store; `rate` keeps both to
    so many a period. Raises `InvalidOption` or `InvalidSettings` before anything is asked.
    """
    pace = _pace(rate)
    if size and not url:
        raise InvalidOption("--size needs --url: pictures are made by the gateway that shows them")
    contacts = read_contacts(source)
    if not url:
        check(settings)
    configure_logging(level="error", as_json=False)
    os.umask(0o077)  # portraits are for this user alone
    purpose = f"{url}|{size}|{namespace_of(settings)}"
    with Progress(contacts.known, purpose=purpose) as progress:
        try:
            asyncio.run(_warm(settings, progress, url=url, size=size, pace=pace))
        except KeyboardInterrupt:
            print("interrupted; the same command goes on from here", file=sys.stderr)
            raise
        counts = dict(progress.counts())
    _report(counts, contacts.bad_lines)
    failed = any(outcome not in SETTLED for outcome in counts)
    return 1 if failed or contacts.bad_lines else 0


async def _warm(
    settings: Settings, progress: Progress, *, url: str, size: str, pace: float
) -> None:
    if url:
        remote = Remote(url, settings)

        async def ask(contact: ContactId) -> str:
            return await asyncio.to_thread(remote.outcome, contact, size)

        await _rounds(ask, progress, pace)
        return
    async with open_gateway(settings) as gateway:

        async def learn(contact: ContactId) -> str:
            return await _learned(gateway.keeper, contact)

        await _rounds(learn, progress, pace)


async def _learned(keeper: Keeper, contact: ContactId) -> str:
    if not contact.can_have_photo:
        return "unsupported"
    try:
        finding = await keeper.learn(contact)
    except AvatarUnavailable as failure:
        return str(failure.reason)
    return str(finding.standing.reason or "photo")


async def _rounds(learn: Learn, progress: Progress, pace: float) -> None:
    """Go through the list, and again through those whose outcome may pass."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        left = progress.left
        task = bar.add_task("warming", total=progress.total)
        for number in range(ROUNDS):
            if number:
                await asyncio.sleep(_REST)
            left = await _round(learn, left, progress, pace, lambda: _show(bar, task, progress))
            if not left:
                return


def _show(bar: Bar, task: TaskID, progress: Progress) -> None:
    counts = progress.counts()
    told = ", ".join(f"{number} {outcome}" for outcome, number in counts.most_common(4))
    bar.update(task, completed=sum(counts.values()), description=told)


async def _round(
    learn: Learn,
    contacts: list[ContactId],
    progress: Progress,
    pace: float,
    show: Callable[[], object],
) -> list[ContactId]:
    """Learn about each of `contacts`, a few at a time; return those to be tried again."""
    again: list[ContactId] = []
    queue = iter(contacts)
    next_at = time.monotonic()

    async def worker() -> None:
        nonlocal next_at
        for contact in queue:
            wait = next_at - time.monotonic()
            next_at = max(next_at, time.monotonic()) + pace
            if wait > 0:
                await asyncio.sleep(wait)
            outcome = await learn(contact)
            progress.note(contact, outcome)
            if outcome in _PASSING:
                again.append(contact)
            show()

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    return again


def _pace(rate: str) -> float:
    """Seconds between two contacts; raises `InvalidOption`."""
    if not rate:
        return 0.0
    try:
        limit, period = rate_of(rate)
    except ValueError:
        raise InvalidOption("--rate takes a rate such as 1/s, 20/m or 600/h") from None
    return period / limit


def _report(counts: dict[str, int], bad_lines: tuple[int, ...]) -> None:
    table = Table("Outcome", "Contacts")
    table.columns[1].justify = "right"
    for outcome, number in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        table.add_row(outcome, str(number))
    if bad_lines:
        table.add_row("no contact", str(len(bad_lines)))
    table.add_section()
    table.add_row("all", str(sum(counts.values()) + len(bad_lines)))
    Console().print(table)
    if bad_lines:
        shown = ", ".join(map(str, bad_lines[:10])) + (", …" if len(bad_lines) > 10 else "")  # noqa: PLR2004 - enough to find them by
        print(f"no contact in line {shown}", file=sys.stderr)
