"""Hits: what is in memory, against caches that are known for their speed."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from tests.bench import heads, peers, servers
from tests.bench.asking import ask, require_photos
from tests.bench.rounds import Row, compare
from tests.bench.servers import Missing, Server
from tests.bench.wrk import Question, Shot, shoot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.rounds import Notes

CONTACTS: Final = 15_551_000_000
MANY: Final = 10_000
SIZES: Final = 16
"""Renditions kept of each contact; ten thousand bodies are as many sizes of 625 contacts."""

_ONE: Final = f"/avatar/{CONTACTS + 3}.png?size=96"
_EACH: Final = "/avatar/{n}.png?size={m}"


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked of servers with so many workers, over so many connections."""

    name: str
    workers: int
    connections: int
    question: Question


def measure(
    folder: Path, api: Server, pictures: Path, *, rounds: int, seconds: int, notes: Notes
) -> list[Row]:
    """All cases, one after the other; servers take turns within each."""
    with ExitStack() as stack:
        one, two = (
            _party(stack, folder / f"hits-{workers}", api, workers, notes) for workers in (1, 2)
        )
        etag = asyncio.run(_warm(one, MANY))
        asyncio.run(_warm(two, 0))
        others = [*_quiet(stack, folder, api), *_thumbor(stack, folder, pictures, notes)]
        rows: list[Row] = []
        for case in _cases(etag):
            party = one if case.workers == 1 else two
            shots = {server.name: partial(_shot, server, case, seconds) for server in party}
            if case.name == "200" and (case.workers, case.connections) == (1, 32):
                shots |= {
                    server.name: partial(_shot, server, own, seconds)
                    for server, own in ((each, _own(each, case)) for each in others)
                }
            title = f"{case.name}, {case.workers} worker{'s' * (case.workers > 1)}"
            rows += compare(f"{title}, {case.connections} connections", shots, rounds=rounds)
        return rows


def _cases(etag: str) -> list[Case]:
    one = Question(_ONE)
    many = Question(_EACH, CONTACTS, MANY, SIZES)
    fresh = Question(_ONE, validator=etag)
    return [
        Case("200", 1, 32, one),
        Case("200", 1, 256, one),
        Case("304", 1, 32, fresh),
        Case("HEAD", 1, 32, Question(_ONE, method="HEAD")),
        Case("200 of 10,000 bodies", 1, 32, many),
        Case("200", 2, 32, one),
        Case("200", 2, 256, one),
    ]


def _party(stack: ExitStack, folder: Path, api: Server, workers: int, notes: Notes) -> list[Server]:
    """Nginx first, to which all others are compared; it and Varnish keep what ours answers."""
    ours = stack.enter_context(
        servers.gateway(folder, api, workers=workers, GATEWAY_CACHE_SIZE="256MiB")
    )
    party = [stack.enter_context(servers.caching_nginx(folder, ours, workers=workers)), ours]
    if workers == 1:
        try:
            party.append(stack.enter_context(servers.varnish(folder, ours)))
        except Missing as missing:
            notes.missing("Varnish", missing)
    return party


def _quiet(stack: ExitStack, folder: Path, api: Server) -> list[Server]:
    """Ours without its hot path."""
    ours = servers.gateway(
        folder / "ordinary",
        api,
        name="avatar-gateway, GATEWAY_HOT_PATH=off",
        GATEWAY_HOT_PATH="off",
    )
    return [stack.enter_context(ours)]


def _thumbor(stack: ExitStack, folder: Path, pictures: Path, notes: Notes) -> list[Server]:
    try:
        return [stack.enter_context(peers.thumbor(folder, root=pictures, results=True))]
    except Missing as missing:
        notes.missing("thumbor", missing)
        return []


def _own(server: Server, case: Case) -> Case:
    """The same picture under the name that the server has for it."""
    if server.name != "thumbor":
        return case
    return Case(
        case.name, 1, case.connections, Question("/unsafe/96x96/filters:format(png)/00003.jpg")
    )


def _shot(server: Server, case: Case, seconds: int) -> Shot:
    by = heads.shoot if case.question.method == "HEAD" else shoot
    return by(server.url, server.pid, case.question, connections=case.connections, seconds=seconds)


async def _warm(party: list[Server], many: int) -> str:
    """Ask everybody for everything once; return the validator of the one picture."""
    targets = [
        _EACH.format(n=CONTACTS + number // SIZES, m=32 + 2 * (number % SIZES))
        for number in range(many)
    ]
    etag = ""
    for server in party:
        # Each worker has a memory of its own, and connections are spread over both.
        replies = await ask(server.url, [_ONE] * 64 + targets, at_once=8)
        require_photos(replies)
        etag = replies[0].field("etag")
    return etag
