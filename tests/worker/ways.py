"""One gateway that can be asked both ways: by the short cut where it is open, and without it."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.model import Absence, ContactId
from gateway.signing import Keyring
from gateway.signing.tokens import Tokens
from gateway.web import (
    AdminEndpoint,
    AvatarEndpoint,
    Defaults,
    Gate,
    HotTable,
    Links,
    Served,
    build_application,
)
from gateway.worker.shortcut import Shortcut
from tests.fakes import MAYA, T0, Clock, FakeKeeper, FakeResolver, House, opened, settle, signed
from tests.processes import ROOT
from tests.worker.house import FakeApp
from tests.worker.house import House as Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from gateway.worker.protocol import GuardedProtocol

KEY: Final = "test-signing-key-0001"
NUMBER: Final = "15551234567"
HIDDEN: Final = ContactId.parse("15550000001")
PHOTO: Final = f"/avatar/{NUMBER}@c.us.png?size=48&dpr=2&shape=circle"
"""The README's own."""

TARGETS: Final = {
    "photo": PHOTO,
    "jpeg": f"/avatar/%2B{NUMBER}.JPEG?s=64",
    "version": f"/avatar/{NUMBER}.png?v=1&size=32",
    "absent": f"/avatar/{HIDDEN.value}.png?d=identicon",
    "forced": f"/avatar/{NUMBER}.png?force=y",
    "unsupported": "/avatar/status@broadcast.png",
}
"""What is learned."""

_SERVERS_DATE = re.compile(rb"\r\nDate: [^\r]*")


def get(target: str = PHOTO, *fields: str, method: str = "GET") -> bytes:
    """A request as a browser sends it, with more `fields`."""
    lines = [f"{method} {target} HTTP/1.1", "Host: faces.example.com", *fields]
    return "".join(line + "\r\n" for line in lines).encode() + b"\r\n"


class Transport(asyncio.BaseTransport):
    """A connection's other end, in memory, which notes what was said and how it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.said = bytearray()
        self.closed = ""

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.said += data

    def write_eof(self) -> None:
        self.closed = self.closed or "half"

    def close(self) -> None:
        self.closed = self.closed or "whole"

    def abort(self) -> None:
        self.closed = "abort"

    def is_closing(self) -> bool:
        return self.closed == "abort"

    def get_extra_info(self, _name: str, default: object = None) -> object:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, *, high: int) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Connection:
    """One connection to a worker, fed by the test."""

    def __init__(self, worker: Worker) -> None:
        self.transport = Transport()
        self.protocol: GuardedProtocol = worker.protocol()
        self.protocol.connection_made(self.transport)

    async def say(self, *parts: bytes) -> None:
        """Let each of `parts` come on its own."""
        for part in parts:
            if part:
                self.protocol.data_received(part)
                await settle()

    async def end(self) -> tuple[bytes, str]:
        """Leave; return all that was said, and how it was closed before that."""
        heard = bytes(self.transport.said), self.transport.closed
        self.protocol.connection_lost(None)
        await settle()
        return heard


class Counting(Shortcut):
    """Counts what it answered."""

    taken = 0

    def __call__(self, data: bytes) -> bytes | None:
        answer = super().__call__(data)
        self.taken += answer is not None
        return answer


@dataclass
class Ways:
    """The same application behind two workers; only `hot` has the short cut."""

    service: House
    table: HotTable
    gate: Gate
    hot: Worker
    cold: Worker
    shortcut: Counting

    @property
    def clock(self) -> Clock:
        return self.service.clock

    async def ask(self, *parts: bytes) -> tuple[bytes, str]:
        """Ask by the short cut, as far as it is open."""
        return await self._ask(self.hot, parts)

    async def ask_without(self, *parts: bytes) -> tuple[bytes, str]:
        """Ask by the ordinary way alone."""
        return await self._ask(self.cold, parts)

    async def same(self, *parts: bytes) -> tuple[bytes, int]:
        """Ask both ways; return what both said, and how many short cuts were taken."""
        before = self.shortcut.taken
        hot = _undated(await self.ask(*parts))
        taken = self.shortcut.taken - before
        assert hot == _undated(await self.ask_without(*parts)), parts
        return hot[0], taken

    async def learn(self, *targets: str) -> None:
        """Have each looked at as often as it takes."""
        for target in targets:
            for _ in range(2):
                await self.ask(get(target))

    async def _ask(self, worker: Worker, parts: Sequence[bytes]) -> tuple[bytes, str]:
        connection = Connection(worker)
        await connection.say(*parts)
        return await connection.end()


@asynccontextmanager
async def both(*keys: str) -> AsyncIterator[Ways]:
    """Open it; Maya has a photo, somebody hides theirs, and every one of `TARGETS` is known."""
    resolver = FakeResolver(signed())
    async with opened(House(resolver)) as service:
        absence = Absence(T0 - 60, certain=True)
        await service.portraits.put(HIDDEN, absence)
        gate = Gate(Keyring(keys), Tokens(keys).unseal, clock=service.clock)
        table = HotTable(
            service.avatars, service.renditions, service.telemetry, clock=service.clock
        )
        application = _application(service, gate, table)
        hot, cold = _worker(application), _worker(application)
        for worker in (hot, cold):
            worker.state = {"served": application.served}
        hot.shortcut = shortcut = Counting(table)
        ways = Ways(service, table, gate, hot, cold, shortcut)
        await service.see(contact=MAYA)
        if not keys:
            await ways.learn(*TARGETS.values())
            shortcut.taken = 0
        yield ways


def _undated(heard: tuple[bytes, str]) -> tuple[bytes, str]:
    """Leave out the dates that are the server's own, which no test moves."""
    return _SERVERS_DATE.sub(b"", heard[0]), heard[1]


class _Application:
    """The application with what its lifespan would have opened."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._asgi = build_application(static=ROOT / "static", lifespan=_never)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        await self._asgi(scope, receive, send)


@asynccontextmanager
async def _never() -> AsyncIterator[Served]:
    raise AssertionError
    yield


def _application(service: House, gate: Gate, table: HotTable) -> _Application:
    links, defaults = Links(""), Defaults()
    admin = AdminEndpoint(
        FakeKeeper(),
        service.documents,
        service.telemetry,
        token="an-admin-token",
        gate=gate,
        links=links,
        defaults=defaults,
    )
    endpoint = AvatarEndpoint(
        service.avatars,
        service.drawings,
        service.documents,
        admin=admin,
        telemetry=service.telemetry,
        links=links,
        defaults=defaults,
        gate=gate,
        learn=table.learn,
        clock=service.clock,
    )
    return _Application(Served(endpoint, admin, service.telemetry, {}, table))


def _worker(application: Any) -> Worker:  # noqa: ANN401 - an application, not the fake one
    worker = Worker(FakeApp())
    worker.asgi = application
    return worker


def cuts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """`data` in two parts, at every byte."""
    for place in range(1, len(data)):
        yield data[:place], data[place:]
