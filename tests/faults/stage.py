"""The real application in this process, and what every answer of it must be.

Views go through ASGI; the upstream is on real sockets. Whoever leaves the stage leaves no trace:
no bug, no lost exception, and no token, signed URL or phone number in any line that was written,
in any answer, in what is counted, or in any file; but for the URLs of portraits, which are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import re
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from PIL import Image

from gateway.app import create_app
from gateway.errors import Reason
from gateway.portraits import directory_of
from gateway.portraits.record import MAGIC
from gateway.sandbox import ACCESS_TOKEN, INSTANCE_ID, Sandbox
from gateway.settings import Settings
from gateway.sharing import Clocks
from tests.fakes import logging_restored
from tests.processes import settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.types import Receive, Scope, Send

    from gateway.telemetry import Telemetry

NUMBER: Final = "15557654321"
"""Whom every test asks about: it has a photo, and appears in no line of any log."""

CONTACT: Final = f"{NUMBER}@c.us"
SIZE: Final = 48
SLACK: Final = 0.2
"""Seconds an answer may take beyond the deadline."""

ADMIN_TOKEN: Final = "marked-admin-token"
SIGNED: Final = ("oh=01_", "/v/t61")
"""What shows that a text holds a picture's URL."""

SECRETS: Final = (NUMBER, ACCESS_TOKEN, INSTANCE_ID, ADMIN_TOKEN, "access_token=", *SIGNED)

ADMIN: Final = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
ERRANDS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("GET", f"/avatar/{CONTACT}.png?size=5", {}),
    ("GET", f"/avatar/{CONTACT}.png?size=5", {"headers": {"Accept": "application/json"}}),
    ("GET", f"/avatar/{NUMBER}%0a{NUMBER}.png", {}),
    ("GET", f"/avatar/{CONTACT}x.json", {}),
    ("GET", f"/avatar/{CONTACT}/{NUMBER}", {}),
    ("GET", f"/{NUMBER}?{NUMBER}={ACCESS_TOKEN}", {}),
    ("PUT", f"/avatar/{CONTACT}.png", {"content": ACCESS_TOKEN}),
    ("DELETE", f"/avatar/{CONTACT}", {}),
    ("DELETE", f"/avatar/{CONTACT}?suppress={NUMBER}", {"headers": ADMIN}),
    ("POST", f"/avatar/{CONTACT}/refresh", {"headers": {"Authorization": f"Bearer {NUMBER}"}}),
    ("POST", "/avatars", {"headers": ADMIN, "json": [CONTACT + "x"]}),
    ("POST", "/avatars/warm", {"headers": ADMIN, "content": f"{{{CONTACT}"}),
    ("GET", "/readyz", {}),
    ("GET", "/healthz", {}),
    ("GET", "/metrics", {}),
)
"""What is asked besides pictures, on the way out: refusals of every kind, and how it goes."""

DAY: Final = 86_400.0

_REASON: Final = re.compile(r"\breason=(\w+)")

RUN: Final = "Runs._complete"
"""What a task does that asks the upstream; a view behind which one begins has begun it."""


class MovableClock:
    """The machine's clocks: time that is let pass, and a time of day that is set ahead or back."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._ahead = 0.0
        self._seen = threading.local()

    def __call__(self) -> float:
        self._seen.passed = self._passed
        return time.time() + self._passed + self._ahead

    def ticks(self) -> float:
        """Time that passes, as much of it as this thread saw pass when it last asked the other.

        A thread reads both clocks one after the other; real time does not leap in between.
        """
        return time.monotonic() + float(getattr(self._seen, "passed", self._passed))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds
        self._seen.passed = self._passed

    def set(self, seconds: float) -> None:
        """Set the time of day ahead, or back."""
        self._ahead += seconds


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: how long a viewer waits, and how long the run goes on."""

    deadline: float
    timeout: float


CALM: Final = Patience(deadline=8.0, timeout=15.0)
"""For upstreams that answer at once, on a machine that may be slow."""

SHORT: Final = Patience(deadline=0.3, timeout=1.4)
"""For upstreams that hang: who waited for the end of the run would be found too late."""

LONG: Final = Patience(deadline=0.4, timeout=15.0)
"""For upstreams that answer after the viewer's deadline and before their own."""


