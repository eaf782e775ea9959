"""Stand-ins for what is slow, far away or moves by itself: clocks, upstreams, artists, servers.

Each fake counts what it was asked. Those that can be waited for have a `gate`: close it, pile up
callers, open it, count.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

import httpx
import structlog
from obstore.store import MemoryStore

from gateway.archive import Archive
from gateway.avatars import Avatars
from gateway.budget import Backoffs, Budget, MemoryBackoffs, MemoryLedger
from gateway.confirmations import Confirmations
from gateway.documents import Document, Documents
from gateway.drawings import Drawings
from gateway.errors import StoreFailed
from gateway.inquiry import Inquiry
from gateway.keeper import Keeper
from gateway.leases import Lease
from gateway.listener import Listener
from gateway.lookout import MAX_VIEWERS, Lookout
from gateway.model import (
    Absence,
    AvatarSpec,
    ContactId,
    Fallback,
    Master,
    PhotoUrl,
    Portrait,
    Rendition,
    Sample,
    Sighting,
    Standing,
)
from gateway.newcomers import Newcomers
from gateway.outbound import AddressGuard, Dialer, Names, Outbound, Transport, tls_context
from gateway.outbound.address import Endpoint
from gateway.pauses import Pauses
from gateway.portraits import Lifetimes, PortraitStore, is_suppression, record
from gateway.queries import Queries
from gateway.question import Question
from gateway.refreshes import Refreshes
from gateway.renditions import Renditions
from gateway.runs import Runs
from gateway.steps import Steps
from gateway.telemetry import Telemetry
from gateway.telemetry.stopwatch import IDLE
from gateway.verdicts import Verdicts

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

    from gateway.archive import Masters
    from gateway.budget import Rate
    from gateway.model import Avatar, Canvas, Kind
    from gateway.telemetry.stopwatch import Laps

T0: Final = 1_790_000_000.0
"""The present, in Unix seconds, as far as the tests know."""

DAY: Final = 86_400.0
MAYA: Final = ContactId.parse("15551234567")
LEON: Final = ContactId.parse("4915112345678")

LIFETIMES: Final = Lifetimes(photo=25 * 3600.0, none=25 * 3600.0, stale=2 * DAY, confirm=60.0)


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing goes but by itself."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def settle() -> None:
    """Let everything on the loop that can go on go on."""
    for _ in range(100):
        await asyncio.sleep(0)


class Clock:
    """Unix seconds that stand still until they are moved."""

    def __init__(self, now: float = T0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def signed(path: str = "/v/maya.jpg", *, oe: float = T0 + 7 * DAY, oh: str = "01_a") -> PhotoUrl:
    """A picture's URL as the CDN signs it."""
    return PhotoUrl(f"https://pps.whatsapp.net{path}?ccb=11-4&oh={oh}&oe={int(oe):08X}")


class _Scripted:
    """Gives answers from a list, the last one for ever; every call waits at `gate`."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()

    async def _pass(self) -> None:
        self.entered.set()
        await self.gate.wait()


class FakeResolver(_Scripted):
    """Learns where pictures are from a list."""

    def __init__(self, *answers: PhotoUrl | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[tuple[ContactId, bool]] = []
        self.aliases: dict[ContactId, ContactId] = {}
        self.aliases_asked: list[ContactId] = []

    async def alias(self, contact: ContactId, *, until: float) -> ContactId | None:
        del until
        self.aliases_asked.append(contact)
        return self.aliases.get(contact)

    @property
    def refreshes(self) -> list[bool]:
        return [refresh for _, refresh in self.asked]

    async def __call__(self, contact: ContactId, *, refresh: bool, until: float) -> PhotoUrl:
        del until
        self.asked.append((contact, refresh))
        await self._pass()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeOrigin(_Scripted):
    """Serves pictures from a list; the picture is named after its path unless told otherwise."""

    def __init__(self, *answers: bytes | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.fetched: list[PhotoUrl] = []

    async def __call__(self, source: PhotoUrl, *, until: float) -> bytes:
        del until
        self.fetched.append(source)
        await self._pass()
        if not self.answers:
            return httpx.URL(source.url).path.encode()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


Plan: TypeAlias = "tuple[Kind | None, Fallback, Canvas, bytes]"


def sample_of(data: bytes, side: int = 128) -> Sample:
    """The first picture of `data`: as many pixels as it claims, and `data` to be read in them."""
    return Sample(side, "RGB", data.ljust(3 * side**2, b"\0"))


class FakeQuarantine(_Scripted):
    """Develops in words; `dirt` is raised for the sample, `rot` for the master, `small` its copy.

    Samples wait at `gate`, masters at `darkroom`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.developed: list[tuple[bytes, int]] = []
        self.dirt: Exception | None = None
        self.rot: Exception | None = None
        self.darkroom = asyncio.Event()
        self.darkroom.set()
        self.masters: list[asyncio.Task[Master]] = []
        self.small = b""

    async def develop(
        self, data: bytes, side: int, *, until: float
    ) -> tuple[Sample, asyncio.Task[Master]]:
        del until
        self.developed.append((data, side))
        await self._pass()
        if self.dirt is not None:
            raise self.dirt
        self.masters.append(asyncio.create_task(self._master(data)))
        return sample_of(data, side), self.masters[-1]

    async def _master(self, data: bytes) -> Master:
        await self.darkroom.wait()
        if self.rot is not None:
            raise self.rot
        return Master(b"master of " + data, self.small)


class FakeArtist(_Scripted):
    """Draws what it says in words; `failure` is raised for photos, `refusal` for fallbacks.

    From a sample it draws what it would from the master, and notes that in `sampled`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rendered: list[Canvas] = []
        self.sampled: list[Canvas] = []
        self.drawn: list[Plan] = []
        self.failure: Exception | None = None
        self.refusal: Exception | None = None
        self.drawing = asyncio.Event()
        self.drawing.set()

    async def photo(self, original: bytes, canvas: Canvas) -> Rendition:
        self.rendered.append(canvas)
        await self._pass()
        if self.failure is not None:
            raise self.failure
        return Rendition.of(b"photo|" + original + f"|{canvas.pixels}".encode(), canvas.format)

    async def sample(self, sample: Sample, canvas: Canvas) -> Rendition:
        assert sample.side == canvas.pixels
        self.sampled.append(canvas)
        return await self.photo(b"master of " + sample.pixels.rstrip(b"\0"), canvas)

    def plan(self, kind: Kind, spec: AvatarSpec, seed: bytes) -> Plan:
        if spec.fallback is Fallback.IDENTICON:
            return (None, spec.fallback, spec.canvas, seed)
        return (kind, spec.fallback, spec.canvas, b"")

    async def draw(self, plan: Plan) -> Rendition:
        self.drawn.append(plan)
        await self.drawing.wait()
        if self.refusal is not None:
            raise self.refusal
        return Rendition.of(f"drawn|{plan[0]}|{plan[1]}".encode(), plan[2].format)

    def blank(self, canvas: Canvas) -> Rendition:
        return Rendition.of(b"blank", canvas.format)

    def colour(self, sample: Sample | None, seed: bytes) -> str:
        return "#" + (seed.hex()[:6] if sample is None else sample.pixels[:3].hex())


class FakePortraits(PortraitStore):
    """Portraits in a dictionary, encoded as the real store does; reads and writes have gates."""

    def __init__(self, lifetimes: Lifetimes = LIFETIMES) -> None:
        super().__init__(MemoryStore(), namespace="fake", lifetimes=lifetimes, timeout=1.0)
        self.kept: dict[str, bytes] = {}
        self.offered: list[Portrait] = []
        self.reads = 0
        self.failing = False
        self.reading = asyncio.Event()
        self.reading.set()
        self.writing = asyncio.Event()
        self.writing.set()

    def judge(self, contact: ContactId, portrait: Sighting | Absence) -> Standing:
        del contact
        return self.lifetimes.standing(portrait, spread=0.0)

    async def get(self, contact: ContactId) -> Portrait | None:
        self.reads += 1
        self._fail()
        data = self.kept.get(contact.value)
        await self.reading.wait()  # a slow read brings what was there when it began
        return None if data is None else record.decode(data, self.digest(contact).hex())

    async def put(self, contact: ContactId, portrait: Portrait) -> bool:
        self.offered.append(portrait)
        await self.writing.wait()
        self._fail()
        data, key = self.kept.get(contact.value, b""), self.digest(contact).hex()
        if is_suppression(record.decode(data, key)):
            return False
        self.kept[contact.value] = record.encode(portrait, key)
        return True

    async def delete(self, contact: ContactId) -> None:
        await self.erase(self.digest(contact).hex())

    async def erase(self, key: str) -> None:
        self._fail()
        for name in [each for each, data in self.kept.items() if _is_of(data, key)]:
            del self.kept[name]

    async def suppress(self, contact: ContactId, *, since: float) -> None:
        self._fail()
        portrait = Absence(since, certain=True, suppressed=True)
        self.kept[contact.value] = record.encode(portrait, self.digest(contact).hex())

    async def unsuppress(self, contact: ContactId) -> None:
        del self.kept[contact.value]

    def _fail(self) -> None:
        if self.failing:
            raise StoreFailed("the portrait store failed (Fake)")


class FakeErasures:
    """Erasures of one machine, in memory: every worker hears all that came since its last look."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.clock = clock or Clock()
        self.published: list[tuple[str, float]] = []
        self.missed = False
        self._read = 0

    def beside(self) -> FakeErasures:
        """The same erasures, as another worker hears them."""
        other = FakeErasures(self.clock)
        other.published = self.published
        other._read = len(self.published)
        return other

    async def publish(self, key: str) -> None:
        self.published.append((key, self.clock()))

    def since(self) -> Sequence[str]:
        news = [key for key, _ in self.published[self._read :]]
        self._read = len(self.published)
        return news

    def lost(self) -> bool:
        missed, self.missed = self.missed, False
        return missed

    def erased_after(self, key: str, when: float) -> bool:
        return any(each == key and at >= when for each, at in self.published)