@dataclass(frozen=True, slots=True)
class View:
    """An answer, and the seconds it took."""

    response: httpx.Response = field(repr=False)
    seconds: float

    @property
    def reason(self) -> Reason | None:
        """Why it is a fallback; None for a photo."""
        said = self.response.headers.get("avatar-reason")
        assert self.response.headers["avatar-source"] == ("fallback" if said else "photo")
        return Reason(said) if said else None

    @property
    def waits(self) -> bool:
        """Whether this view waited for a run, instead of being answered from what is known."""
        return "fwd=miss" in self.response.headers["cache-status"]

    @property
    def life(self) -> str:
        """Which class of ``Cache-Control`` it has: fresh, stale, lasting or passing."""
        said = self.response.headers["cache-control"]
        if said.endswith(", stale-while-revalidate=600, stale-if-error=3600"):
            return "fresh"
        named = {"max-age=30": "stale", "max-age=900": "lasting"}
        passing = {f"max-age={seconds}" for seconds in range(10, 21)}
        return named.get(said) or ("passing" if said in passing else said)


class Stage:
    """One gateway in front of one upstream."""

    def __init__(
        self, client: httpx.AsyncClient, telemetry: Telemetry, patience: Patience, log: io.StringIO
    ) -> None:
        self._client = client
        self._telemetry = telemetry
        self._patience = patience
        self._log = log
        self._told: list[bytes] = []

    async def see(self, contact: str = CONTACT, *, size: int = SIZE) -> View:
        """View an avatar and judge all that holds for any answer."""
        counted = self._telemetry.answers.copy()
        view = await self._view(contact, size)
        assert self._telemetry.answers - counted == {(200, view.reason or "photo"): 1}
        return view

    async def see_until(self, fits: Callable[[View], bool], contact: str = CONTACT) -> View:
        """View again and again until the answer `fits`."""
        async with asyncio.timeout(20):
            while not fits(view := await self.see(contact)):  # noqa: ASYNC110 - a viewer has no event
                await asyncio.sleep(0)
        return view

    async def see_the_end(self) -> View:
        """View until the run has ended: the first answer that waited for nothing."""
        return await self.see_until(lambda view: not view.waits)

    async def runs_end(self) -> None:
        """Wait until every run that the views so far have begun is over, and all it did is kept."""
        while runs := [task for task in asyncio.all_tasks() if _does(task) == RUN]:
            await asyncio.wait(runs, timeout=20)

    async def ask(self, target: str) -> httpx.Response:
        """Ask for anything at all."""
        response = await self._client.get(target)
        self._hear(response)
        return response

    async def see_all(self, viewers: int) -> list[View]:
        """So many views at once, of different sizes; they are not counted."""
        views = [self._view(CONTACT, SIZE + each) for each in range(viewers)]
        return list(await asyncio.gather(*views))

    async def _view(self, contact: str, size: int) -> View:
        began = time.monotonic()
        response = await self._client.get(f"/avatar/{contact}.png", params={"size": size})
        view = View(response, time.monotonic() - began)
        self._hear(response)
        assert_well_formed(view, size)
        assert view.seconds <= 2 * (self._patience.deadline + SLACK)
        return view

    @property
    def degraded(self) -> dict[str, str]:
        """What is not as it should be, as ``/readyz`` says it."""
        return self._telemetry.degraded

    def wrote(self, event: str) -> int:
        """How many lines tell of `event`."""
        return self._log.getvalue().count(f" {event} ")

    def failures(self) -> list[str]:
        """The reasons of the runs that failed, as the operator reads them."""
        lines = [line for line in self._log.getvalue().splitlines() if "run.failed" in line]
        return [found[1] for line in lines if (found := _REASON.search(line))]

    async def ask_around(self) -> None:
        """Ask for what is refused, and how the gateway is."""
        for method, target, more in ERRANDS:
            self._hear(await self._client.request(method, target, **more))

    def assert_no_trace(self, *folders: Path) -> None:
        """No bug, and no secret in any line, answer or count, or in a file below `folders`."""
        assert self._telemetry.bugs == 0
        self.assert_unsaid(*SECRETS)
        for text in (*self._told, repr(vars(self._telemetry)).encode()):
            assert held(text, SECRETS) == [], text
        for folder in folders:
            assert_clean(folder)

    def _hear(self, response: httpx.Response) -> None:
        head = [name + b": " + value for name, value in response.headers.raw]
        self._told.append(b"\n".join([*head, response.content]))

    @property
    def written(self) -> str:
        """All lines so far."""
        return self._log.getvalue()

    def assert_unsaid(self, *secrets: str) -> None:
        """None of `secrets` stands in any line so far."""
        assert held(self.written.encode(), secrets) == [], self.written


def held(data: bytes, secrets: tuple[str, ...]) -> list[str]:
    """Which of `secrets` stand in `data`."""
    return [secret for secret in secrets if secret.encode() in data]