class FakeMasters:
    """Records in a dictionary, as Valkey keeps them."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.asked = 0

    async def get(self, key: str) -> bytes | None:
        self.asked += 1
        return self.records.get(key)

    async def put(self, key: str, record: bytes, ttl: float) -> bool:
        assert ttl > 0
        self.records[key] = record
        return True

    async def delete(self, key: str) -> None:
        self.records.pop(key, None)


class FakeLeases:
    """Leases in memory; `held` counts how often each key was."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def lease(self, key: str, *, patience: float) -> AsyncIterator[Lease]:
        lock = self._locks.setdefault(key, asyncio.Lock())
        waited = lock.locked()
        async with asyncio.timeout(patience):
            await lock.acquire()
        self.held[key] += 1
        try:
            yield Lease(held=True, waited=waited)
        finally:
            lock.release()


@dataclass
class Machine:
    """What the workers of one machine share, in memory; `rate` is of the budget."""

    clock: Clock = field(default_factory=Clock)
    rate: Rate | None = None

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(self.rate, clock=self.clock, ticks=self.clock)
        self.backoffs = MemoryBackoffs()
        self.leases = FakeLeases()
        self.erasures = FakeErasures(self.clock)


def renditions(capacity: int, clock: Clock, erasures: FakeErasures | None = None) -> Renditions:
    """An empty cache, whose contacts' keys are their ids."""
    return Renditions(
        capacity=capacity,
        erasures=erasures or FakeErasures(clock),
        key=lambda contact: contact.value,
        clock=clock,
    )


def _is_of(data: bytes, key: str) -> bool:
    """Whether it is of whom `key` names, and may be erased."""
    header = record.peek(data)
    return header is not None and header.contact == key and header.confirmed is not None


class House:
    """The whole service over fakes; a clock that only the test moves, and no jitter.

    A real `store` takes the place of the fake `portraits`. Houses on one `machine` are its workers.
    `hourly` is what the upstream bears for newcomers, `capacity` how many bytes a cache holds.
    """

    def __init__(  # noqa: PLR0913 - one parameter a part that a test may choose
        self,
        resolver: FakeResolver,
        origin: FakeOrigin | None = None,
        *,
        portraits: FakePortraits | None = None,
        store: PortraitStore | None = None,
        clock: Clock | None = None,
        machine: Machine | None = None,
        masters: Masters | None = None,
        deadline: float = 30.0,
        timeout: float = 15.0,
        confirm: float = LIFETIMES.confirm,
        hourly: float | None = None,
        capacity: int = 2**24,
    ) -> None:
        self.resolver = resolver
        self.origin = origin or FakeOrigin()
        self.portraits = portraits or FakePortraits(replace(LIFETIMES, confirm=confirm))
        self.machine = machine or Machine(clock or Clock())
        self.clock = self.machine.clock
        self.artist = FakeArtist()
        self.quarantine = FakeQuarantine()
        self.erasures = self.machine.erasures.beside()
        self.telemetry = Telemetry(pseudonym=lambda _: "someone")
        self.again = asyncio.Event()
        self.archive = Archive(
            store or self.portraits,
            self.erasures,
            masters=masters,
            telemetry=self.telemetry,
            clock=self.clock,
            wait=self._wait,
        )
        self.renditions = Renditions(
            capacity=capacity, erasures=self.erasures, key=self.archive.key, clock=self.clock
        )
        own = Backoffs(first=60.0, clock=self.clock, jitter=lambda: 0.0)
        self.pauses = Pauses(own, self.machine.backoffs, key=self.archive.key)
        self.confirmations = Confirmations()
        verdicts = Verdicts(
            self.archive,
            self.pauses,
            confirm=self.confirmations,
            publish=self.renditions.stand,
            telemetry=self.telemetry,
            clock=self.clock,
        )
        self.budget = Budget(self.machine.ledger, young=deadline, rate=self.machine.rate)
        steps = Steps(
            self.archive,
            leases=self.machine.leases,
            pauses=self.pauses,
            way=Queries(self.resolver, self.budget, self.telemetry),
            question=Question(
                self.origin, self.quarantine.develop, alias=self.resolver.alias, clock=self.clock
            ),
            verdicts=verdicts,
            telemetry=self.telemetry,
            timeout=timeout,
        )
        runs = Runs(
            self.archive, self.budget, steps=steps, verdicts=verdicts, telemetry=self.telemetry
        )
        self.newcomers = Newcomers(
            hourly, refused=self.telemetry.newcomer_refused, ticks=self.clock
        )
        self.inquiry = Inquiry(
            self.archive,
            runs,
            pauses=self.pauses,
            verdicts=verdicts,
            confirmations=self.confirmations,
            newcomers=self.newcomers,
            patience=deadline,
            clock=self.clock,
        )
        self.drawings: Drawings[Plan] = Drawings(
            self.renditions, self.artist, seed=self.portraits.digest
        )
        self.avatars = self.door(deadline=deadline)
        lookout = Lookout(self.inquiry, deadline=deadline, clock=self.clock)
        self.documents: Documents[Plan] = Documents(self.inquiry, lookout, self.drawings)
        refreshes = Refreshes(self.machine.backoffs, self.machine.leases, clock=self.clock)
        self.keeper = Keeper(self.archive, self.inquiry, refreshes, patience=deadline)
        self.waits: list[float] = []
        self.time_passes = asyncio.Event()
        self.listener = Listener(
            self.archive,
            self.inquiry,
            pauses=self.pauses,
            refreshes=refreshes,
            alias=self.resolver.alias,
            telemetry=self.telemetry,
            clock=self.clock,
            wait=self._let_pass,
        )

    def door(self, *, deadline: float = 30.0, viewers: int = MAX_VIEWERS) -> Avatars[Plan]:
        """A door for so many viewers at a time, who wait for `deadline` seconds."""
        lookout = Lookout(self.inquiry, deadline=deadline, viewers=viewers, clock=self.clock)
        return Avatars(self.renditions, self.inquiry, lookout, self.drawings, clock=self.clock)

    async def see(self, spec: AvatarSpec | None = None, contact: ContactId = MAYA) -> Avatar:
        """View an avatar, and let what goes on behind the viewer go on."""
        avatar = await self.avatars.get(contact, spec or AvatarSpec())
        await settle()
        return avatar

    async def aclose(self) -> None:
        await self.listener.aclose()
        await self.drawings.aclose()
        await self.inquiry.aclose()
        await self.archive.aclose()
        await self.budget.__aexit__(None, None, None)

    async def _let_pass(self, seconds: float) -> None:
        """Stand for the time that news waits: it passes when the test says so."""
        self.waits.append(seconds)
        await self.time_passes.wait()
        self.time_passes.clear()

    async def _wait(self, _seconds: float) -> None:
        """Stand for the time until the store is tried again: it passes when the test says so."""
        await self.again.wait()
        self.again.clear()


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[House]:
    """Use `house`, and close it."""
    try:
        yield house
    finally:
        await house.aclose()