def assert_clean(folder: Path, *more: str) -> None:
    """No secret, nor any of `more`, in a name or file below `folder`; portraits keep their URL."""
    everything = (*SECRETS, *more)
    for path in folder.rglob("*"):
        inside = path.read_bytes() if path.is_file() else b""
        kept = SIGNED if inside.startswith(MAGIC) else ()
        secrets = tuple(secret for secret in everything if secret not in kept)
        assert held(bytes(path.relative_to(folder)), everything) == []
        assert held(inside, secrets) == [], path


def _does(task: asyncio.Task[Any]) -> str:
    return str(getattr(task.get_coro(), "__qualname__", ""))


def assert_well_formed(view: View, size: int) -> None:
    """200, and a PNG of exactly the size asked, whole."""
    response = view.response
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-length"] == str(len(response.content))
    with Image.open(io.BytesIO(response.content), formats=["PNG"]) as image:
        image.load()
        assert image.size == (size, size)


@asynccontextmanager
async def staged(
    settings: dict[str, str], *, patience: Patience = CALM, clock: MovableClock | None = None
) -> AsyncIterator[Stage]:
    """Open a gateway with `settings`; on the way out see that it left no trace."""
    durations = {
        "GATEWAY_DEADLINE": f"{patience.deadline:.3f}s",
        "GATEWAY_UPSTREAM_TIMEOUT": f"{patience.timeout:.3f}s",
        "GATEWAY_LOG_LEVEL": "debug",
        "GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN,
    }
    loaded = Settings.load(settings | durations, env_file=None)
    folders = _folders(loaded)
    with overheard() as log:
        async with _nothing_lost(), _opened(loaded, clock or MovableClock()) as (client, telemetry):
            stage = Stage(client, telemetry, patience, log)
            yield stage
            await stage.ask_around()
        stage.assert_no_trace(*folders)


def _folders(settings: Settings) -> list[Path]:
    """Where files of this gateway are."""
    store, runtime = directory_of(settings.store), os.environ.get("XDG_RUNTIME_DIR")
    return [*([store] if store else []), *([Path(runtime)] if runtime else [])]


@asynccontextmanager
async def _opened(
    settings: Settings, clock: MovableClock
) -> AsyncIterator[tuple[httpx.AsyncClient, Telemetry]]:
    app = create_app(settings, clocks=Clocks(clock, clock.ticks))
    async with app.router.lifespan_context(app) as state:
        assert state is not None

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state)}, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://faces") as client:
            # What draws may still be starting, and some deadlines here are shorter than that.
            await client.get("/avatar/15550000000.png?force=y&size=17")
            yield client, state["served"].telemetry


@asynccontextmanager
async def _nothing_lost() -> AsyncIterator[None]:
    """See that no exception ended where only the loop heard of it."""
    lost: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: lost.append(context))
    try:
        yield
    finally:
        loop.set_exception_handler(None)
    assert lost == []


@contextmanager
def overheard() -> Iterator[io.StringIO]:
    """Collect every line that anything in this process writes, at DEBUG."""
    log = io.StringIO()
    everybody, handler = logging.getLogger(), logging.StreamHandler(log)
    level = everybody.level
    everybody.addHandler(handler)
    everybody.setLevel(logging.DEBUG)
    try:
        with logging_restored(), contextlib.redirect_stderr(log):
            yield log
    finally:
        everybody.removeHandler(handler)
        everybody.setLevel(level)


def behind(upstream: str, **more: str) -> dict[str, str]:
    """Settings of a gateway in front of `upstream` that keeps photos in memory."""
    return settings_for(upstream, "memory:", **more)


def refreshes(sandbox: Sandbox) -> list[bool]:
    """Of each picture query, whether it bypassed the API's cache."""
    return [call.refresh for call in sandbox.calls if call.kind == "picture"]


def asked(sandbox: Sandbox) -> tuple[int, int]:
    """How many picture queries and downloads there were."""
    return sandbox.count("picture"), sandbox.count("cdn")


async def stored(folder: Path, number: int = 1) -> set[Path]:
    """The files of so many portraits; they are written behind the viewer."""
    async with asyncio.timeout(20):
        while len(found := portraits(folder)) < number:  # noqa: ASYNC110 - a folder has no event
            await asyncio.sleep(0.001)
    return found


def portraits(folder: Path) -> set[Path]:
    """The files of portraits in the store at `folder`; none that is only half written."""
    files = {path for path in folder.glob("v1/??/*") if path.is_file()}
    return {path for path in files if path.name.isalnum()}