def standing_of_photo(**changes: float | str) -> Standing:
    """A fresh photo's standing, but for `changes`."""
    since = float(changes.get("since", T0 - 3600))
    return Standing(
        fresh_until=float(changes.get("fresh_until", T0 + DAY)),
        expires=float(changes.get("expires", T0 + 2 * DAY)),
        since=since,
        version=str(changes.get("version", "0123456789ab")),
    )


class FakeAvatars:
    """The service for the edge: one avatar, or one bug, for everybody."""

    def __init__(self, avatar: Avatar | Exception) -> None:
        self.avatar = avatar
        self.asked: list[tuple[ContactId, AvatarSpec]] = []
        self.stood_in: list[AvatarSpec] = []
        self.refreshed_for: list[ContactId] = []
        self.networks: list[str | None] = []

    async def refreshed(self, contact: ContactId, spec: AvatarSpec) -> Avatar:
        self.refreshed_for.append(contact)
        return await self.get(contact, spec)

    async def get(
        self,
        contact: ContactId,
        spec: AvatarSpec,
        *,
        network: str | None = None,
        watch: Laps = IDLE,
    ) -> Avatar:
        self.networks.append(network)
        with watch.lap("cache"):
            self.asked.append((contact, spec))
        if isinstance(self.avatar, Exception):
            raise self.avatar
        return self.avatar

    async def stand_in(self, kind: Kind, spec: AvatarSpec) -> Rendition:
        self.stood_in.append(spec)
        return Rendition.of(f"silhouette of a {kind}".encode(), spec.format)


class FakeDocuments:
    """Documents for the edge: of a photo, of those whom `strangers` does not name."""

    def __init__(self) -> None:
        self.asked: list[ContactId] = []
        self.networks: list[str | None] = []
        self.strangers: set[ContactId] = set()
        self.fault: Exception | None = None
        self.standing = standing_of_photo()

    async def of(
        self, contact: ContactId, spec: AvatarSpec, *, network: str | None = None
    ) -> Document:
        del spec
        self.asked.append(contact)
        self.networks.append(network)
        if self.fault is not None:
            raise self.fault
        fetched = T0 - 60 if self.standing.reason is None else None
        return Document(contact, self.standing, "#a1b2c3", fetched)

    async def known(self, contacts: Sequence[ContactId]) -> list[Document]:
        return [
            await self.of(each, AvatarSpec()) for each in contacts if each not in self.strangers
        ]


class FakeKeeper:
    """Notes orders; `failure` is raised for each of them."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, ContactId]] = []
        self.failure: Exception | None = None

    async def erase(self, contact: ContactId) -> None:
        self._order("erase", contact)

    async def suppress(self, contact: ContactId) -> None:
        self._order("suppress", contact)

    async def permit(self, contact: ContactId) -> None:
        self._order("permit", contact)

    async def refresh(self, contact: ContactId) -> None:
        self._order("refresh", contact)

    def warm(self, contacts: Sequence[ContactId]) -> int:
        for contact in contacts:
            self._order("warm", contact)
        return len(contacts)

    def _order(self, what: str, contact: ContactId) -> None:
        self.orders.append((what, contact))
        if self.failure is not None:
            raise self.failure


Talk: TypeAlias = "Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]"


class WireServer:
    """A real server on 127.0.0.1: reads a request's head, then `talk` answers as it likes."""

    def __init__(self, port: int, heads: list[bytes], closed: asyncio.Event) -> None:
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self.heads = heads
        self.closed = closed
        self.accepted = 0
        self.open = 0

    async def deserted(self) -> None:
        """Wait until no client is connected."""
        async with asyncio.timeout(20):
            while self.open:  # noqa: ASYNC110 - a socket has no event
                await asyncio.sleep(0.001)


@asynccontextmanager
async def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[WireServer]:
    """Serve; `closed` is set when a client has hung up on `talk` or after it."""
    heads: list[bytes] = []
    closed = asyncio.Event()
    conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # RuntimeError: what uvloop says to a write after the client has gone.
        with suppress(ConnectionError, asyncio.IncompleteReadError, RuntimeError):
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                await talk(reader, writer)
        closed.set()
        running.open -= 1
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.accepted += 1
        running.open += 1
        conversations[asyncio.create_task(converse(reader, writer))] = writer

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls, backlog=1024)
    running = WireServer(server.sockets[0].getsockname()[1], heads, closed)
    try:
        yield running
    finally:
        await settle()  # who is just coming in: asyncio loses whom it accepts after the close
        server.close()
        for task, writer in conversations.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*conversations, return_exceptions=True)
        await settle()


def replying(
    *, status: str = "200 OK", headers: str = "", body: bytes = b"", length: int | None = None
) -> Talk:
    """Answer each request with this; `length` lies about the body's."""
    declared = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Length: {declared}\r\n{headers}\r\n"

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + body)
        await writer.drain()
        if declared != len(body):
            writer.close()

    return talk


class FakeLookup:
    """A blocking resolver that knows `hosts`, and waits at `gate` for those in `silent`."""

    def __init__(self, hosts: Mapping[str, Sequence[str]] | None = None) -> None:
        self.hosts = dict(hosts or {})
        self.silent: set[str] = set()
        self.gate = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host in self.silent:
            self.gate.wait(60)
        if host not in self.hosts:
            raise OSError(host)
        return self.hosts[host]


tls = cache(tls_context)


def outbound_to(*origins: str, connections: int = 32) -> Outbound:
    """A way out that trusts these origins, over the real transport; names lead nowhere."""
    guards = AddressGuard([Endpoint.of(httpx.URL(origin)) for origin in origins])
    dial = Dialer(Names(FakeLookup()), guards, tls())
    return Outbound(Transport(dial), connections=connections)


class FakeApi:
    """Wawp as a handler for `httpx.MockTransport`: answers by path, from lists."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.by_path: dict[str, list[httpx.Response | Exception]] = {}

    def on(self, path: str, *answers: httpx.Response | Exception) -> FakeApi:
        self.by_path[path] = list(answers)
        return self

    def count(self, path: str) -> int:
        return sum(request.url.path == path for request in self.requests)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self.by_path.get(request.url.path, [httpx.Response(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        # A response can be read once: each caller gets one of their own, not yet read.
        headers = [pair for pair in answer.headers.raw if pair[0].lower() != b"content-length"]
        stream = httpx.ByteStream(answer.content)
        return httpx.Response(answer.status_code, headers=headers, stream=stream)


@contextmanager
def logging_restored() -> Iterator[None]:
    """Let a test configure logging, and leave it as Python starts with it."""
    try:
        yield
    finally:
        for name in ("gateway", "gunicorn.error"):
            ours = logging.getLogger(name)
            ours.handlers.clear()
            ours.propagate = True
        for name in ("gateway", "gateway.access", "gunicorn.error", "httpx", "httpcore", "PIL"):
            logging.getLogger(name).setLevel(logging.NOTSET)
        structlog.reset_defaults()
